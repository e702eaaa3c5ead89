"""Locks on files (``flock``) that the kernel drops when their process ends, however it ends.

A lock is the open file descriptor that is returned: close it to give the lock back. ``LOCK_UN`` is never used, because
a forked child shares its parent's lock and would take it from the parent too.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def hold_shared(path: Path) -> int:
    """Waits for and takes a shared lock."""
    fd = _open(path)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def try_exclusive(path: Path) -> int | None:
    """The lock for oneself alone, or None where anybody else holds it."""
    fd = _open(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Waits for the lock, holds it in the block."""
    fd = _open(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether any process, this one too, holds a lock on `path`."""
    fd = try_exclusive(path)
    if fd is None:
        return True
    os.close(fd)
    return False
