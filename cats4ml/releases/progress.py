"""How far a build has come: one bar over its steps, kept in the release's row while the snapshot can write nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections

from cats4ml.releases.models import Release

logger = logging.getLogger(__name__)

TOTAL = 1000
# By step, how much of the bar lies before it and how much it takes: about as long as it lasts.
STEPS = {"Writing pairs": (0, 780), "Describing": (780, 40), "Packing": (820, 100), "Keeping files": (920, 80)}
EVERY_SECONDS = 0.5

Progress = Callable[[str, int, int], None]


class Meter:
    """Takes what a step has done and tells all who asked, with the bar's own figures."""

    def __init__(self, *told: Progress) -> None:
        self._told = told

    def to(self, step: str, done: int, total: int) -> None:
        before, room = STEPS[step]
        place = before + room * min(done, total) // max(total, 1)
        for tell in self._told:
            tell(step, place, TOTAL)


@contextmanager
def kept_in_row(release: Release) -> Iterator[Progress]:
    """Writes progress to the row through a connection of its own, twice a second at most.

    What goes wrong with it is logged: a build is not lost for its bar.
    """
    connection = connections.create_connection("default")
    spoke_at = 0.0

    def tell(step: str, done: int, total: int) -> None:
        nonlocal spoke_at
        if time.monotonic() - spoke_at < EVERY_SECONDS:
            return
        spoke_at = time.monotonic()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
                cursor.execute(
                    "UPDATE releases_release SET step = %s, done = %s, total = %s WHERE id = %s AND state = 'building'",
                    [step, done, total, release.pk],
                )
        except DatabaseError as error:
            logger.warning("progress of %s was not written: %s", release, error)

    try:
        yield tell
    finally:
        connection.close()
