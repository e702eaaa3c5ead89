"""Outbound messages about boards. A message that is lost is rung again by the sweep."""

from __future__ import annotations

import math

from django.core.cache import cache

from cats4ml.challenges.models import Challenge
from cats4ml.submissions.dispatch import RECOUNT_BOARD, send
from scoring.contract import BULK, WEB_QUEUE, queue_name

DRAW_RANKS = "cats4ml.leaderboard.tasks.draw"


def ring_board_later(challenge: Challenge, seconds: float) -> None:
    """Have the board counted once more when its last count has rested, once however many ask for it meanwhile."""
    if cache.add(f"board-later-{challenge.pk}", 1, timeout=math.ceil(seconds)):
        send(RECOUNT_BOARD, queue_name(WEB_QUEUE, challenge.queue), countdown=seconds, challenge=challenge.pk)


def ring_drawing(challenge: Challenge) -> None:
    """Have the ranks drawn, after whatever somebody waits for."""
    send(DRAW_RANKS, queue_name(WEB_QUEUE, challenge.queue), priority=BULK, challenge=challenge.pk)
