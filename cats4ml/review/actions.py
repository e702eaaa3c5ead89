"""Giving pairs to raters and taking their answers."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from cats4ml.challenges.models import Participation, Role
from cats4ml.review.models import Lease, PictureReport, Rating, RatingState, ReportKind
from cats4ml.review.queries import due_ratings, final_tally, free_places, last_rating, open_to, waiting_for
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import read_tally
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.actions.settlement import TALLY_FIELDS, set_tally, settle_pair
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)

# How many candidates a rater looks at before giving way: each may be locked or filled by somebody quicker.
CANDIDATES = 16


class RatingRefused(Exception):
    """Why an answer can't be taken, in a sentence that says what to do. Nothing was written."""


class AlreadyRated(RatingRefused):
    """The rater has given another answer to this pair before."""


def check_may_rate(rater: Participation, at: datetime) -> None:
    """Raises `RatingRefused` unless this person may rate in this edition now."""
    if rater.role != Role.RATER:
        raise RatingRefused("You don’t take part in this challenge as a rater.")
    if rater.disqualified_at is not None:
        raise RatingRefused("Your part in this challenge has ended.")
    if not rater.challenge.takes_ratings(at):
        raise RatingRefused("This challenge takes no ratings now.")


def hold_leases(
    *, rater: Participation, at: datetime, count: int = 2, only: QuerySet[Pair] | None = None
) -> list[Lease]:
    """The rater's open leases, oldest first, filled up to `count` where pairs are waiting.

    The first is the one to show now; its time starts when it is first shown. The next one is held so that its
    picture can be loaded ahead. `only` narrows the pairs to choose from (a session on some labels, say).
    Raises `RatingRefused` where this person may not rate now.
    """
    check_may_rate(rater, at)
    # The lock makes two windows of one rater hold the same leases instead of twice as many.
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=rater.pk)
        Lease.objects.filter(rater=rater, closed_at=None, expires_at__lte=at).update(closed_at=at)
        leases = list(_open_leases(rater, at))
        # Before a pair is locked below: who holds a pair's lock never waits for a lease.
        _show_first(leases, at)
        while len(leases) < count:
            lease = _lease_next(rater, at, only, wait=not leases)
            if lease is None:
                break
            leases.append(lease)
        _show_first(leases, at)
    return leases


def _show_first(leases: Sequence[Lease], at: datetime) -> None:
    if leases and leases[0].shown_at is None:
        seconds = leases[0].pair.challenge.rules.lease_seconds
        leases[0].shown_at, leases[0].expires_at = at, at + timedelta(seconds=seconds)
        leases[0].save(update_fields=["shown_at", "expires_at"])


