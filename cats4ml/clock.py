"""The clock that rings the sweeps: Celery's beat, which also says that it is alive."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from celery.beat import Scheduler
from django.db import Error, connection
from django.utils import timezone

from cats4ml.heartbeats import CLOCK, beat

logger = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=5)
LEAST_EXPIRY = 30.0


class Clock(Scheduler):
    """Keeps when it rang last in memory: every sweep may run twice, and a file could be torn by a crash or a full disk.

    Where the machine's clock is set back, what was rung "in the future" is rung again now: Celery's own would stay
    silent until that moment comes once more. What is rung while no worker runs is not made up for, since the next ring
    does the same: else an hour's rings would keep a worker that comes back from what people wait for.
    """

    beaten_at: datetime | None = None

    def setup_schedule(self) -> None:
        """Everything is due at the start: what is rung once a day is rung though the clock is started every hour."""
        super().setup_schedule()
        at = timezone.now()
        for entry in self.schedule.values():
            every = float(self.app.conf.beat_schedule[entry.name]["schedule"])
            entry.last_run_at = at - timedelta(seconds=every)
            entry.options = {"expires": max(LEAST_EXPIRY, 2 * every), **(entry.options or {})}

    def tick(self, *args: Any, **kwargs: Any) -> float:
        at = timezone.now()
        self._forget_the_future(at)
        self._beat(at)
        return float(min(super().tick(*args, **kwargs), BEAT_EVERY.total_seconds()))

    def _forget_the_future(self, at: datetime) -> None:
        soon = at + timedelta(seconds=1)
        ahead = [one for one in self.schedule.values() if one.last_run_at is not None and one.last_run_at > soon]
        for entry in ahead:
            entry.last_run_at = at
        if ahead:
            logger.warning("the machine's clock was set back: the sweeps are counted from now")
            self._heap = None  # made anew out of the entries

    def _beat(self, at: datetime) -> None:
        if self.beaten_at is not None and timedelta() <= at - self.beaten_at < BEAT_EVERY:
            return
        self.beaten_at = at
        try:
            beat(CLOCK, at)
        except Error as error:  # a database that is away must not stop the clock
            logger.warning("the clock could not say that it is alive: %s", error)
            connection.close()
