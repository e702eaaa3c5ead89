from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.site import Site, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One running platform for all journeys; each journey brings people of its own."""
    home: Path = tmp_path_factory.mktemp("journey") / "home"
    with running_site(home) as running:
        yield running
