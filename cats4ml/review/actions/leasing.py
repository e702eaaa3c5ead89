"""Giving questions to raters, and taking back those that ran out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import check_may_rate
from cats4ml.review.controls import due_control
from cats4ml.review.giving import lock_next
from cats4ml.review.locks import lock_rater
from cats4ml.review.models import Lease, LeaseEnd
from cats4ml.review.queries import leases_that_ran_out, open_leases
from cats4ml.review.queue import fill, recount, recount_locked, refresh
from cats4ml.review.studies import at_most
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair

# Leases that ran out, closed on the way by somebody who looks for a question; the sweep closes the rest.
CLOSED_ON_THE_WAY = 4
# Rows of pairs that have left review unnoticed, or have no place by another policy, before a rater gives way and leaves
# them to the sweep.
STALE_ROWS = 16
# A look that took long and found nothing is not repeated for so many times as long as it took, and at most so long.
DEAR_SECONDS, REST_TIMES, REST_SECONDS = 0.05, 20, 10


def hold_leases(
    *, rater: Participation, at: datetime, count: int = 2, only: QuerySet[Pair] | None = None
) -> list[Lease]:
    """The rater's open leases, oldest first, filled up to `count` where pairs are waiting or a control is due.

    The first is the one to show now; its time starts when it is first shown. The next one is held so that its
    picture can be loaded ahead. `only` narrows the pairs to choose from (a session on some labels, say), and then no
    control is asked. Raises `RatingRefused` where this person may not rate now.
    """
    check_may_rate(rater, at)
    count = at_most(rater, count)
    if count < 1:
        return []
    these = None if only is None else list(only.values_list("pk", flat=True))
    _close(leases_that_ran_out(at), at, limit=CLOSED_ON_THE_WAY)
    leases = _hold(rater, at, count, these, wait=False)
    if not leases and not _rests(rater):
        began = time.monotonic()
        fill(rater.challenge, at=at)
        leases = _hold(rater, at, count, these, wait=True)
        if not leases:
            _rest(rater, time.monotonic() - began)
    return leases


def _rests(rater: Participation) -> bool:
    return cache.get(f"nothing-for-{rater.pk}") is not None


def _rest(rater: Participation, seconds: float) -> None:
    """Remember that there was nothing for this person, if finding out took long. In a small edition it never does, and
    what comes to review is given at once."""
    if seconds > DEAR_SECONDS:
        cache.set(f"nothing-for-{rater.pk}", 1, timeout=min(REST_SECONDS, seconds * REST_TIMES))


def _hold(rater: Participation, at: datetime, count: int, only: Sequence[int] | None, *, wait: bool) -> list[Lease]:
    """`wait`: for rows that others have locked, where there would be nothing to show else."""
    # The lock makes two windows of one rater hold the same leases instead of twice as many.
    with transaction.atomic():
        lock_rater(rater)
        leases = list(open_leases(rater, at))
        # Before a row is locked below: who holds a row's lock never waits for a lease.
        _show_first(leases, at)
        while len(leases) < count:
            lease = _next_lease(rater, at, only, shown=not leases, wait=wait and not leases)
            if lease is None:
                break
            leases.append(lease)
    return leases


def _show_first(leases: Sequence[Lease], at: datetime) -> None:
    if leases and leases[0].shown_at is None:
        seconds = leases[0].rater.challenge.rules.lease_seconds
        # Not before it was made: a machine's clock that ran ahead was set right meanwhile.
        shown_at = max(at, leases[0].created_at)
        leases[0].shown_at, leases[0].expires_at = shown_at, shown_at + timedelta(seconds=seconds)
        leases[0].save(update_fields=["shown_at", "expires_at"])


def _next_lease(
    rater: Participation, at: datetime, only: Sequence[int] | None, *, shown: bool, wait: bool
) -> Lease | None:
    lease = Lease(
        rater=rater,
        created_at=at,
        shown_at=at if shown else None,
        expires_at=at + timedelta(seconds=rater.challenge.rules.lease_seconds),
    )
    lease.control = due_control(rater=rater, at=at) if only is None else None
    if lease.control is None:
        lease.pair = _next_pair(rater, at, only, wait=wait)
    if lease.control is None and lease.pair is None:
        return None
    lease.save(force_insert=True)
    if lease.pair is not None:
        recount_locked([lease.pair.pk])
    return lease


def _next_pair(rater: Participation, at: datetime, only: Sequence[int] | None, *, wait: bool) -> Pair | None:
    for attempt in range(STALE_ROWS):
        pk = lock_next(rater, only=only, wait=wait and not attempt)
        if pk is None:
            return None
        pair = Pair.objects.select_related("image", "label", "challenge__policy", "waiting").get(pk=pk)
        counted = pair.waiting.policy_id == pair.challenge.policy_id
        if (counted and pair.state == PairState.IN_REVIEW) or refresh(pair, at=at) > 0:
            return pair
    return None


def close_leases(*, at: datetime) -> int:
    """Close the leases that ran out, and let their pairs be given to others. Twice is once. Returns how many."""
    closed = 0
    while found := _close(leases_that_ran_out(at), at, limit=200):
        closed += found
    return closed


def _close(ended: QuerySet[Lease], at: datetime, *, limit: int, how: LeaseEnd = LeaseEnd.EXPIRED) -> int:
    """Close these leases. One that somebody works on is left to them: tidying up waits for nobody's lease."""
    if not ended.exists():
        return 0
    with transaction.atomic():
        rows = ended.select_for_update(of=("self",), no_key=True, skip_locked=True).values_list("pk", "pair_id")[:limit]
        found = list(rows)
        closed = Lease.objects.filter(pk__in=[pk for pk, _ in found]).update(closed_at=at, ended=how)
        recount(pair for _, pair in found if pair is not None)
    return closed


def withdraw_leases(*, rater: Participation, at: datetime) -> int:
    """Take the open questions of a rater back (they are paused, say), so that others get them. Twice is once."""
    return _close(Lease.objects.filter(rater=rater, closed_at=None), at, limit=100, how=LeaseEnd.WITHDRAWN)


def close_leases_of(pair_id: int, *, at: datetime) -> int:
    """Take a pair back from the raters who hold it. Whoever is answering at this moment ends their lease themselves."""
    return _close(Lease.objects.filter(pair=pair_id, closed_at=None), at, limit=1_000, how=LeaseEnd.WITHDRAWN)


def close_leases_of_image(image_id: int, *, at: datetime) -> int:
    """Take every question about a picture back, pairs and controls, whoever holds it; it is held against nobody."""
    of_pairs = Lease.objects.filter(pair__image=image_id, closed_at=None)
    of_controls = Lease.objects.filter(control__image=image_id, closed_at=None)
    return sum(_close(rows, at, limit=10_000, how=LeaseEnd.WITHDRAWN) for rows in (of_pairs, of_controls))


def close_these(leases: Sequence[int], *, at: datetime) -> int:
    """Take these questions back; it is held against nobody."""
    rows = Lease.objects.filter(pk__in=leases, closed_at=None)
    return _close(rows, at, limit=10_000, how=LeaseEnd.WITHDRAWN)
