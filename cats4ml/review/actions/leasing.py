"""Giving questions to raters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import check_may_rate
from cats4ml.review.controls import due_control
from cats4ml.review.models import Lease, LeaseEnd
from cats4ml.review.queries import free_places, waiting_for
from cats4ml.review.studies import at_most
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair

# How many candidates a rater looks at before giving way: each may be locked or filled by somebody quicker.
CANDIDATES = 16


def hold_leases(
    *, rater: Participation, at: datetime, count: int = 2, only: QuerySet[Pair] | None = None
) -> list[Lease]:
    """The rater's open leases, oldest first, filled up to `count` where pairs are waiting.

    The first is the one to show now; its time starts when it is first shown. The next one is held so that its
    picture can be loaded ahead. `only` narrows the pairs to choose from (a session on some labels, say).
    Raises `RatingRefused` where this person may not rate now.
    """
    check_may_rate(rater, at)
    count = at_most(rater, count)
    if count < 1:
        return []
    # The lock makes two windows of one rater hold the same leases instead of twice as many.
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=rater.pk)
        Lease.objects.filter(rater=rater, closed_at=None, expires_at__lte=at).update(
            closed_at=at, ended=LeaseEnd.EXPIRED
        )
        leases = list(_open_leases(rater, at))
        # Before a pair is locked below: who holds a pair's lock never waits for a lease.
        _show_first(leases, at)
        while len(leases) < count:
            control = due_control(rater=rater, at=at) if only is None else None
            if control is not None:
                expires = at + timedelta(seconds=rater.challenge.rules.lease_seconds)
                leases.append(Lease.objects.create(control=control, rater=rater, created_at=at, expires_at=expires))
                continue
            lease = _lease_next(rater, at, only, wait=not leases)
            if lease is None:
                break
            leases.append(lease)
        _show_first(leases, at)
    return leases


def _show_first(leases: Sequence[Lease], at: datetime) -> None:
    if leases and leases[0].shown_at is None:
        seconds = leases[0].rater.challenge.rules.lease_seconds
        leases[0].shown_at, leases[0].expires_at = at, at + timedelta(seconds=seconds)
        leases[0].save(update_fields=["shown_at", "expires_at"])


def _open_leases(rater: Participation, at: datetime) -> QuerySet[Lease]:
    return (
        Lease.objects.filter(
            Q(pair__state=PairState.IN_REVIEW) | Q(pair=None), rater=rater, closed_at=None, expires_at__gt=at
        )
        .select_related("pair__image", "pair__label", "control__image", "control__label", "rater__challenge__policy")
        .order_by("pk")
    )


def _lease_next(rater: Participation, at: datetime, only: QuerySet[Pair] | None, *, wait: bool) -> Lease | None:
    """A lease on the next pair. Pairs that somebody has locked are passed over; where all of them are, `wait` for the
    first. Who waits holds no pair's lock, so that no two raters wait for each other."""
    candidates = waiting_for(rater, at)
    if only is not None:
        candidates = candidates.filter(pk__in=only.values("pk"))
    waiting = list(candidates.values_list("pk", flat=True)[:CANDIDATES])
    seen = 0
    for pk in waiting:
        pair = _lock_waiting(pk, skip_locked=True)
        seen += pair is not None
        # Counted again under the lock: somebody may have taken the last place since the list was made.
        if pair is not None and free_places(pair, at) > 0:
            return _lease(rater, pair, at)
    if wait and waiting and not seen:
        pair = _lock_waiting(waiting[0], skip_locked=False)
        if pair is not None and free_places(pair, at) > 0:
            return _lease(rater, pair, at)
    return None


def _lock_waiting(pk: int, *, skip_locked: bool) -> Pair | None:
    return (
        Pair.objects.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)
        .select_related("image", "label", "challenge__policy")
        .filter(pk=pk, state=PairState.IN_REVIEW)
        .first()
    )


def _lease(rater: Participation, pair: Pair, at: datetime) -> Lease:
    expires = at + timedelta(seconds=pair.challenge.rules.lease_seconds)
    return Lease.objects.create(pair=pair, rater=rater, created_at=at, expires_at=expires)


def close_leases(*, at: datetime) -> int:
    """Close the leases that ran out. They count for nothing from the moment they end; this only tidies up."""
    with transaction.atomic():
        # A lease that somebody works on is left to them: tidying up waits for nobody.
        ended = Lease.objects.select_for_update(skip_locked=True).filter(closed_at=None, expires_at__lte=at)
        return Lease.objects.filter(pk__in=list(ended.values_list("pk", flat=True))).update(
            closed_at=at, ended=LeaseEnd.EXPIRED
        )
