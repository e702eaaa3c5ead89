"""An expert's decision about a pair that raters could not settle, or whose outcome its finder disputes."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.models import ActKind, Challenge
from cats4ml.challenges.queries import team_mates, viewer_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome, Verdict, is_adverse, verdict_of
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.actions.settlement import settle_again
from cats4ml.submissions.disputing import waiting_disputes
from cats4ml.submissions.models import (
    Adjudication,
    AdjudicationKind,
    Dispute,
    DisputeState,
    Pair,
    Submission,
    TallySource,
)
from cats4ml.submissions.queries import storable
from cats4ml.ui.words import figure

MAX_REASON = 1_000
WORDS = {
    Verdict.YES: "An expert decided: yes.",
    Verdict.NO: "An expert decided: no.",
    Verdict.UNDECIDED: "An expert looked too and could not tell.",
}


class AdjudicationRefused(Exception):
    """Why an expert can't decide a pair, in a sentence that says what to do. Nothing was written."""


def adjudicate(*, pair_id: int, verdict: Verdict, reason: str, by: User, at: datetime) -> Pair:
    """Give a settled pair an expert's verdict: yes, no, or undecided, with which it stays ambiguous.

    By the policy that settled it: its outcome and what it earns (`Policy.adjudicated_earns`), by entries of the ledger;
    how many answers a verdict needs besides (`min_ratings`, `min_lead`) binds raters and not the expert. From then on
    the verdict is the expert's until it is taken back or the pair reopened. Open disputes about the pair are answered
    with the reason. The same verdict and reason again changes nothing; another decision replaces it. Every decision is
    a line of the log.

    Raises `AdjudicationRefused` for anybody who is no organiser of the edition, who claimed the pair or shares a team
    with somebody who did, or who rated it; without a reason; in a final edition; for a pair that is not settled, is
    imported (nobody here can know what its raters saw, and the edition reproduces what was published), or is neither
    ambiguous nor disputed nor decided before; and where the expert agrees with raters by whom it earns already, while
    an expert's verdict would earn nothing.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        pair = lock_pair(pair_id)
        _check_open(pair, by)
        if pair.adjudicated_reason != reason or pair.verdict != verdict:
            _check_needed(pair, verdict)
            _decide(pair, verdict, reason, by, at)
        answer_disputes(pair, DisputeState.ADJUDICATED, answer=reason, by=by, at=at)
    return pair


def take_back_adjudication(*, pair_id: int, reason: str, by: User, at: datetime) -> Pair:
    """Take an expert's decision back: the raters' verdict returns, and with it what the pair earned by it.

    Where answers were discounted meanwhile, the verdict is that of those left. Twice is once. Raises
    `AdjudicationRefused` as `adjudicate` does, and for a pair that no expert has decided.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        pair = lock_pair(pair_id)
        _check_open(pair, by)
        last = Adjudication.objects.filter(pair=pair).order_by("-pk").first()
        if last is None or not pair.adjudicated_reason:
            if last is not None and last.kind == AdjudicationKind.TAKEN_BACK:
                return pair
            raise AdjudicationRefused(_("No expert has decided this pair, so that there is nothing to take back."))
        assert pair.policy is not None, "a settled pair remembers its policy"
        verdict = Verdict(last.raters_verdict)
        if pair.tally != last.tally:
            verdict = verdict_of(pair.tally, rule=pair.policy.value.verdict_rule)
        before = pair.verdict, pair.outcome
        pair.adjudicated_reason = ""
        words = f"An expert’s decision was taken back: {reason}"
        settle_again(pair=pair, verdict=verdict, reason=words, by=by, at=at, fields=["adjudicated_reason"])
        _log(pair, AdjudicationKind.TAKEN_BACK, before, raters=verdict, reason=reason, by=by, at=at)
    return pair


def decided_pairs(challenge: Challenge) -> QuerySet[Pair]:
    """The pairs whose verdict is an expert's."""
    return Pair.objects.filter(challenge=challenge, state=PairState.SETTLED).exclude(adjudicated_reason="")


def checked_reason(reason: str) -> str:
    """The reason as it is kept. Raises `AdjudicationRefused` where there is none, or too long a one."""
    reason = storable(reason).strip()
    if not reason:
        raise AdjudicationRefused(_("Say why: whoever claimed the pair reads it."))
    if len(reason) > MAX_REASON:
        raise AdjudicationRefused(
            _("The reason has %(reason)s characters; %(max_reason)s are the most.")
            % {"reason": figure(len(reason)), "max_reason": figure(MAX_REASON)}
        )
    return reason


def claimed_by(user: User) -> Q:
    """Claims, retracted ones too, of this person, of somebody who shares a team with them, or for a team of theirs."""
    mates = Q(participation__user__in=team_mates(user.pk))
    return Q(participation__user=user) | mates | Q(team__in=user.memberships.values("team"))


