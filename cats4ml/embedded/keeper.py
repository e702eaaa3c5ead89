"""The keeper: a small process that starts one server, keeps it running, and stops it when its last user has gone.

It polls the lock of the users instead of waiting for it, since it must watch its server at the same time.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

from .errors import EmbeddedServerError, log_tail
from .files import KeeperFiles
from .locks import try_exclusive
from .places import Places
from .postgres import Postgres
from .redis_server import Redis
from .server import Server

KINDS: dict[str, type[Server]] = {"postgres": Postgres, "redis": Redis}
POLL_SECONDS = 0.1
START_SECONDS = 180.0
STOP_SECONDS = 20.0
RETRY_SECONDS = 15.0
QUICK_DEATHS, QUICK_SECONDS = 5, 60.0
LARGEST_LOG = 20_000_000


class Keeper:
    """Keeps one server for the users of one home."""

    def __init__(self, server: Server, files: KeeperFiles) -> None:
        self.server = server
        self.files = files
        self.told_to_stop = False
        self.deaths: list[float] = []

    def run(self) -> None:
        """Returns when the server has been stopped; what goes wrong is told through the state file."""
        signal.signal(signal.SIGTERM, self._stop_soon)
        signal.signal(signal.SIGINT, self._stop_soon)
        process: subprocess.Popen[bytes] | None = None
        start_lock = None
        try:
            process = self._start()
            while not self.told_to_stop and (start_lock := self._nobody_is_left()) is None:
                time.sleep(POLL_SECONDS)
                if process.poll() is not None:
                    process = self._start_again(process)
            self.files.state.unlink(missing_ok=True)
        except Exception as error:
            write_state(self.files.state, error=str(error) or repr(error))
            raise
        finally:
            if process is not None:
                self._stop(process)
            self.files.close_keeper_lock()
            # Last: whoever waits to start must find the keeper's lock free.
            if start_lock is not None:
                os.close(start_lock)

    def _stop_soon(self, _signal: int, _frame: FrameType | None) -> None:
        self.told_to_stop = True

    def _start(self) -> subprocess.Popen[bytes]:
        self._shorten_log()
        self.server.prepare()
        give_up = time.monotonic() + RETRY_SECONDS
        while True:
            process = self.server.start()
            if self._wait_until_it_answers(process):
                write_state(self.files.state)
                return process
            tail = log_tail(self.server.log)
            # Back ends of a PostgreSQL that was killed need a moment to notice.
            if "shared memory block" not in tail or time.monotonic() > give_up:
                raise EmbeddedServerError(
                    f"{self.server.kind} ended with status {process.returncode} at its start.\n{tail}"
                )
            time.sleep(0.5)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> bool:
        """False where it ended instead."""
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None:
            if self.server.answers(process):
                return True
            if time.monotonic() > deadline:
                self._stop(process)
                raise EmbeddedServerError(
                    f"{self.server.kind} did not answer within {START_SECONDS:.0f} s.\n{log_tail(self.server.log)}"
                )
            time.sleep(0.02)
        return False

    def _start_again(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        print(f"{self.server.kind} ended with status {process.returncode}; starting it again", flush=True)
        self.files.state.unlink(missing_ok=True)
        now = time.monotonic()
        self.deaths = [*(at for at in self.deaths if now - at < QUICK_SECONDS), now]
        if len(self.deaths) >= QUICK_DEATHS:
            raise EmbeddedServerError(
                f"{self.server.kind} died {QUICK_DEATHS} times within {QUICK_SECONDS:.0f} s.\n"
                f"{log_tail(self.server.log)}"
            )
        return self._start()

    def _nobody_is_left(self) -> int | None:
        """The start lock, held so that nobody comes in while the server stops; None where it has users."""
        start_lock = try_exclusive(self.files.start_lock)
        if start_lock is None:
            return None
        users = try_exclusive(self.files.users_lock)
        if users is None:
            os.close(start_lock)
            return None
        os.close(users)
        return start_lock

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        for sent in self.server.stop_signals:
            if process.poll() is None:
                process.send_signal(sent)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return

    def _shorten_log(self) -> None:
        log = self.server.log
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.rename(log.with_suffix(".log.1"))


def write_state(path: Path, *, error: str = "") -> None:
    """Tells the users how the start went, all at once."""
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps({"error": error}))
    scratch.rename(path)


def keep(kind: str, home: Path, *, throwaway: bool) -> int:
    """The keeper's whole life: takes the lock, goes into the background, keeps. 0 in the process that was called.

    The lock is taken before the fork, which shares it: when the caller returns, the keeper is known to hold it.
    """
    places = Places.of(home)
    files = KeeperFiles(places, kind)
    if not files.take_keeper_lock():
        print(f"another process keeps {kind} already", flush=True)
        return 1
    if os.fork():
        return 0
    Keeper(KINDS[kind](places, throwaway=throwaway), files).run()
    return 0
