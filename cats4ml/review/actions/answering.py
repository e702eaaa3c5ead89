"""Taking raters' answers, and taking them back."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import AlreadyRated, RatingRefused, check_may_rate
from cats4ml.review.actions.settling import settle_if_ready
from cats4ml.review.models import Device, Lease, LeaseEnd, Rating, RatingState
from cats4ml.review.queries import due_ratings, free_places, last_rating, open_to
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)


def cast_rating(
    *, rater: Participation, token: uuid.UUID, answer: Answer, at: datetime, device: Device = Device.UNKNOWN
) -> Rating:
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
        in_review = lease.closed_at is None and at < lease.expires_at
        if pair is None:
            is_open = in_review
            existing = Rating.objects.filter(control=lease.control_id, rater=rater).first()
        else:
            in_review = in_review and pair.state == PairState.IN_REVIEW
            # Open to this rater: then they haven't answered it either.
            is_open = in_review and open_to(rater).filter(pk=pair.pk).exists()
            existing = None if is_open else Rating.objects.filter(pair=pair, rater=rater).first()
        if existing is not None:
            if existing.answer == answer and existing.lease_id == lease.pk:
                return existing
            raise AlreadyRated("You have answered this question. Undo that answer first.")
        if in_review and not is_open:
            raise RatingRefused("You may not rate this pair: it is yours, your team’s, or you reported it.")
        rating = _keep_answer(lease, rater, answer, at, counts=in_review, device=device)
        if lease.closed_at is None:
            lease.closed_at, lease.ended = at, LeaseEnd.ANSWERED
            lease.save(update_fields=["closed_at", "ended"])
    # Each in a transaction of its own, so that no two raters ever hold the locks of two pairs.
    for pk in _provisional_before(rating):
        finalise_rating(rating_id=pk, at=at)
    return rating


def _lock_lease_and_pair(rater: Participation, token: uuid.UUID) -> Lease:
    """The rater's lease and its pair, locked in this order, with the pair's edition and policy."""
    lease = Lease.objects.select_for_update(of=("self",), no_key=True).filter(token=token, rater=rater).first()
    if lease is None:
        raise RatingRefused("This question isn’t yours, or doesn’t exist. Ask for the next one.")
    if lease.pair_id is not None:
        lease.pair = lock_pair(lease.pair_id)
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
        Lease.objects.filter(pair=pair_id, rater=rater, closed_at=None).update(closed_at=at, ended=LeaseEnd.WITHDRAWN)
        pair = lock_pair(pair_id)
        if free_places(pair, at, among=open_to(rater)) <= 0:
            return None
        expires = at + timedelta(seconds=pair.challenge.rules.lease_seconds)
        lease = Lease.objects.create(
            pair=pair,
            rater=rater,
            created_at=at,
            shown_at=at,
            expires_at=expires,
            closed_at=at,
            ended=LeaseEnd.ANSWERED,
        )
        rating = _keep_answer(lease, rater, answer, at, counts=True)
    for pk in _provisional_before(rating):
        finalise_rating(rating_id=pk, at=at)
    return rating


def _keep_answer(
    lease: Lease, rater: Participation, answer: Answer, at: datetime, *, counts: bool, device: Device = Device.UNKNOWN
) -> Rating:
    """Write the answer to a lease whose pair is locked; one that there is no time to undo is final and counted now."""
    pair = lease.pair
    final = counts and rater.challenge.rules.provisional_seconds == 0 and not rater.challenge.is_final
    state = RatingState.FINAL if final else RatingState.PROVISIONAL if counts else RatingState.LATE
    rating = Rating.objects.create(
        pair=pair,
        control=lease.control,
        rater=rater,
        lease=lease,
        answer=answer.value,
        state=state,
        created_at=at,
        final_at=at if final else None,
        seconds=max(0.0, (at - (lease.shown_at or lease.created_at)).total_seconds()),
        device=device,
    )
    if final and pair is not None:
        settle_if_ready(pair, at)
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
            provisional = Rating.objects.filter(pk=rating_id, state=RatingState.PROVISIONAL, pair=None)
            return bool(provisional.update(state=RatingState.FINAL, final_at=at))
        ended = pair.state != PairState.IN_REVIEW or pair.challenge.is_final
        changed = Rating.objects.filter(pk=rating_id, state=RatingState.PROVISIONAL).update(
            state=RatingState.LATE if ended else RatingState.FINAL, final_at=None if ended else at
        )
        if changed and not ended:
            settle_if_ready(pair, at)
    return bool(changed)


def _lock_pair_of(rating_id: int) -> Pair | None:
    return (
        Pair.objects.select_for_update(of=("self",), no_key=True)
        .select_related("challenge__policy")
        .filter(ratings=rating_id)
        .first()
    )


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
        pair = lock_pair(last.pair_id) if last.pair_id is not None else None
        last = Rating.objects.filter(pk=last.pk, state=RatingState.PROVISIONAL).select_related("lease").first()
        wait = timedelta(seconds=rater.challenge.rules.provisional_seconds)
        if last is None or last.created_at + wait <= at or (pair is not None and pair.state != PairState.IN_REVIEW):
            raise RatingRefused("Your last answer is final by now.")
        lease = last.lease
        last.delete()
        lease.closed_at, lease.ended = None, ""
        lease.shown_at = at
        lease.expires_at = at + timedelta(seconds=rater.challenge.rules.lease_seconds)
        lease.save(update_fields=["closed_at", "ended", "shown_at", "expires_at"])
    logger.info("rater %d took an answer back", rater.pk)
    return lease
