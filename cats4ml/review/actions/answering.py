"""Taking raters' answers, and taking them back."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.utils.translation import gettext as _

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.rights import AlreadyRated, RatingRefused, check_may_rate
from cats4ml.review.actions.settling import settle_if_ready
from cats4ml.review.models import ControlUse, Device, Lease, LeaseEnd, Rating, RatingState
from cats4ml.review.queries import due_ratings, last_rating, open_to, provisional_before
from cats4ml.review.queue import lock_places, recount, refresh
from cats4ml.review.trust import look_at
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)


def cast_rating(
    *, rater: Participation, token: uuid.UUID, answer: Answer, at: datetime, device: Device = Device.UNKNOWN
) -> Rating:
    """Take a rater's answer to the question they hold, provisionally; their answers before it become final.

    The same answer sent twice is taken once. Where the policy leaves no time for undoing, the answer is final at once,
    and so is one to a warm-up question, whose truth is told. An answer to a lease that ran out, or to a pair that is no
    longer in review, is kept and not counted (`LATE`). Raises `AlreadyRated` for a second, different answer and
    `RatingRefused` for a lease that isn't this rater's or a pair that they may not rate.
    """
    check_may_rate(rater, at)
    with transaction.atomic():
        lease = _lock_lease_and_pair(rater, token)
        counts = lease.closed_at is None and at < lease.expires_at
        if lease.pair is not None:
            counts = counts and lease.pair.state == PairState.IN_REVIEW
        # Open to this rater: then they haven't answered it either.
        if not counts or lease.pair is None or not open_to(rater).filter(pk=lease.pair.pk).exists():
            existing = _answer_before(lease, answer)
            if existing is not None:
                return existing
            if counts and lease.pair is not None:
                raise RatingRefused(_("You may not rate this pair: it is yours, your team’s, or you reported it."))
        if lease.closed_at is None:
            lease.closed_at, lease.ended = at, LeaseEnd.ANSWERED
            lease.save(update_fields=["closed_at", "ended"])
        rating = _keep_answer(lease, rater, answer, at, counts=counts, device=device)
    _make_final(rater, rating, at)
    return rating


def _answer_before(lease: Lease, answer: Answer) -> Rating | None:
    """What this rater has answered to the same question, if it is this answer. Raises `AlreadyRated` for another."""
    existing = Rating.objects.filter(pair=lease.pair, control=lease.control_id, rater=lease.rater_id).first()
    if existing is not None and (existing.answer != answer or existing.lease_id != lease.pk):
        raise AlreadyRated(_("You have answered this question. Undo that answer first."))
    return existing


def _make_final(rater: Participation, rating: Rating, at: datetime) -> None:
    """What follows an answer once it is written: those before it are final, and with each of them the rater is looked
    at. Each in a transaction of its own, so that no two raters ever hold the locks of two pairs."""
    if rating.state == RatingState.FINAL:
        look_at(rater=rater, at=at)
    # Where answers are final at once there are none, but for those of an earlier policy, whose time the sweep sees.
    if rater.challenge.rules.provisional_seconds:
        for earlier in provisional_before(rating):
            _finalise(earlier, at)


def _lock_lease_and_pair(rater: Participation, token: uuid.UUID) -> Lease:
    """The rater's lease and its pair, locked in this order, with the pair's edition and policy."""
    leases = Lease.objects.select_for_update(of=("self",), no_key=True).select_related("control")
    lease = leases.filter(token=token, rater=rater).first()
    if lease is None:
        raise RatingRefused(_("This question isn’t yours, or doesn’t exist. Ask for the next one."))
    if lease.ended in (LeaseEnd.SKIPPED, LeaseEnd.REPORTED):
        raise RatingRefused(_("You have passed this question over. Here is the next one."))
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
        closed = _close_leases_before(rater, pair_id, at)
        pair = lock_pair(pair_id)
        if closed:
            recount([pair_id])
        if lock_places(pair, at=at) <= 0 or not open_to(rater).filter(pk=pair.pk).exists():
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
    # Nobody is looked at: a recorded vote tells nothing of how this one was given.
    if rater.challenge.rules.provisional_seconds:
        for earlier in provisional_before(rating):
            _finalise(earlier, at)
    return rating


def _close_leases_before(rater: Participation, pair_id: int, at: datetime) -> int:
    """Close the rater's lease on a pair and the leases of others on it that ran out. Leases before the pair, as
    everywhere: who holds a pair's lock never waits for a lease. The caller counts anew once it has the pair's lock: a
    row's comes last."""
    ended = Q(rater=rater) | Q(expires_at__lte=at)
    how = Case(When(expires_at__lte=at, then=Value(LeaseEnd.EXPIRED)), default=Value(LeaseEnd.WITHDRAWN))
    return Lease.objects.filter(ended, pair=pair_id, closed_at=None).update(closed_at=at, ended=how)


