"""Taking a rater's answers out of every verdict, and letting them count again."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Participation
from cats4ml.review.actions.settling import resettle, settle_if_ready
from cats4ml.review.ballots import ballots_of, tally_of
from cats4ml.review.locks import lock_rater, take_back_leases
from cats4ml.review.models import (
    PauseDecision,
    RaterDiscount,
    RaterPause,
    Rating,
    RatingState,
)
from cats4ml.review.queue import refresh
from cats4ml.review.trust import decide_pause, pause_rater
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.ledger import counted_ratings
from cats4ml.submissions.actions.moves import lock_pairs
from cats4ml.submissions.actions.settlement import TALLY_FIELDS, set_tally
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)

COUNTED = (RatingState.PROVISIONAL, RatingState.FINAL)


class DiscountRefused(Exception):
    """Why a rater's answers can't be discounted, or can't count again, in a sentence that says how to mend it."""


def discount_rater(*, rater: Participation, reason: str, by: User, at: datetime) -> RaterDiscount:
    """Have no answer of this rater count: not to verdicts, not to anybody's skill. Twice is once.

    Settled pairs are read again without them and settle anew or reopen; what an expert decided stands. Credit moves by
    entries of the ledger alone. The rater is asked nothing more: a pause stands from now on.
    Raises `DiscountRefused` without a reason, or in a final edition.
    """
    _check(rater, reason, _("Say why: a rater is discounted only with a reason."))
    with transaction.atomic():
        lock_rater(rater)
        standing = standing_discount(rater)
        if standing is not None:
            return standing
        discount = RaterDiscount.objects.create(rater=rater, reason=reason.strip(), by=by, created_at=at)
        held = take_back_leases(rater, at)
        pairs = _lock_pairs(Q(ratings__rater=rater, ratings__state__in=COUNTED) | Q(pk__in=held))
        changed = _take_out(discount)
        _read_again(pairs, changed, reason=reason, by=by, at=at)
        # Last, for it looks at leases and waiting rows: this rater's leases are closed by now.
        _write_down(rater, ActKind.DISCOUNTED, reason, {"discount": discount.pk, "pairs": len(changed)}, by=by, at=at)
        pause_rater(rater=rater, by=by, note=f"Discounted: {reason.strip()}"[:500], at=at)
        dispatch.after_commit(dispatch.ring_board, rater.challenge_id, rater.challenge.queue)
        # Not before: a rehearsal must not say that anything was done.
        dispatch.after_commit(logger.info, "rater %d discounted, %d pairs read again", rater.pk, len(pairs))
    return discount


def lift_discount(*, rater: Participation, reason: str, by: User, at: datetime) -> RaterDiscount | None:
    """Have a discounted rater's answers count as before. Twice is once: None where no discount stands.

    Their pause stays until an organiser decides about it. Raises as `discount_rater` does.
    """
    _check(rater, reason, _("Say why: a discount is lifted only with a reason."))
    with transaction.atomic():
        lock_rater(rater)
        discount = standing_discount(rater)
        if discount is None:
            return None
        discount.lifted_at, discount.lifted_by, discount.lifted_reason = at, by, reason.strip()
        discount.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])
        pairs = _lock_pairs(Q(ratings__rater=rater, ratings__state=RatingState.DISCOUNTED))
        changed = _give_back(discount)
        _read_again(pairs, changed, reason=reason, by=by, at=at)
        _write_down(rater, ActKind.LIFTED, reason, {"discount": discount.pk, "pairs": len(changed)}, by=by, at=at)
        dispatch.after_commit(dispatch.ring_board, rater.challenge_id, rater.challenge.queue)
        dispatch.after_commit(logger.info, "discount of rater %d lifted, %d pairs read again", rater.pk, len(pairs))
    return discount


def decide_about_pause(*, pause: RaterPause, decision: PauseDecision, by: User, note: str, at: datetime) -> RaterPause:
    """`review.trust.decide_pause`, but nobody goes on whose answers would not count: raises `DiscountRefused`."""
    with transaction.atomic():
        lock_rater(pause.rater)
        if decision == PauseDecision.RESUMED and standing_discount(pause.rater) is not None:
            raise DiscountRefused(_("This rater is discounted. Let their answers count again first."))
        return decide_pause(pause=pause, decision=decision, by=by, note=note, at=at)


