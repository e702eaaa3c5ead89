"""The files by which the users of a server and its keeper understand each other. All lie in ``<home>/run``."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from .locks import is_held, try_exclusive
from .places import Places


@dataclass
class KeeperFiles:
    """Three locks and a note, for one kind of server.

    ``start_lock``  one at a time starts or stops the server;
    ``users_lock``  shared by every process that uses it;
    ``keeper_lock`` held by the keeper all its life;
    ``state``       there once a start has succeeded or failed.
    """

    places: Places
    kind: str
    _keeper_fd: int | None = field(default=None, init=False)

    @property
    def start_lock(self) -> Path:
        return self.places.run / f"{self.kind}.start.lock"

    @property
    def users_lock(self) -> Path:
        return self.places.run / f"{self.kind}.users.lock"

    @property
    def keeper_lock(self) -> Path:
        return self.places.run / f"{self.kind}.keeper.lock"

    @property
    def state(self) -> Path:
        return self.places.run / f"{self.kind}.state"

    @property
    def keeper_log(self) -> Path:
        return self.places.log_of(f"{self.kind}-keeper")

    def keeper_lives(self) -> bool:
        return is_held(self.keeper_lock)

    def take_keeper_lock(self) -> bool:
        """Tried for a moment, since whoever asks `keeper_lives` holds the lock for an instant."""
        deadline = time.monotonic() + 2
        while (fd := try_exclusive(self.keeper_lock)) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        self._keeper_fd = fd
        return True

    def close_keeper_lock(self) -> None:
        if self._keeper_fd is not None:
            os.close(self._keeper_fd)
            self._keeper_fd = None
