"""Passing over a question: a few times, and then for good."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import RatingRefused, check_may_rate
from cats4ml.review.locks import lock_rater
from cats4ml.review.models import Lease, LeaseEnd
from cats4ml.review.queries import ended_among_last
from cats4ml.review.queue import recount
from cats4ml.review.trust import look_at_passed_over

# Skips are counted among so many questions that a rater saw last.
QUESTIONS = 100


def skips_left(rater: Participation) -> int:
    """How many questions this person may skip now: `policy.skips_per_hundred` of the last hundred that they saw.

    One that was seen and let run out counts as skipped: else the time would be a skip without end.
    """
    passed_over = ended_among_last(rater, QUESTIONS, LeaseEnd.SKIPPED, LeaseEnd.EXPIRED)
    return max(0, rater.challenge.rules.skips_per_hundred - passed_over)


def skip(*, rater: Participation, token: uuid.UUID, at: datetime) -> Lease:
    """Hand a question back unanswered. It never comes to this person again; others are asked. Twice is once.

    A control question counts as any other. Raises `RatingRefused` where no skip is left, and for a question that isn't
    this rater's, has been answered or has ended.
    """
    check_may_rate(rater, at)
    with transaction.atomic():
        # Two skips at once must not both be the last one.
        lock_rater(rater)
        leases = Lease.objects.select_for_update(of=("self",), no_key=True).select_related("control")
        lease = leases.filter(token=token, rater=rater).first()
        if lease is None:
            raise RatingRefused(_("This question isn’t yours, or doesn’t exist. Ask for the next one."))
        if lease.ended == LeaseEnd.SKIPPED:
            return lease
        if lease.ended == LeaseEnd.ANSWERED:
            raise RatingRefused(_("You have answered this question. Undo that answer first."))
        if lease.closed_at is not None or lease.expires_at <= at:
            raise RatingRefused(_("This question has ended, so there is nothing to skip. Here is the next one."))
        if not skips_left(rater):
            most = rater.challenge.rules.skips_per_hundred
            raise RatingRefused(
                _(
                    "You can skip %(most)s of every %(questions)s questions, and you have. Answer “Don’t know” where "
                    "you can’t tell: that helps as well."
                )
                % {"most": most, "questions": QUESTIONS}
            )
        lease.closed_at, lease.ended = at, LeaseEnd.SKIPPED
        lease.shown_at = lease.shown_at or at
        lease.save(update_fields=["closed_at", "ended", "shown_at"])
        recount([] if lease.pair_id is None else [lease.pair_id])
    look_at_passed_over(lease, at=at)
    return lease
