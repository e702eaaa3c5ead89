"""An organiser takes a pair out of an edition, and puts it back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import verdict_of
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.adjudication import answer_disputes
from cats4ml.submissions.actions.awarding import award_again, free_near_copies, lock_with_near_copies
from cats4ml.submissions.actions.ledger import final_answers, reverse_credits
from cats4ml.submissions.actions.moves import lock_pair, move_pairs
from cats4ml.submissions.actions.settlement import (
    TALLY_FIELDS,
    VERDICT_FIELDS,
    end_as_ambiguous,
    queue_again,
    set_tally,
    settle_pair,
    unsettle,
)
from cats4ml.submissions.models import DisputeState, Pair, TallySource
from cats4ml.submissions.queries import storable
from cats4ml.ui.words import figure

MAX_REASON = 1_000
WITHDRAWN_BECAUSE = "Taken out by the organisers"


class WithdrawalRefused(Exception):
    """Why a pair can't be taken out or put back, in a sentence that says what to do. Nothing was written."""


def withdraw_pair(*, pair_id: int, reason: str, by: User | None, at: datetime) -> Pair:
    """Take a pair out, whatever its state: nobody rates or claims it, and no later release has it.

    What it earned is reversed by an entry, a near-copy that came after it earns what it would have without it, and its
    claims cost nothing. Its answers and claims are kept for `restore_pair`; an expert's decision falls away. Open
    disputes about it are answered with the reason, which its claimants read. In a final edition nothing is taken out:
    the pair becomes ambiguous with the reason and the board stands. Twice is once. Raises `WithdrawalRefused` without a
    reason, or with too long a one. What belongs to review is done by `review.actions.withdrawing`, which calls this.
    """
    reason = _checked(reason, _("Say why: a pair is taken out only with a reason."))
    with transaction.atomic():
        lock_with_near_copies(Pair.objects.filter(pk=pair_id))
        pair = lock_pair(pair_id)
        if pair.withdrawn_reason:
            return pair
        if pair.challenge.is_final:
            if pair.state != PairState.SETTLED:
                raise WithdrawalRefused(_("This challenge is final, and this pair is in none of its results."))
            if pair.reopened_reason == reason:
                return pair
            end_as_ambiguous(pair, reason)
        else:
            _take_out(pair, reason, by, at)
        answer_disputes(pair, DisputeState.DECLINED, answer=reason, by=by, at=at)
        _write_down(pair, ActKind.WITHDRAWN, reason, by, at)
        dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)
    return pair


def _take_out(pair: Pair, reason: str, by: User | None, at: datetime) -> None:
    reverse_credits(pair, reason=f"{WITHDRAWN_BECAUSE}: {reason}", by=by, at=at)
    policy = pair.policy
    unsettle(pair)
    pair.withdrawn_reason, pair.unscorable_reason, pair.adjudicated_reason = reason, "", ""
    if pair.tally_source == TallySource.IMPORTED:
        pair.policy = policy  # by which it is read when it is put back: its tally stands as it was published
    else:
        set_tally(pair, Tally.of(final_answers(pair)))
    fields = [*VERDICT_FIELDS, *TALLY_FIELDS, "withdrawn_reason", "unscorable_reason", "adjudicated_reason"]
    if pair.state == PairState.WITHDRAWN:  # its claimants took their claims back before
        pair.save(update_fields=fields)
        return
    move_pairs([pair], PairState.WITHDRAWN, at=at, fields=fields)
    free_near_copies(pairs=[pair], at=at, by=by)


def restore_pair(*, pair_id: int, reason: str, by: User | None, at: datetime) -> Pair:
    """Put a pair back that an organiser took out. Twice is once.

    It is scored by the roster in force and comes to the raters, where the answers that it has count again; near-copies
    that come after it give back what they inherited. One that nobody claims any more is withdrawn as before, and may be
    claimed. One that was imported is settled as it was published. Raises `WithdrawalRefused` without a reason, in a
    final edition, and for a pair that no organiser took out.
    """
    reason = _checked(reason, _("Say why: a pair is put back only with a reason."))
    with transaction.atomic():
        pairs = lock_with_near_copies(Pair.objects.filter(pk=pair_id))
        pair = lock_pair(pair_id)
        if pair.challenge.is_final:
            raise WithdrawalRefused(_("This challenge is final: its board stands."))
        if not pair.withdrawn_reason:
            if pair.state != PairState.WITHDRAWN:
                return pair
            raise WithdrawalRefused(
                _("No organiser took this pair out: its claimants did. Anybody may claim it again.")
            )
        pair.withdrawn_reason = ""
        pair.save(update_fields=["withdrawn_reason"])
        if pair.tally_source == TallySource.IMPORTED:
            _settle_as_published(pair, at)
        else:
            queue_again([pair], at=at)
            others = [one for one in pairs if one.pk != pair.pk]
            award_again(pairs=others, reason=f"Another pair was put back: {reason}", by=by, at=at)
        _write_down(pair, ActKind.RESTORED, reason, by, at)
        dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)
    return pair


def _settle_as_published(pair: Pair, at: datetime) -> None:
    policy = pair.policy
    assert policy is not None, "an imported pair keeps the policy that it was read by"
    move_pairs([pair], PairState.QUEUED, at=at)
    move_pairs([pair], PairState.IN_REVIEW, at=at)
    verdict = verdict_of(pair.tally, rule=policy.value.verdict_rule)
    settle_pair(pair=pair, verdict=verdict, tally=pair.tally, policy=policy, ratings=[], at=at)


def _checked(reason: str, missing: str) -> str:
    reason = storable(reason).strip()
    if not reason:
        raise WithdrawalRefused(missing)
    if len(reason) > MAX_REASON:
        raise WithdrawalRefused(
            _("The reason has %(reason)s characters; %(max_reason)s are the most.")
            % {"reason": figure(len(reason)), "max_reason": figure(MAX_REASON)}
        )
    return reason


def _write_down(pair: Pair, kind: ActKind, reason: str, by: User | None, at: datetime) -> None:
    image, label = pair.image.image_id, pair.label.name
    said = "Withdrew" if kind is ActKind.WITHDRAWN else "Put back"
    record_act(
        challenge=pair.challenge,
        kind=kind,
        summary=f"{said} {label} in picture {image}"[:300],
        details={"pair": pair.pk, "image_id": image, "label_id": pair.label.key},
        reason=reason,
        by=by,
        at=at,
    )
