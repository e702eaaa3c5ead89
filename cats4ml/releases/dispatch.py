"""Outbound messages about releases. The database is the queue of record: the sweep rings again."""

from __future__ import annotations

from cats4ml.challenges.models import Challenge
from cats4ml.submissions.dispatch import send
from scoring.contract import BULK, WEB_QUEUE, queue_name

BUILD_RELEASE = "cats4ml.releases.tasks.build_release"


def ring_release(challenge: Challenge, release: int) -> None:
    """Behind what somebody waits for: scores and boards go first."""
    send(BUILD_RELEASE, queue_name(WEB_QUEUE, challenge.queue), priority=BULK, release=release)