def _open_leases(rater: Participation, at: datetime) -> QuerySet[Lease]:
    return (
        Lease.objects.filter(rater=rater, closed_at=None, expires_at__gt=at, pair__state=PairState.IN_REVIEW)
        .select_related("pair__image", "pair__label", "pair__challenge__policy")
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


def cast_rating(*, rater: Participation, token: uuid.UUID, answer: Answer, at: datetime) -> Rating:
    """Take a rater's answer to the pair they hold, provisionally; their answers before it become final.

    The same answer sent twice is taken once. Where the policy leaves no time for undoing, the answer is final at once.
    An answer to a lease that ran out, or to a pair that is no longer in review, is kept and not counted (`LATE`).
    Raises `AlreadyRated` for a second, different answer and `RatingRefused` for a lease that isn't this rater's or a
    pair that they may not rate.
    """
    check_may_rate(rater, at)
    with transaction.atomic():
        lease = _lock_lease_and_pair(rater, token)
        pair = lease.pair
        in_review = lease.closed_at is None and at < lease.expires_at and pair.state == PairState.IN_REVIEW
        # Open to this rater: then they haven't answered it either.
        is_open = in_review and open_to(rater).filter(pk=pair.pk).exists()
        existing = None if is_open else Rating.objects.filter(pair=pair, rater=rater).first()
        if existing is not None:
            if existing.answer == answer and existing.lease_id == lease.pk:
                return existing
            raise AlreadyRated("You have answered this question. Undo that answer first.")
        if in_review and not is_open:
            raise RatingRefused("You may not rate this pair: it is yours, your team’s, or you reported it.")
        rating = _keep_answer(lease, rater, answer, at, counts=in_review)
        lease.closed_at = lease.closed_at or at
        lease.save(update_fields=["closed_at"])
    # Each in a transaction of its own, so that no two raters ever hold the locks of two pairs.
    for pk in _provisional_before(rating):
        finalise_rating(rating_id=pk, at=at)
    return rating


def _lock_lease_and_pair(rater: Participation, token: uuid.UUID) -> Lease:
    """The rater's lease and its pair, locked in this order, with the pair's edition and policy."""
    lease = (
        Lease.objects.select_for_update(of=("self", "pair"), no_key=True)
        .select_related("pair__challenge__policy")
        .filter(token=token, rater=rater)
        .first()
    )
    if lease is None:
        raise RatingRefused("This question isn’t yours, or doesn’t exist. Ask for the next one.")
    return lease


def rate_pair(*, rater: Participation, pair_id: int, answer: Answer, at: datetime) -> Rating | None:
    """An answer to one certain pair, put into this rater's hands and answered at the same moment.

    For a recorded vote, whose pair is given: as `hold_leases` and `cast_rating` one after the other, by the same
    rules. A lease of theirs on this pair ends. None where they may not rate it (a second time, say) or it asks for
    nobody else. Raises `RatingRefused` where this person may not rate now.
    """
    check_may_rate(rater, at)
    with transaction.atomic():
        # Leases before the pair, as everywhere: who holds a pair's lock never waits for a lease.
        Lease.objects.filter(pair=pair_id, rater=rater, closed_at=None).update(closed_at=at)
        pair = lock_pair(pair_id)
        if free_places(pair, at, among=open_to(rater)) <= 0:
            return None
        expires = at + timedelta(seconds=pair.challenge.rules.lease_seconds)
        lease = Lease.objects.create(
            pair=pair, rater=rater, created_at=at, shown_at=at, expires_at=expires, closed_at=at
        )
        rating = _keep_answer(lease, rater, answer, at, counts=True)
    for pk in _provisional_before(rating):
        finalise_rating(rating_id=pk, at=at)
    return rating


def _keep_answer(lease: Lease, rater: Participation, answer: Answer, at: datetime, *, counts: bool) -> Rating:
    """Write the answer to a lease whose pair is locked; one that there is no time to undo is final and counted now."""
    pair = lease.pair
    final = counts and pair.challenge.rules.provisional_seconds == 0 and not pair.challenge.is_final
    state = RatingState.FINAL if final else RatingState.PROVISIONAL if counts else RatingState.LATE
    rating = Rating.objects.create(
        pair=pair,
        rater=rater,
        lease=lease,
        answer=answer.value,
        state=state,
        created_at=at,
        final_at=at if final else None,
        seconds=max(0.0, (at - (lease.shown_at or lease.created_at)).total_seconds()),
    )
    if final:
        _settle_if_ready(pair, at)
    return rating


def _provisional_before(rating: Rating) -> list[int]:
    """The rater's earlier answers that this one makes final. Where answers are final at once there are none, but for
    those of an earlier policy, whose time the sweep sees."""
    if rating.state == RatingState.FINAL:
        return []
    earlier = Rating.objects.filter(rater=rating.rater_id, state=RatingState.PROVISIONAL, pk__lt=rating.pk)
    return list(earlier.order_by("pk").values_list("pk", flat=True))


def finalise_rating(*, rating_id: int, at: datetime) -> bool:
    """Make a provisional answer final, and settle its pair if the verdict rule is now satisfied. Twice is once.

    Returns whether this call did it.
    """
    with transaction.atomic():
        pair = _lock_pair_of(rating_id)
        if pair is None:
            return False
        ended = pair.state != PairState.IN_REVIEW or pair.challenge.is_final
        changed = Rating.objects.filter(pk=rating_id, state=RatingState.PROVISIONAL).update(
            state=RatingState.LATE if ended else RatingState.FINAL, final_at=None if ended else at
        )
        if changed and not ended:
            _settle_if_ready(pair, at)
    return bool(changed)


def _lock_pair_of(rating_id: int) -> Pair | None:
    return (
        Pair.objects.select_for_update(of=("self",), no_key=True)
        .select_related("challenge__policy")
        .filter(ratings=rating_id)
        .first()
    )


def _settle_if_ready(pair: Pair, at: datetime) -> None:
    policy = pair.challenge.policy
    assert policy is not None, "pairs exist only in an edition with a policy"
    tally, ratings = final_tally(pair)
    reading = read_tally(tally, rule=policy.value.verdict_rule, quorum=policy.value.quorum + pair.extra_ratings)
    if reading.verdict is None:
        set_tally(pair, tally)
        pair.save(update_fields=TALLY_FIELDS)
        return
    settle_pair(pair=pair, verdict=reading.verdict, tally=tally, policy=policy, ratings=ratings, at=at)


def finalise_due(*, at: datetime) -> int:
    """Make final every provisional answer whose time for undoing is over. Returns how many."""
    done = 0
    for rating in due_ratings(at):
        wait = timedelta(seconds=rating.rater.challenge.rules.provisional_seconds)
        if rating.created_at + wait <= at:
            done += finalise_rating(rating_id=rating.pk, at=at)
    return done


def undo_rating(*, rater: Participation, at: datetime) -> Lease:
    """Take back the rater's last answer while it is provisional, and give them the question again.

    Nothing counted it yet, so nothing follows from it. Raises `RatingRefused` where the last answer is final.
    """
    with transaction.atomic():
        last = last_rating(rater)
        if last is None:
            raise RatingRefused("There is no answer to undo.")
        # The lease before its pair, as everywhere: an answer and its undoing can't wait for each other.
        Lease.objects.select_for_update().get(pk=last.lease_id)
        pair = lock_pair(last.pair_id)
        last = Rating.objects.filter(pk=last.pk, state=RatingState.PROVISIONAL).select_related("lease").first()
        wait = timedelta(seconds=rater.challenge.rules.provisional_seconds)
        if last is None or last.created_at + wait <= at or pair.state != PairState.IN_REVIEW:
            raise RatingRefused("Your last answer is final by now.")
        lease = last.lease
        last.delete()
        lease.closed_at = None
        lease.shown_at = at
        lease.expires_at = at + timedelta(seconds=rater.challenge.rules.lease_seconds)
        lease.save(update_fields=["closed_at", "shown_at", "expires_at"])
    logger.info("rater %d took an answer back", rater.pk)
    return lease


def report_picture(
    *, rater: Participation, token: uuid.UUID, kind: ReportKind, note: str, at: datetime
) -> PictureReport:
    """Keep a rater's report about the picture they hold, and hand the pair back. A second report changes nothing.

    Raises `RatingRefused` for a lease that isn't this rater's.
    """
    with transaction.atomic():
        lease = Lease.objects.select_for_update().filter(token=token, rater=rater).first()
        if lease is None:
            raise RatingRefused("This question isn’t yours, or doesn’t exist.")
        report, _ = PictureReport.objects.get_or_create(
            pair_id=lease.pair_id, rater=rater, defaults={"kind": kind, "note": note[:500], "created_at": at}
        )
        if lease.closed_at is None:
            lease.closed_at = at
            lease.save(update_fields=["closed_at"])
    return report


def close_leases(*, at: datetime) -> int:
    """Close the leases that ran out. They count for nothing from the moment they end; this only tidies up."""
    with transaction.atomic():
        # A lease that somebody works on is left to them: tidying up waits for nobody.
        ended = Lease.objects.select_for_update(skip_locked=True).filter(closed_at=None, expires_at__lte=at)
        return Lease.objects.filter(pk__in=list(ended.values_list("pk", flat=True))).update(closed_at=at)
