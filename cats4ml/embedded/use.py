"""How a process uses the embedded servers."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import EmbeddedServerError, log_tail
from .files import KeeperFiles
from .locks import exclusive, hold_shared, is_held
from .places import SOCKETS_PARENT, Places, prepare_home
from .urls import ServerUrls, urls_of

VARIABLES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
LEAVE_SECONDS = 60.0
KEEPER = Path(__file__).resolve().parent / "__main__.py"


class Hold:
    """This process's share in one server of one home."""

    def __init__(self, kind: str, places: Places, *, throwaway: bool = False) -> None:
        self.files = KeeperFiles(places, kind)
        self.throwaway = throwaway
        self.owner = os.getpid()
        prepare_home(places)
        with exclusive(self.files.start_lock):
            self._users_fd = hold_shared(self.files.users_lock)
            try:
                self._need_keeper()
            except BaseException:
                os.close(self._users_fd)
                raise

    def keep_alive(self) -> None:
        """Starts keeper and server again, should they have been killed."""
        if not self.files.keeper_lives():
            with exclusive(self.files.start_lock):
                self._need_keeper()

    def release(self) -> None:
        """Gives the share back; if it was the last, waits until the server has stopped."""
        os.close(self._users_fd)
        if os.getpid() != self.owner:
            return  # a forked child: its parent still uses the server
        deadline = time.monotonic() + LEAVE_SECONDS
        while self.files.keeper_lives() and not is_held(self.files.users_lock) and time.monotonic() < deadline:
            time.sleep(0.03)

    def _need_keeper(self) -> None:
        if not self.files.keeper_lives():
            self._start_keeper()
        while not self.files.state.exists():
            if not self.files.keeper_lives():
                break
            time.sleep(0.02)
        try:
            error = json.loads(self.files.state.read_text())["error"]
        except FileNotFoundError:
            error = f"The keeper of {self.files.kind} ended without a word.\n{log_tail(self.files.keeper_log)}"
        if error:
            raise EmbeddedServerError(f"The embedded {self.files.kind} can't be started: {error}")

    def _start_keeper(self) -> None:
        self.files.state.unlink(missing_ok=True)
        command = [sys.executable, "-P", str(KEEPER), self.files.kind, str(self.files.places.home)]
        with self.files.keeper_log.open("ab") as log:
            subprocess.run(  # noqa: S603
                [*command, *(["--throwaway"] if self.throwaway else [])],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )


_held: dict[tuple[str, Path], Hold] = {}
"""The shares that `ensure` took for this process."""


def announce(home: Path | str | None = None) -> frozenset[str]:
    """Puts DATABASE_URL, REDIS_URL and CATS4ML_HOME in the environment where they are missing. Starts nothing.

    The answer names the servers that are ours to start: those whose address is this home's, set here or by a parent.
    """
    places = Places.of(home)
    urls = urls_of(places.sockets)
    own = {"postgres": urls.database_url, "redis": urls.redis_url}
    os.environ.setdefault("CATS4ML_HOME", str(places.home))
    for kind, variable in VARIABLES.items():
        if not os.environ.get(variable):
            os.environ[variable] = own[kind]
    return frozenset(kind for kind, variable in VARIABLES.items() if os.environ[variable] == own[kind])


def ensure(home: Path | str | None = None) -> None:
    """Has the servers run that the environment does not name, until this process ends; children inherit the addresses.

    May be called twice. Raises EmbeddedServerError with the end of the log where one can't be started.
    """
    places = Places.of(home)
    for kind in sorted(announce(home)):
        if (kind, places.home) not in _held:
            if not _held:
                atexit.register(release)
            _held[kind, places.home] = Hold(kind, places)


def keep_alive() -> None:
    """For a process of long life: starts again what `ensure` started, should the keeper itself have been killed."""
    for hold in _held.values():
        hold.keep_alive()


def release() -> None:
    """Gives back what `ensure` took, as the end of the process would."""
    while _held:
        _held.popitem()[1].release()


@contextmanager
def servers(home: Path | str | None = None, *, throwaway: bool = False) -> Iterator[ServerUrls]:
    """Both servers of `home`, for the time of the block. The environment is left alone."""
    places = Places.of(home)
    with ExitStack() as stack:
        for kind in VARIABLES:
            stack.callback(Hold(kind, places, throwaway=throwaway).release)
        yield urls_of(places.sockets)


@contextmanager
def temporary_servers() -> Iterator[ServerUrls]:
    """Both servers with a home of their own, fast and without lasting data, which is removed afterwards: for tests."""
    home = Path(tempfile.mkdtemp(prefix="cats4ml-home-", dir=SOCKETS_PARENT))
    home.chmod(0o711)  # so that root's servers can pass through this folder of ours to their data
    try:
        with servers(home, throwaway=True) as urls:
            yield urls
    finally:
        erase(home)
        shutil.rmtree(home, ignore_errors=True)


def erase(home: Path | str | None = None) -> None:
    """Removes the data and the sockets of a home, wherever they lie. Refuses while a server of it is in use."""
    places = Places.of(home)
    if not places.run.exists():
        return
    with ExitStack() as stack:
        for kind in VARIABLES:
            files = KeeperFiles(places, kind)
            stack.enter_context(exclusive(files.start_lock))
            if files.keeper_lives():
                raise EmbeddedServerError(f"{kind} of {places.home} is in use: stop what uses it first.")
        for folder in (places.home / "postgres", places.home / "redis", places.outside, places.sockets):
            if folder.exists():
                shutil.rmtree(folder)
