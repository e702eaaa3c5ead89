"""Outbound messages about evaluations. The table is the queue of record: the sweep rings again."""

from __future__ import annotations

from cats4ml.challenges.models import Challenge
from cats4ml.submissions.dispatch import send
from scoring.contract import BULK, WEB_QUEUE, queue_name

EVALUATE = "cats4ml.releases.tasks.evaluate"


def ring_evaluation(challenge: Challenge, evaluation: int) -> None:
    """Behind what somebody waits for: scores and boards go first."""
    send(EVALUATE, queue_name(WEB_QUEUE, challenge.queue), priority=BULK, evaluation=evaluation)
