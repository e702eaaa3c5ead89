"""Outbound messages about an edition's data. The database is the queue of record: the sweep rings again."""

from __future__ import annotations

import logging

from celery import current_app
from django.core.cache import cache
from kombu.exceptions import OperationalError

from cats4ml.challenges.models import Challenge
from scoring.contract import BULK, WEB_QUEUE, queue_name

logger = logging.getLogger(__name__)

BUILD_DATA_FILE = "cats4ml.challenges.tasks.build_data_file"
COUNT_POOL = "cats4ml.challenges.tasks.count_pool"
DRAW_POOL = "cats4ml.challenges.tasks.draw_pool"
AGAIN_SECONDS = 15


def ring_data_file(challenge: Challenge, data_file: int) -> None:
    _send(BUILD_DATA_FILE, challenge.queue, data_file=data_file)


def ring_pool_count(challenge: Challenge) -> None:
    """Have the pool counted, at most every 15 seconds however often this is called."""
    if cache.add(f"pool-count-rung-{challenge.pk}", 1, timeout=AGAIN_SECONDS):
        _send(COUNT_POOL, challenge.queue, challenge=challenge.pk)


def ring_pool_order(challenge: Challenge, order: int) -> None:
    _send(DRAW_POOL, challenge.queue, order=order)


def _send(task: str, queue: str, **kwargs: int) -> None:
    """Behind what somebody waits for: scores and boards go first."""
    try:
        current_app.send_task(task, kwargs=kwargs, queue=queue_name(WEB_QUEUE, queue), priority=BULK)
    except OperationalError as error:
        logger.warning("no broker for %s: %s; it will be rung again", task, error)
