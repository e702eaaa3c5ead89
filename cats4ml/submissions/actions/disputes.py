"""A finder disputes how a pair of theirs ended, and an organiser decides."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Participation
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import (
    AdjudicationRefused,
    adjudicate,
    answer_disputes,
    check_impartial,
    checked_reason,
)
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.actions.settlement import SettlementRefused, reopen_pair
from cats4ml.submissions.disputing import LEAST_WORDS, MOST_WORDS, why_not_disputed
from cats4ml.submissions.models import Credit, Dispute, DisputeState, Pair, Submission
from cats4ml.submissions.queries import storable
from cats4ml.ui.words import figure, inside

# What raters or a public page could ever see of it: nothing of what the finder wrote.
REOPENED_BECAUSE = "Its outcome was disputed: more raters were asked."


class DisputeRefused(Exception):
    """Why a dispute can't be made or decided, in a sentence that says what to do. Nothing was written."""


class AlreadyDisputed(DisputeRefused):
    """The claim was disputed before, with other words."""


class Decision(StrEnum):
    """What an organiser makes of a dispute: the outcome stands, more raters are asked, or they decide themselves."""

    DECLINE = "decline"
    REOPEN = "reopen"
    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


SAID = {
    Decision.DECLINE: "Let a disputed outcome stand",
    Decision.REOPEN: "Asked more raters because of a dispute",
    Decision.YES: "Answered a dispute with a decision",
    Decision.NO: "Answered a dispute with a decision",
    Decision.UNDECIDED: "Answered a dispute with a decision",
}


def dispute_outcome(*, participation: Participation, submission_id: int, reason: str, at: datetime) -> Dispute:
    """Dispute how the pair of one's claim ended, once for each claim, in 10 to 1,000 characters.

    Only organisers read the reason. The same words again are the dispute that stands. Raises `DisputeRefused` where
    `why_not_disputed` says why not, or for too few or too many words; `AlreadyDisputed` for other words about a claim
    that was disputed before; `Submission.DoesNotExist` for somebody else's claim.
    """
    reason = storable(reason).strip()
    with transaction.atomic():
        claims = Submission.objects.select_related("participation")
        claim = claims.get(pk=submission_id, participation=participation)
        # Under the pair's lock nobody reopens or decides it meanwhile.
        claim.pair = lock_pair(claim.pair_id)
        before = Dispute.objects.filter(submission=claim).first()
        if before is not None:
            if before.reason == reason:
                return before
            raise AlreadyDisputed(_("You disputed this claim before. Each claim can be disputed once."))
        points = Credit.objects.filter(submission=claim).aggregate(n=Sum("points"))["n"] or 0
        objection = why_not_disputed(claim, points=points, at=at)
        if objection:
            raise DisputeRefused(objection)
        if not LEAST_WORDS <= len(reason) <= MOST_WORDS:
            raise DisputeRefused(
                _(
                    "Say what the raters may have missed, in %(least_words)s to %(most_words)s characters; these are "
                    "%(reason)s."
                )
                % {"least_words": LEAST_WORDS, "most_words": figure(MOST_WORDS), "reason": figure(len(reason))}
            )
        return Dispute.objects.create(submission=claim, reason=reason, outcome=claim.pair.outcome, created_at=at)


def decide_dispute(
    *, dispute: Dispute, decision: Decision, answer: str, by: User, at: datetime, more_ratings: int = 2
) -> Dispute:
    """Decide a dispute, and with it every open one about the same pair; their finders read the answer.

    Declined, the outcome stands. Reopened, so many more raters are asked (`reopen_pair`); a pair that somebody else
    has reopened meanwhile is left as it is. Else the organiser decides the pair (`adjudicate`), with the answer as the
    reason. The same decision again changes nothing.

    Raises `DisputeRefused` without an answer, for a dispute that somebody decided otherwise, in a final edition, for
    organisers who claimed or rated the pair or share a team with a claimant, and where the pair can't be reopened or
    decided so.
    """
    try:
        answer = checked_reason(answer)
        with transaction.atomic():
            pair = lock_pair(dispute.submission.pair_id)
            dispute = Dispute.objects.select_related("decided_by", "submission").get(pk=dispute.pk)
            check_impartial(pair, by)
            if dispute.state != DisputeState.OPEN:
                _check_repeated(dispute, decision, answer)
                return dispute
            _check_timely(pair, decision)
            _carry_out(pair, decision, answer, by, at, more_ratings)
            record_act(
                challenge=pair.challenge,
                kind=ActKind.DISPUTED,
                summary=f"{SAID[decision]}: {pair.label.name} in picture {pair.image.image_id}"[:300],
                details={"pair": pair.pk, "dispute": dispute.pk},
                reason=answer,
                by=by,
                at=at,
            )
    except (AdjudicationRefused, SettlementRefused) as refusal:
        raise DisputeRefused(str(refusal)) from refusal
    return Dispute.objects.select_related("decided_by", "submission__pair").get(pk=dispute.pk)


def _carry_out(pair: Pair, decision: Decision, answer: str, by: User, at: datetime, more_ratings: int) -> None:
    if decision == Decision.DECLINE:
        answer_disputes(pair, DisputeState.DECLINED, answer=answer, by=by, at=at)
    elif decision == Decision.REOPEN:
        if pair.state == PairState.SETTLED:
            reopen_pair(pair_id=pair.pk, reason=REOPENED_BECAUSE, by=by, at=at, more_ratings=more_ratings)
        answer_disputes(pair, DisputeState.REOPENED, answer=answer, by=by, at=at)
    else:
        adjudicate(pair_id=pair.pk, verdict=Verdict(decision.value), reason=answer, by=by, at=at)


def _check_repeated(dispute: Dispute, decision: Decision, answer: str) -> None:
    became = {Decision.DECLINE: DisputeState.DECLINED, Decision.REOPEN: DisputeState.REOPENED}
    if (dispute.state, dispute.answer) == (became.get(decision, DisputeState.ADJUDICATED), answer):
        return
    who = dispute.decided_by.public_name if dispute.decided_by else _("Somebody")
    raise DisputeRefused(
        _("%(who)s has decided this dispute meanwhile: %(state)s.")
        % {"who": who, "state": inside(dispute.get_state_display())}
    )


def _check_timely(pair: Pair, decision: Decision) -> None:
    if pair.challenge.is_final:
        raise DisputeRefused(_("This challenge is final: its board stands."))
    if pair.state != PairState.SETTLED and decision != Decision.REOPEN:
        raise DisputeRefused(_("Raters look at this pair again already. Answer that more raters were asked."))
