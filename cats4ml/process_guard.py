"""Process groups that end together, even where the process that started them is killed with ``kill -9``.

Run as a program, this file reads lines ``+GROUP`` and ``-GROUP`` from its standard input. When the other end of
the pipe is gone, however that came about, it ends the groups that were not taken off the list. Standard library only:
the guard must start at once and stay small.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

GRACE_SECONDS = 8.0


def send_group(group: int, sent: signal.Signals) -> bool:
    """Signals a whole process group; False where nothing is left of it."""
    try:
        os.killpg(group, sent)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS's answer for a group of zombies
        return False
    return True


def end_groups(groups: Collection[int], *, grace: float = GRACE_SECONDS) -> None:
    """Asks the groups to end, and kills what is left after `grace` seconds."""
    left = [group for group in groups if send_group(group, signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [group for group in left if is_alive(group)]
    for group in left:
        send_group(group, signal.SIGKILL)


def is_alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


class Guard:
    """The guard, seen from the process that it watches."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            # By its path, for importing the package around it would bring Celery.
            [sys.executable, "-P", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._write(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._write(f"-{group}\n")

    def close(self) -> None:
        """Ends the guard, and what it still watches."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        if self._process.stdin:
            # A killed guard is a lost safety net, not a reason to stop what it watched.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change, group = line[0], int(line[1:])
        if change == "+":
            groups.add(group)
        else:
            groups.discard(group)
    end_groups(groups)


if __name__ == "__main__":
    main()
