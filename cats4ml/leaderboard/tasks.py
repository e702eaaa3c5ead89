"""Inbound messages: each task makes one call into the actions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.leaderboard import actions
from cats4ml.submissions.dispatch import RECOUNT_BOARD


@shared_task(name=RECOUNT_BOARD)
def recount(*, challenge: int, **kwargs: object) -> None:
    actions.recount_board(challenge=Challenge.objects.get(pk=challenge), at=timezone.now())


@shared_task
def recount_all(**kwargs: object) -> None:
    actions.recount_boards(at=timezone.now())
