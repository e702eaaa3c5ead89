"""What a web server's process does where the clock or the web workers are silent: it stands in for them.

A thread of each process that serves pages (`serving.py` starts it) looks every quarter of a minute. Where the clock is
silent it rings the sweeps itself; where the web workers are, it notes the standstill and has stalled pairs sent again,
so that an organiser is told by the one part that still runs.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from django.db import close_old_connections, connection
from django.utils import timezone

from cats4ml.celery import app
from cats4ml.console.standstills import look
from cats4ml.heartbeats import CLOCK, WEB, expect, last_beats, silent_since
from cats4ml.locking import Lock, alone
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.scores import requeue_stalled
from scoring.contract import WEB_QUEUE

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
# Sweeps that are rung more seldom can wait for the clock.
VITAL_WITHIN = 60.0


def stand_in(*, at: datetime) -> list[str]:
    """Do what the silent ones would do, if no other process does. Returns who is silent."""
    for name in (CLOCK, WEB):
        expect(name, at)
    silent = silent_ones(at)
    if not silent:
        return []
    with alone(Lock.STANDSTILLS, 1) as free:
        if free:
            if CLOCK in silent:
                ring_sweeps()
            if WEB in silent:
                requeue_stalled(at=at)
            look(at=at)
    return silent


def silent_ones(at: datetime) -> list[str]:
    beats = last_beats()
    return [name for name in (CLOCK, WEB) if silent_since(beats, name, at) is not None]


def ring_sweeps() -> None:
    for name, entry in app.conf.beat_schedule.items():
        if float(entry["schedule"]) <= VITAL_WITHIN:
            logger.info("the clock is silent: ringing %r", name)
            dispatch.send(entry["task"], WEB_QUEUE, expires=LOOK_SECONDS)


def watch() -> None:
    """Look again and again, for as long as the process lives; what goes wrong is logged."""
    pause = threading.Event()
    while True:
        pause.wait(LOOK_SECONDS)
        try:
            close_old_connections()
            stand_in(at=timezone.now())
        except Exception:
            logger.warning("could not look who is silent", exc_info=True)
            connection.close()


def start() -> threading.Thread:
    thread = threading.Thread(target=watch, name="watchman", daemon=True)
    thread.start()
    return thread
