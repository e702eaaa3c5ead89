"""Becoming final waits for what is being settled at that moment, so that the last count of the board has all of it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from cats4ml.locking import Lock, hold, hold_if_free

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.05


def keep_from_ending(editions: Iterable[int]) -> None:
    """None of these editions becomes final until the transaction ends. Many may ask for it at once; one that is
    becoming final at this moment is waited for, and the caller reads afterwards what it is."""
    for pk in sorted(editions):
        hold(Lock.ENDING, pk, shared=True)


def nobody_settles(edition: int) -> bool:
    """Whether no transaction that may settle pairs of the edition runs; if so none begins until ours ends.

    It is tried again for some seconds, and not waited for in line: who settles may wait for a pair that somebody in
    line behind us holds.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not hold_if_free(Lock.ENDING, edition):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
