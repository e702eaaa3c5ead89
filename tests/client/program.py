"""Running the participants' program as they do: a process of its own, in a home of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).resolve().parents[2] / "client"
SECONDS = 120
COLUMNS = 60  # of a terminal


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Program:
    """`home` is where its configuration goes; `environment` is all that it gets beside."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.home / "config" / "cats4ml" / "config.json"

    def surroundings(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "PYTHONPATH": str(CLIENT),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **self.environment,
            **more,
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "cats4ml_client", *map(str, arguments)]

    def __call__(self, *arguments: object, sent: str | bytes = "", **more: str) -> Ended:
        """Run it with this standard input. Its streams are pipes."""
        ended = subprocess.run(
            self.command(*arguments),
            input=sent if isinstance(sent, bytes) else sent.encode(),
            capture_output=True,
            env=self.surroundings(**more),
            cwd=self.home,
            timeout=SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def on_terminal(user: Program, *arguments: str, typed: str = "", hidden: bool = False, **more: str) -> tuple[int, str]:
    """Run the program on a terminal of its own: its exit code and all that it shows there. What is typed goes there at
    once, or when the terminal hides what is typed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    running = subprocess.Popen(
        user.command(*arguments),
        env=user.surroundings(TERM="xterm", **more),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=user.home,
        start_new_session=True,
    )
    while hidden and termios.tcgetattr(leader)[3] & termios.ECHO:
        assert running.poll() is None, "it ended without asking"
        time.sleep(0.02)
    os.close(follower)
    os.write(leader, typed.encode())
    shown = b""
    with suppress(OSError):  # that is how the end of the other side shows
        while block := os.read(leader, 65536):
            shown += block
    os.close(leader)
    return running.wait(SECONDS), shown.decode()
