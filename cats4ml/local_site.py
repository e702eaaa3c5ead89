"""What makes up the platform on one machine: which programs, on which port, and when it is ready. Knows no Django."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cats4ml import embedded
from cats4ml.embedded.locks import try_exclusive
from cats4ml.supervisor import Program, Terminal
from scoring.contract import SCORING_QUEUE, WEB_QUEUE

CHECKOUT = Path(__file__).resolve().parents[1]
ASK_SECONDS = 1.0
PATIENCE_SECONDS = 90.0
KEEP_ALIVE_SECONDS = 2.0


class CannotStartError(RuntimeError):
    """The platform can't be started; the message says why and what to do."""


class PortInUseError(CannotStartError):
    """Another program listens on the port."""


class AlreadyRunningError(CannotStartError):
    """The platform runs from this checkout already."""


@contextmanager
def only_one(home: Path, *, address: str) -> Iterator[None]:
    """Holds the place of the one running platform of `home`; raises AlreadyRunningError where it is taken."""
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    lock = try_exclusive(folder / "up.lock")
    note = folder / "up.txt"
    if lock is None:
        where = note.read_text() if note.exists() else "somewhere"
        raise AlreadyRunningError(
            f"The platform is already running from this folder: {where}. Stop it there with Ctrl-C."
        )
    try:
        note.write_text(f"{address} (process {os.getpid()})")
        yield
    finally:
        note.unlink(missing_ok=True)
        os.close(lock)


def check_port(host: str, port: int) -> None:
    """Raises PortInUseError where one can't listen on the port, and says how to choose another."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            reason = "in use by another program" if error.errno == errno.EADDRINUSE else (error.strerror or "not free")
            raise PortInUseError(
                f"Port {port} of {host} is {reason}. Choose another one: make run PORT={port + 1}"
            ) from error


def local_programs(*, host: str, port: int, scoring: Mapping[str, str], demo_raters: bool) -> list[Program]:
    """Web server, web worker, scoring worker, clock and, if asked for, the demonstration's raters.

    `scoring`: what the scoring worker's environment must say of pictures and classifiers.
    """
    python, home = sys.executable, Path(os.environ["CATS4ML_HOME"])
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    site = {"SITE_URL": os.environ.get("SITE_URL") or address_of(host, port)}
    metrics = {"PROMETHEUS_MULTIPROC_DIR": str(fresh_folder(home / "run" / "metrics"))}
    # Celery warns root of itself; on a machine of one's own that helps nobody, and its banner hides what matters.
    celery = [python, "-W", "ignore:You're running the worker with superuser privileges", "-m", "celery", "--quiet"]
    alone = ["--without-gossip", "--without-mingle", "--loglevel"]
    programs = [
        Program(
            name="web",
            command=[
                *(python, "-m", "gunicorn", "cats4ml.wsgi", "-c", "python:cats4ml.serving", "--bind", bind),
                *("--workers", "2", "--graceful-timeout", "5"),
            ],
            environment={**site, **metrics},
        ),
        Program(
            name="worker",
            command=[
                *celery,
                *("-A", "cats4ml", "worker", "-Q", WEB_QUEUE, "-c", "2", "-n", "web@%h"),
                *alone,
                "WARNING",
            ],
            environment={**site, **metrics},
        ),
        Program(
            name="scoring",
            command=[
                *celery,
                *("-A", "scoring.app", "worker", "-Q", SCORING_QUEUE, "-n", "scoring@%h"),
                *alone,
                "WARNING",
            ],
            environment={**torch_threads(), **metrics, **scoring},
            # The worker knows no Django: with its settings named, Celery would load the whole web side into it.
            without=("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY"),
        ),
        Program(
            name="clock",
            command=[
                *celery,
                *("-A", "cats4ml", "beat", "--schedule", str(home / "run" / "beat"), "--pidfile", ""),
                "--loglevel",
                "WARNING",
            ],
        ),
    ]
    if demo_raters:
        programs.append(
            Program(name="raters", command=[python, str(CHECKOUT / "manage.py"), "demo_raters"], may_finish=True)
        )
    return programs


def fresh_folder(folder: Path) -> Path:
    """An empty folder: what the processes of the last run counted is no part of this run's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def address_of(host: str, port: int) -> str:
    """Where the site that listens there is found from this machine."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}/" if ":" in reachable else f"http://{reachable}:{port}/"


def torch_threads() -> dict[str, str]:
    """Threads for the scoring worker: all cores but one, which the web server needs to stay quick.

    More threads than cores make torch many times slower. What the environment says already is kept.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, cores - 1))
    names = ("SCORING_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: os.environ.get(name) or threads for name in names}


class Watch:
    """Says when the site answers, and keeps the embedded servers alive."""

    def __init__(self, *, host: str, port: int, terminal: Terminal, people: Sequence[tuple[str, str, str]]) -> None:
        self.address = address_of(host, port)
        self.terminal = terminal
        self.people = people
        self.ready = False
        self._began = time.monotonic()
        self._ask_at = 0.0
        self._keep_alive_at = 0.0
        self._complained = False

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._keep_alive_at:
            self._keep_alive_at = now + KEEP_ALIVE_SECONDS
            embedded.keep_alive()
        if not self.ready and now >= self._ask_at:
            self._ask_at = now + ASK_SECONDS
            self._ask(now)

    def _ask(self, now: float) -> None:
        if answers(f"{self.address}readyz/"):
            self.ready = True
            self.terminal.say(banner(self.address, self.people))
        elif not self._complained and now - self._began > PATIENCE_SECONDS:
            self._complained = True
            self.terminal.shout(f"{self.address} does not answer yet. The lines of 'web' above may say why.")


def answers(url: str) -> bool:
    """Whether the site says that it is well."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as response:  # noqa: S310 - our own http address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def banner(address: str, people: Sequence[tuple[str, str, str]]) -> str:
    """What a person needs to begin: the address, and a name and a password for every role."""
    rows = [("sign in as", "user name", "password"), *people] if people else []
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    table = ["   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines = [f"CATS4ML is ready:  {address}", *([""] if table else []), *table, "", "Ctrl-C stops everything."]
    rule = "─" * max(map(len, lines))
    return "\n".join(["", rule, *lines, rule, ""])
