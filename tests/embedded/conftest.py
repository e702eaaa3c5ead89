from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cats4ml.embedded import ServerUrls
from tests.embedded.people import User, temporary_home


class Users(list[User]):
    def come(self, home: Path, **options: object) -> User:
        self.append(User(home, **options))
        return self[-1]


@pytest.fixture
def users(home: Path) -> Iterator[Users]:
    """Makes users of servers; those that are left at the end are killed (before the home goes)."""
    users = Users()
    yield users
    for user in users:
        if user.process.poll() is None:
            user.kill()


@dataclass
class Running:
    home: Path
    urls: ServerUrls


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """Servers that tests may look at and talk to, but neither stop nor kill."""
    with temporary_home() as home:
        user = User(home)
        try:
            yield Running(home, user.urls)
        finally:
            user.leave()


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home
