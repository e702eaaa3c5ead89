"""The whole platform as `make run` starts it, in a home of its own, for tests that look at it from outside."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image as Pillow

from cats4ml import embedded

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 480  # the first start trains; a busy machine takes several times as long
STOP_SECONDS = 60


def _pixels(picture: bytes) -> bytes:
    with Pillow.open(io.BytesIO(picture)) as opened:
        return opened.convert("L").tobytes()


@dataclass
class Site:
    """A running platform. `people`: user name and password by role."""

    address: str
    home: Path
    process: subprocess.Popen[str]
    log: Path
    people: dict[str, tuple[str, str]]

    def children(self, name: str) -> list[int]:
        """Process ids of the platform's Celery workers whose command line holds `name`."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                home = f"CATS4ML_HOME={self.home}".encode() in (entry / "environ").read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if home and name in command:
                found.append(int(entry.name))
        return found

    @cached_property
    def _digits(self) -> dict[bytes, str]:
        folder = self.home / "demo" / "digits"
        rows = csv.DictReader((folder / "targets.csv").open(encoding="utf-8"))
        return {_pixels((folder / row["file"]).read_bytes()): row["digit"] for row in rows}

    def digit_in(self, picture: bytes) -> str:
        """Which digit a scan shows, by the data set's own label."""
        return self._digits[_pixels(picture)]

    def adverse_pairs(self) -> list[tuple[str, str, str]]:
        """Image, label and kind of the pairs that machines and the data set's own labels disagree on."""
        folder = self.home / "demo" / "digits"
        means: dict[str, dict[str, float]] = defaultdict(dict)
        for row in csv.DictReader((folder / "scores.csv").open(encoding="utf-8")):
            means[row["image_id"]][row["label_id"]] = float(row["machine_mean"])
        return [
            (row["image_id"], label, "false_negative" if label == row["digit"] else "false_positive")
            for row in csv.DictReader((folder / "targets.csv").open(encoding="utf-8"))
            for label, mean in means[row["image_id"]].items()
            if (mean >= 0.5) != (label == row["digit"])
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {**kept, "CATS4ML_HOME": str(home), "PYTHONUNBUFFERED": "1", "API_RATE_USER": "6000/min"}


def start(home: Path, log: Path) -> Site:
    """Start it and return once the site answers and has said how to sign in."""
    port = free_port()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            cwd=CHECKOUT,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text(encoding="utf-8")
        if "Ctrl-C stops everything" in text:
            rows = re.findall(r"^(participant|rater|organiser) +(\S+) +(\S+)", text, re.MULTILINE)
            people = {role: (name, password) for role, name, password in rows}
            return Site(f"http://127.0.0.1:{port}", home, process, log, people)
        time.sleep(0.2)
    process.kill()
    raise AssertionError(f"the platform did not start:\n{log.read_text(encoding='utf-8')[-4000:]}")


def stop(site: Site) -> None:
    """As Ctrl-C does."""
    site.process.send_signal(signal.SIGINT)
    site.process.wait(timeout=STOP_SECONDS)


@contextmanager
def running_site(home: Path) -> Iterator[Site]:
    site = start(home, home.parent / f"{home.name}.log")
    try:
        yield site
    finally:
        if site.process.poll() is None:
            stop(site)
        # Its data may lie outside the home, where an unprivileged server can reach them.
        embedded.erase(home)
