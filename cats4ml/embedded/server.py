"""What the keeper asks of a server that it keeps."""

import ctypes
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from .places import Places, server_identity

PR_SET_PDEATHSIG = 1


class Server(ABC):
    """One server of one home. `throwaway` trades the survival of its data for speed: for tests."""

    kind: str
    stop_signals: tuple[signal.Signals, ...]
    """Sent one after the other, each with some seconds to obey."""

    def __init__(self, places: Places, *, throwaway: bool) -> None:
        self.places = places
        self.throwaway = throwaway
        self.identity = server_identity()

    @property
    def log(self) -> Path:
        return self.places.log_of(self.kind)

    @abstractmethod
    def prepare(self) -> None:
        """Makes folders and data where there are none, and clears away what a killed run left.

        Raises EmbeddedServerError.
        """

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that runs the server in the foreground."""

    @abstractmethod
    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the server takes connections."""

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it; it dies with the process that called."""
        return self.run_as_server(self.command())

    def run_as_server(self, command: list[str], *, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Runs a program as the servers' user, with nothing of our environment and its output in the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                umask=0o077,
                start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signals[0]),  # noqa: PLW1509 - the keeper has one thread
                **self.identity.popen_options(),
            )


def _die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: has the kernel send the signal to the child when its parent dies (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(sent))

    return ask_kernel
