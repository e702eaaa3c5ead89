from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rest_framework.throttling import SimpleRateThrottle

from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import User
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.models import Participation, Role
from tests.client.program import Program
from tests.factories import START, World, make_user, make_world


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests come from one address."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program as it is on a machine on which it never ran."""
    home = tmp_path / "home"
    home.mkdir()
    return Program(home)


@dataclass
class Bench:
    """A running site with one open challenge, `digits`, and the program of a person, who isn't signed in yet."""

    url: str
    world: World
    program: Program
    finders: dict[str, Participation] = field(default_factory=dict)

    def key(self, user: User, *scopes: str) -> str:
        _, key = create_token(user=user, name="laptop", scopes=scopes, at=START)
        return key

    def as_finder(self, name: str = "ada") -> Program:
        """The program, signed in for a finder of this name."""
        user = make_user(name)
        self.finders[name] = self.world.finder(user)
        return self.signed_in(self.key(user, "submit"))

    def as_organiser(self) -> Program:
        user = make_user("olga")
        join_challenge(challenge=self.world.challenge, user=user, role=Role.ORGANISER, consent_version=None, at=START)
        return self.signed_in(self.key(user, "organise"))

    def signed_in(self, key: str) -> Program:
        environment = {"CATS4ML_URL": self.url, "CATS4ML_TOKEN": key, "CATS4ML_CHALLENGE": "digits"}
        return Program(self.program.home, environment)


@pytest.fixture
def bench(live_server, transactional_db: None, program: Program) -> Bench:
    return Bench(live_server.url, make_world(slug="digits"), program)
