"""Processes that use embedded servers, seen from a test: they can be asked to leave, or be killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from cats4ml.embedded import ServerUrls, erase
from cats4ml.embedded.places import CHECKOUT, Places

USER_PROGRAM = """
import dataclasses, json, sys
from cats4ml import embedded
with embedded.servers(sys.argv[1], throwaway=sys.argv[2] == "throwaway") as urls:
    print(json.dumps(dataclasses.asdict(urls)), flush=True)
    sys.stdin.read()
"""


def bare_environment(**more: str) -> dict[str, str]:
    """The environment without the addresses of the test run's own servers."""
    unwanted = {"DATABASE_URL", "REDIS_URL", "CATS4ML_HOME"}
    return {**{name: value for name, value in os.environ.items() if name not in unwanted}, **more}


class User:
    """A process of its own that uses the servers of `home` until told otherwise."""

    def __init__(
        self,
        home: Path,
        *,
        checkout: Path = CHECKOUT,
        python: str = sys.executable,
        user: str | None = None,
        throwaway: bool = True,
        **environment: str,
    ) -> None:
        self.process = subprocess.Popen(
            [python, "-c", USER_PROGRAM, str(home), "throwaway" if throwaway else "lasting"],
            cwd=checkout,
            env=bare_environment(**environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **({"user": user, "group": user, "extra_groups": []} if user else {}),
        )

    @property
    def urls(self) -> ServerUrls:
        """Waits until the servers are there."""
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        return ServerUrls(**json.loads(line))

    def leave(self) -> str:
        """Has it leave in peace; what it wrote to stderr."""
        return self.process.communicate(timeout=60)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def servers_of(home: Path) -> dict[str, psutil.Process]:
    """The keepers and servers of a home that are running, by name.

    The oldest of a name: a child that PostgreSQL has just forked still has its parent's command line.
    """
    places = Places.of(home)
    marks = {
        "postgres-keeper": ("embedded/__main__.py postgres", str(places.home)),
        "redis-keeper": ("embedded/__main__.py redis", str(places.home)),
        "postgres": ("/bin/postgres -D", str(places.sockets)),
        "redis": ("unixsocket:", str(places.sockets)),
    }
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            found = {name: process for name, parts in marks.items() if all(part in line for part in parts)} | found
    return found


def eventually(true: Callable[[], object], *, within: float = 15) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def temporary_home(*, mode: int = 0o711) -> Iterator[Path]:
    """A home folder below /tmp that is gone afterwards, with all that was in use there."""
    home = Path(tempfile.mkdtemp(prefix="cats4ml-home-", dir="/tmp"))
    home.chmod(mode)
    try:
        yield home
    finally:
        eventually(lambda: not servers_of(home))
        erase(home)
        shutil.rmtree(home)
