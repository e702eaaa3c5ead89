"""Passing a question over."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import RatingRefused, check_may_rate
from cats4ml.review.models import Lease, LeaseEnd

WINDOW = 100


def skips_left(rater: Participation) -> int:
    """How many of this rater's next questions they may still skip: so many of each hundred."""
    ends = Lease.objects.filter(rater=rater).exclude(closed_at=None).order_by("-pk").values_list("ended", flat=True)
    used = list(ends[: WINDOW - 1]).count(LeaseEnd.SKIPPED)
    return max(0, rater.challenge.rules.skips_per_hundred - used)


def skip(*, rater: Participation, token: uuid.UUID, at: datetime) -> None:
    """Hand a question back unanswered. A second time changes nothing. Raises `RatingRefused` where none is left."""
    check_may_rate(rater, at)
    with transaction.atomic():
        lease = Lease.objects.select_for_update(of=("self",), no_key=True).filter(token=token, rater=rater).first()
        if lease is None:
            raise RatingRefused("This question isn’t yours, or doesn’t exist. Ask for the next one.")
        if lease.closed_at is not None:
            return
        if skips_left(rater) == 0:
            raise RatingRefused("You have no skips left for now. “Don’t know” is an answer too.")
        lease.closed_at, lease.ended = at, LeaseEnd.SKIPPED
        lease.save(update_fields=["closed_at", "ended"])