def standing_discount(rater: Participation) -> RaterDiscount | None:
    return RaterDiscount.objects.filter(rater=rater, lifted_at=None).first()


def _check(rater: Participation, reason: str, say_why: str) -> None:
    if not reason.strip():
        raise DiscountRefused(say_why)
    if rater.challenge.is_final:
        raise DiscountRefused(_("This edition is final: its verdicts and its board stand."))


def _write_down(
    rater: Participation, kind: ActKind, reason: str, details: dict[str, int], *, by: User, at: datetime
) -> None:
    said = "Took the answers of {} out" if kind is ActKind.DISCOUNTED else "Let the answers of {} count again"
    record_act(
        challenge=rater.challenge,
        kind=kind,
        summary=said.format(rater.public_name)[:300],
        details={"rater": rater.pk, **details},
        reason=reason.strip(),
        by=by,
        at=at,
    )


def _lock_pairs(which: Q) -> list[Pair]:
    """These pairs, locked in one go and in the order of their ids."""
    ids: QuerySet[Pair, int] = Pair.objects.filter(which).order_by().values_list("pk", flat=True)
    return lock_pairs(ids)


def _take_out(discount: RaterDiscount) -> set[int]:
    """Discount the rater's final answers, and the provisional ones that would become final. Gives whose pairs they are.

    What was provisional is final from the discount on, so that lifting it can tell these answers from the others. A
    provisional answer whose pair has left review is late anyway: the sweep sees to it.
    """
    would_count = Q(pair=None) | Q(pair__state=PairState.IN_REVIEW)
    theirs = Rating.objects.filter(rater=discount.rater_id)
    counted = theirs.filter(Q(state=RatingState.FINAL) | Q(would_count, state=RatingState.PROVISIONAL))
    return _change(counted, state=RatingState.DISCOUNTED, final_at=Coalesce(F("final_at"), discount.created_at))


def _give_back(discount: RaterDiscount) -> set[int]:
    """Make the rater's answers what they would be by now: those that were provisional when they were discounted are
    late where their pair has left review since. Gives the pairs of those that count again."""
    theirs = Rating.objects.filter(rater=discount.rater_id, state=RatingState.DISCOUNTED)
    late = theirs.filter(final_at=discount.created_at, pair__isnull=False).exclude(pair__state=PairState.IN_REVIEW)
    _change(late, state=RatingState.LATE, final_at=None)
    return _change(theirs, state=RatingState.FINAL)


def _change(ratings: QuerySet[Rating], **values: Any) -> set[int]:
    found = dict(ratings.order_by().values_list("pk", "pair_id"))
    Rating.objects.filter(pk__in=found).update(**values)
    return {pair for pair in found.values() if pair is not None}


def _read_again(pairs: list[Pair], changed: set[int], *, reason: str, by: User, at: datetime) -> None:
    """Read the answers of locked pairs anew, each by the way that its state has. `changed`: those whose counted answers
    are others now."""
    for pair in pairs:
        if pair.state == PairState.IN_REVIEW:
            settle_if_ready(pair, at)
        elif pair.pk in changed and pair.state == PairState.SETTLED and not pair.adjudicated_reason:
            resettle(pair, reason=reason, by=by, at=at)
        elif pair.pk in changed:
            set_tally(pair, _left_of(pair))
            pair.save(update_fields=TALLY_FIELDS)
    # The queue's rows come last in the order of locks.
    for pair in pairs:
        refresh(pair, at=at)


def _left_of(pair: Pair) -> Tally:
    """The answers that count of a pair that is not read again: where an expert decided, those that the raters' verdict
    was read from."""
    ballots = ballots_of(pair)
    if pair.state == PairState.SETTLED:
        read = set(counted_ratings(pair))
        ballots = [ballot for ballot in ballots if ballot.rating in read]
    return tally_of(ballots)
