"""The worker's word that it is there, sent to the web side again and again, work or none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from celery import Celery
from kombu.exceptions import OperationalError

from scoring.contract import INTERACTIVE, NOTE_ALIVE, SCORING_QUEUE, WEB_QUEUE

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
# One that nobody took in time says nothing any more.
EXPIRES_SECONDS = 45.0


def web_queue_of(queue: str) -> str | None:
    """The web side's queue that belongs to a scoring queue: `web.own` to `scoring.own`; None for another queue."""
    base, dot, suffix = queue.partition(".")
    return f"{WEB_QUEUE}{dot}{suffix}" if base == SCORING_QUEUE else None


def say_alive(app: Celery, queues: Iterable[str]) -> None:
    for queue in queues:
        web = web_queue_of(queue)
        if web is not None:
            app.send_task(NOTE_ALIVE, kwargs={"queue": queue}, queue=web, priority=INTERACTIVE, expires=EXPIRES_SECONDS)


def keep_saying_alive(app: Celery, queues: Iterable[str]) -> threading.Thread:
    """In a thread of its own, for as long as the process lives. A broker that is away is tried again."""
    names = list(queues)
    pause = threading.Event()

    def go_on() -> None:
        while True:
            try:
                say_alive(app, names)
            except (OperationalError, OSError) as error:
                logger.warning("no broker to say alive to: %s", error)
            pause.wait(EVERY_SECONDS)

    thread = threading.Thread(target=go_on, name="alive", daemon=True)
    thread.start()
    return thread