def check_impartial(pair: Pair, by: User) -> None:
    """Raises `AdjudicationRefused` unless this person may decide about the pair at all."""
    if not viewer_of(pair.challenge, by).is_organiser:
        raise AdjudicationRefused(_("Only an organiser of this challenge decides about its pairs."))
    if Submission.objects.filter(claimed_by(by), pair=pair).exists():
        raise AdjudicationRefused(_("You or a team-mate claimed this pair. Leave it to another organiser."))
    if Pair.objects.filter(pk=pair.pk, ratings__rater__user=by).exists():
        raise AdjudicationRefused(_("You rated this pair. Leave it to another organiser."))


def answer_disputes(pair: Pair, state: DisputeState, *, answer: str, by: User | None, at: datetime) -> int:
    """Answer every open dispute about a pair, and tell whose they are. The caller holds the pair's lock. Returns how
    many there were."""
    waiting = Dispute.objects.filter(submission__pair=pair, state=DisputeState.OPEN)
    disputes = list(waiting.select_related("submission__participation__user"))
    for one in disputes:
        notify(
            users=[one.submission.participation.user],
            kind=NoticeKind.DISPUTE,
            what="dispute_answered",
            key=f"dispute-{one.pk}",
            at=at,
            url=reverse("submissions:dispute", args=[pair.challenge.slug, one.submission_id]),
            values={
                "edition": pair.challenge.title,
                "label": pair.label.name,
                "image": pair.image.image_id,
                "answer": answer,
            },
        )
    return waiting.update(state=state, answer=answer, decided_by=by, decided_at=at)


def _check_open(pair: Pair, by: User) -> None:
    check_impartial(pair, by)
    if pair.challenge.is_final:
        raise AdjudicationRefused(_("This challenge is final: its board stands."))
    if pair.tally_source == TallySource.IMPORTED:
        raise AdjudicationRefused(_("This tally was imported from a release, and stands as it was published."))
    if pair.image.hidden_at is not None:
        raise AdjudicationRefused(_("The picture was taken down: nobody can look at it, and what was settled stands."))
    if pair.state != PairState.SETTLED:
        raise AdjudicationRefused(_("This pair is not settled. Decide about it once the raters are through."))


def _check_needed(pair: Pair, verdict: Verdict) -> None:
    disputed = waiting_disputes(pair.challenge).filter(submission__pair=pair).exists()
    if pair.outcome != Outcome.AMBIGUOUS and not pair.adjudicated_reason and not disputed:
        raise AdjudicationRefused(
            _("An expert decides only what is ambiguous or disputed. Raters have settled this pair.")
        )
    assert pair.policy is not None, "a settled pair remembers its policy"
    earns = pair.policy.value.adjudicated_earns
    if not earns and not pair.adjudicated_reason and is_adverse(pair.outcome) and pair.verdict == verdict:
        raise AdjudicationRefused(
            _(
                "The raters said so too, and by this challenge’s rules an expert’s verdict earns nothing. Decline "
                "the dispute, so that their verdict stands."
            )
        )


def _decide(pair: Pair, verdict: Verdict, reason: str, by: User, at: datetime) -> None:
    before = pair.verdict, pair.outcome
    raters = Verdict(pair.verdict)
    if pair.adjudicated_reason:
        last = Adjudication.objects.filter(pair=pair).order_by("-pk").first()
        assert last is not None, "every decision is logged"
        raters = Verdict(last.raters_verdict)
    pair.adjudicated_reason = reason
    words = f"{WORDS[verdict]} {reason}"
    if pair.verdict == verdict and (pair.outcome != Outcome.AMBIGUOUS or verdict == Verdict.UNDECIDED):
        pair.save(update_fields=["adjudicated_reason"])  # it ends as it did: nothing for the ledger
    else:
        settle_again(pair=pair, verdict=verdict, reason=words, by=by, at=at, fields=["adjudicated_reason"])
    _log(pair, AdjudicationKind.DECIDED, before, raters=raters, reason=reason, by=by, at=at)


def _log(
    pair: Pair,
    kind: AdjudicationKind,
    before: tuple[str, str],
    *,
    raters: Verdict,
    reason: str,
    by: User,
    at: datetime,
) -> None:
    assert pair.policy is not None, "a settled pair remembers its policy"
    Adjudication.objects.create(
        pair=pair,
        kind=kind,
        verdict_before=before[0],
        outcome_before=before[1],
        verdict=pair.verdict,
        outcome=pair.outcome,
        raters_verdict=raters,
        yes_ratings=pair.yes_ratings,
        no_ratings=pair.no_ratings,
        dont_know_ratings=pair.dont_know_ratings,
        policy=pair.policy,
        reason=reason,
        by=by,
        created_at=at,
    )
    said = "Decided" if kind is AdjudicationKind.DECIDED else "Took the decision back about"
    after = {"verdict": str(pair.verdict), "outcome": str(pair.outcome)}
    changed = difference({"verdict": str(before[0]), "outcome": str(before[1])}, after)
    record_act(
        challenge=pair.challenge,
        kind=ActKind.ADJUDICATED,
        summary=f"{said} {pair.label.name} in picture {pair.image.image_id}"[:300],
        details={"pair": pair.pk, **changed},
        reason=reason,
        by=by,
        at=at,
    )
