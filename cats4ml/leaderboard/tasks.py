"""Inbound messages: each task makes one call into the actions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.leaderboard import actions, drawing
from cats4ml.leaderboard.dispatch import DRAW_RANKS, ring_board_later, ring_drawing
from cats4ml.submissions.dispatch import RECOUNT_BOARD


@shared_task(name=RECOUNT_BOARD)
def recount(*, challenge: int, **kwargs: object) -> None:
    edition = Challenge.objects.get(pk=challenge)
    wait = actions.recount_in_turn(challenge=edition, at=timezone.now())
    if wait:
        ring_board_later(edition, wait)


@shared_task
def recount_all(**kwargs: object) -> None:
    actions.recount_boards(at=timezone.now())


@shared_task(name=DRAW_RANKS)
def draw(*, challenge: int, **kwargs: object) -> None:
    drawing.draw_if_due(challenge=Challenge.objects.get(pk=challenge), at=timezone.now())


@shared_task
def draw_all(**kwargs: object) -> None:
    for challenge in drawing.due_for_drawing(at=timezone.now()):
        ring_drawing(challenge)
