"""What `announce` and `manage.py` do with the environment. Nothing is started here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cats4ml import embedded
from cats4ml.embedded.places import CHECKOUT, Places
from manage import needs_servers
from tests.embedded.people import bare_environment, servers_of


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CATS4ML_HOME", str(tmp_path))
    return tmp_path


def test_addresses_that_are_given_are_left_alone(bare: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/cats")
    monkeypatch.setenv("REDIS_URL", "redis://redis.example/0")
    assert embedded.announce() == frozenset()
    embedded.ensure()
    assert not (bare / "run").exists()


def test_only_the_server_that_is_not_given_is_ours_to_start(bare: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/cats")
    assert embedded.announce() == {"redis"}


def test_a_child_knows_the_inherited_addresses_for_its_homes_own(bare: Path):
    assert embedded.announce() == {"postgres", "redis"}
    assert embedded.announce() == {"postgres", "redis"}


def test_a_sockets_path_fits_however_deep_the_checkout_lies(tmp_path: Path):
    places = Places.of(tmp_path / ("deep/" * 60))
    assert len(str(places.sockets / "pg" / ".s.PGSQL.5432")) < 107


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["migrate"], True),
        (["--settings=other", "shell"], True),
        (["demo_raters"], True),
        (["up"], False),
        (["migrate", "--help"], False),
        (["check", "--deploy"], False),
        (["--version"], False),
        ([], False),
    ],
)
def test_servers_start_for_the_commands_that_talk_to_them(arguments: list[str], needed: bool):
    assert needs_servers(arguments) == needed


@pytest.mark.slow
def test_manage_help_starts_nothing_and_a_wrong_command_keeps_its_exit_status(tmp_path: Path):
    environment = bare_environment(CATS4ML_HOME=str(tmp_path))
    run = [sys.executable, "manage.py"]
    helped = subprocess.run(
        [*run, "migrate", "--help"], cwd=CHECKOUT, env=environment, capture_output=True, check=False
    )
    assert helped.returncode == 0
    assert servers_of(tmp_path) == {}
    assert not (tmp_path / "run").exists()