def _keep_answer(
    lease: Lease, rater: Participation, answer: Answer, at: datetime, *, counts: bool, device: Device = Device.UNKNOWN
) -> Rating:
    """Write the answer to a lease whose pair is locked; one that there is no time to undo is final and counted now."""
    at_once = rater.challenge.rules.provisional_seconds == 0 or _tells_truth(lease)
    final = counts and at_once and not rater.challenge.is_final
    state = RatingState.FINAL if final else RatingState.PROVISIONAL if counts else RatingState.LATE
    rating = Rating.objects.create(
        pair=lease.pair,
        control=lease.control,
        rater=rater,
        lease=lease,
        answer=answer.value,
        state=state,
        created_at=at,
        final_at=at if final else None,
        seconds=max(0.0, (at - (lease.shown_at or lease.created_at)).total_seconds()),
        device=device.value,
    )
    if lease.pair is not None and final:
        refresh(lease.pair, at=at, reading=settle_if_ready(lease.pair, at))
    elif lease.pair is not None:
        recount([lease.pair.pk])
    return rating


def _tells_truth(lease: Lease) -> bool:
    """Whether the answer is told to be right or wrong: then it can't be taken back any more."""
    return lease.control is not None and lease.control.use == ControlUse.WARM_UP


def finalise_rating(*, rating_id: int, at: datetime) -> bool:
    """Make a provisional answer final, and settle its pair if the verdict rule is now satisfied. Twice is once.

    Returns whether this call did it.
    """
    ratings = Rating.objects.filter(pk=rating_id, state=RatingState.PROVISIONAL)
    rating = ratings.select_related("rater__challenge__policy").first()
    return rating is not None and _finalise(rating, at)


def _finalise(rating: Rating, at: datetime) -> bool:
    with transaction.atomic():
        pair = None if rating.pair_id is None else lock_pair(rating.pair_id)
        ended = rating.rater.challenge.is_final if pair is None else _takes_no_answers(pair)
        changed = Rating.objects.filter(pk=rating.pk, state=RatingState.PROVISIONAL).update(
            state=RatingState.LATE if ended else RatingState.FINAL, final_at=None if ended else at
        )
        if changed and pair is not None:
            refresh(pair, at=at, reading=None if ended else settle_if_ready(pair, at))
    if changed and not ended:
        look_at(rater=rating.rater, at=at)
    return bool(changed)


def _takes_no_answers(pair: Pair) -> bool:
    return pair.state != PairState.IN_REVIEW or pair.challenge.is_final


def finalise_due(*, at: datetime) -> int:
    """Make final every provisional answer whose time for undoing is over. Returns how many.

    One that can't be made final is logged and tried again the next time: it keeps no other one waiting.
    """
    done = 0
    for rating in due_ratings(at):
        wait = timedelta(seconds=rating.rater.challenge.rules.provisional_seconds)
        if rating.created_at + wait > at:
            continue
        try:
            done += _finalise(rating, at)
        except Exception:
            logger.exception("answer %d could not be made final", rating.pk)
    return done


def undo_rating(*, rater: Participation, at: datetime) -> Lease:
    """Take back the rater's last answer while it is provisional, and give them the question again.

    Nothing counted it yet, so nothing follows from it. Raises `RatingRefused` where the last answer is final, and where
    this person may not rate now: they would hold a question that they can't answer.
    """
    check_may_rate(rater, at)
    with transaction.atomic():
        last = last_rating(rater)
        if last is None:
            raise RatingRefused(_("There is no answer to undo."))
        # The lease before its pair, as everywhere: an answer and its undoing can't wait for each other.
        Lease.objects.select_for_update(no_key=True).get(pk=last.lease_id)
        pair = None if last.pair_id is None else lock_pair(last.pair_id)
        last = Rating.objects.filter(pk=last.pk, state=RatingState.PROVISIONAL).select_related("lease").first()
        wait = timedelta(seconds=rater.challenge.rules.provisional_seconds)
        gone = pair is not None and pair.state != PairState.IN_REVIEW
        if last is None or last.created_at + wait <= at or gone:
            raise RatingRefused(_("Your last answer is final by now."))
        lease = last.lease
        # Waiting, looking, undoing and looking again, each as long as may be; who answers and undoes in turns would
        # else keep others from a pair for ever.
        longest = lease.created_at + 3 * (timedelta(seconds=rater.challenge.rules.lease_seconds) + wait)
        if longest <= at:
            raise RatingRefused(_("You have had this question for long: your answer stays."))
        last.delete()
        lease.closed_at, lease.ended = None, ""
        lease.shown_at = at
        lease.expires_at = min(at + timedelta(seconds=rater.challenge.rules.lease_seconds), longest)
        lease.save(update_fields=["closed_at", "ended", "shown_at", "expires_at"])
        if pair is not None:
            recount([pair.pk])
    logger.info("rater %d took an answer back", rater.pk)
    return lease
