"""What is locked, or taken back, of one rater at a time."""

from __future__ import annotations

from datetime import datetime

from cats4ml.challenges.models import Participation
from cats4ml.review.models import Lease, LeaseEnd


def lock_rater(rater: Participation) -> None:
    """Lock a participation until the transaction ends: the first in the order of locks."""
    Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=rater.pk)


def take_back_leases(rater: Participation, at: datetime) -> list[int]:
    """Close the rater's open leases; an answer that is on its way is waited for.

    Returns the pairs that they held, whose places the caller counts anew.
    """
    leases = Lease.objects.select_for_update(no_key=True).filter(rater=rater, closed_at=None).order_by("pk")
    held = dict(leases.values_list("pk", "pair_id"))
    Lease.objects.filter(pk__in=held).update(closed_at=at, ended=LeaseEnd.WITHDRAWN)
    return [pair for pair in held.values() if pair is not None]
