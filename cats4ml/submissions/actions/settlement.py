"""Verdict, outcome, credit; and what undoes them, always by further entries of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation, PolicyVersion
from cats4ml.rules.answers import Tally
from cats4ml.rules.credit import Claim, earning_claim, points_for
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome, Verdict, is_adverse, outcome_of
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.moves import lock_pair, move_pairs
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, TallySource
from scoring.ensemble import machine_says_yes

VERDICT_FIELDS = ("verdict", "outcome", "policy", "settled_at", "machine_yes")
TALLY_FIELDS = ("yes_ratings", "no_ratings", "dont_know_ratings")


class SettlementRefused(Exception):
    """Why a pair can't be reopened or corrected, in a sentence."""


def settle_pair(
    *, pair: Pair, verdict: Verdict, tally: Tally, policy: PolicyVersion, ratings: Sequence[int], at: datetime
) -> Outcome:
    """Settle a pair in review: verdict beside machine score gives the outcome, an adverse one is credited.

    The caller holds the pair's lock and its transaction. The credit goes to the first valid claim.
    Raises `IllegalMove` unless the pair is in review.
    """
    set_tally(pair, tally)
    if pair.machine_mean is not None:
        pair.machine_yes = machine_says_yes(pair.machine_mean, threshold=policy.value.threshold)
    outcome = outcome_of(machine_yes=bool(pair.machine_yes), verdict=verdict)
    pair.verdict, pair.outcome = verdict.value, outcome.value
    pair.policy, pair.settled_at = policy, at
    move_pairs([pair], PairState.SETTLED, at=at, fields=[*TALLY_FIELDS, *VERDICT_FIELDS])
    if is_adverse(outcome):
        _give_credit(pair, kind=CreditKind.GIVEN, ratings=ratings, at=at)
    transaction.on_commit(partial(dispatch.ring_board, pair.challenge_id, pair.challenge.queue), robust=True)
    return outcome


def set_tally(pair: Pair, tally: Tally) -> None:
    pair.yes_ratings, pair.no_ratings, pair.dont_know_ratings = tally.yes, tally.no, tally.dont_know


def _first_valid(pair: Pair) -> Submission | None:
    claims = {
        claim.pk: claim for claim in Submission.objects.filter(pair=pair).select_related("participation").order_by("pk")
    }
    first = earning_claim(
        Claim(order=pk, valid=claim.retracted_at is None and claim.participation.disqualified_at is None)
        for pk, claim in claims.items()
    )
    return claims[first.order] if first else None


def _give_credit(
    pair: Pair,
    *,
    kind: CreditKind,
    ratings: Sequence[int],
    at: datetime,
    reason: str = "",
    by: User | None = None,
) -> Credit | None:
    claim = _first_valid(pair)
    if claim is None or pair.policy is None:
        return None
    return Credit.objects.create(
        challenge_id=pair.challenge_id,
        pair=pair,
        submission=claim,
        participation=claim.participation,
        kind=kind,
        points=points_for(pair.outcome, policy=pair.policy.value),
        adverse=1,
        outcome=pair.outcome,
        policy=pair.policy,
        roster_id=pair.roster_id,
        machine_mean=pair.machine_mean,
        ratings=list(ratings),
        reason=reason,
        by=by,
        created_at=at,
    )


def live_credits() -> QuerySet[Credit]:
    """Entries that stand: given or inherited, and not reversed since."""
    return Credit.objects.exclude(kind=CreditKind.REVERSED).filter(
        ~Exists(Credit.objects.filter(reverses=OuterRef("pk")))
    )


def _reverse(credit: Credit, *, reason: str, by: User | None, at: datetime) -> Credit:
    return Credit.objects.create(
        challenge_id=credit.challenge_id,
        pair_id=credit.pair_id,
        submission_id=credit.submission_id,
        participation_id=credit.participation_id,
        kind=CreditKind.REVERSED,
        points=-credit.points,
        adverse=-1,
        outcome=credit.outcome,
        policy_id=credit.policy_id,
        roster_id=credit.roster_id,
        machine_mean=credit.machine_mean,
        ratings=credit.ratings,
        reverses=credit,
        reason=reason,
        by=by,
        created_at=at,
    )


def reopen_pair(*, pair_id: int, reason: str, by: User, at: datetime, more_ratings: int = 2) -> Pair:
    """Send a settled pair back to review for this many more ratings; its credit is reversed by an entry.

    In an edition that is final nothing is reopened: the pair becomes ambiguous with the reason, and the final board
    stands. Raises `SettlementRefused` without a reason, without a further rating to wait for, or for an imported
    tally, which has no ratings to add to.
    """
    if not reason.strip():
        raise SettlementRefused("Say why: a pair is reopened only with a reason.")
    if more_ratings < 1:
        raise SettlementRefused("Ask for at least one more rating: nothing else would settle the pair again.")
    with transaction.atomic():
        pair = lock_pair(pair_id)
        if pair.tally_source == TallySource.IMPORTED:
            raise SettlementRefused("This tally was imported without single ratings, so that it can’t be reopened.")
        if pair.state != PairState.SETTLED:
            raise SettlementRefused("Only a settled pair can be reopened.")
        pair.reopened_reason = reason
        if pair.challenge.is_final:
            pair.verdict, pair.outcome = Verdict.UNDECIDED.value, Outcome.AMBIGUOUS.value
            pair.save(update_fields=["verdict", "outcome", "reopened_reason"])
            return pair
        for credit in live_credits().filter(pair=pair).order_by("pk"):
            _reverse(credit, reason=reason, by=by, at=at)
        pair.verdict = pair.outcome = ""
        pair.settled_at = pair.policy = None
        pair.extra_ratings += more_ratings
        move_pairs([pair], PairState.IN_REVIEW, at=at, fields=[*VERDICT_FIELDS, "extra_ratings", "reopened_reason"])
        transaction.on_commit(partial(dispatch.ring_board, pair.challenge_id, pair.challenge.queue), robust=True)
    return pair


def disqualify_participant(*, participation: Participation, reason: str, by: User, at: datetime) -> int:
    """Exclude a participant; each credit of theirs is reversed and inherited by the earliest valid claim after it.

    Their queued pairs that nobody else claims are withdrawn; pairs that raters have seen go on. Twice is once.
    Returns how many credits were taken back. Raises `SettlementRefused` without a reason or in a final edition.
    """
    if not reason.strip():
        raise SettlementRefused("Say why: a participant is disqualified only with a reason.")
    if participation.challenge.is_final:
        raise SettlementRefused("This edition is final: its board stands.")
    with transaction.atomic():
        locked = Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=participation.pk)
        if locked.disqualified_at is not None:
            return 0
        locked.disqualified_at, locked.disqualified_reason = at, reason
        locked.save(update_fields=["disqualified_at", "disqualified_reason"])
        claimed = Submission.objects.filter(participation=locked, retracted_at=None).values("pair")
        pairs = list(Pair.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=claimed).order_by("pk"))
        mine = list(live_credits().filter(participation=locked).order_by("pk"))
        by_pk = {pair.pk: pair for pair in pairs}
        for credit in mine:
            _reverse(credit, reason=reason, by=by, at=at)
            _give_credit(
                by_pk[credit.pair_id],
                kind=CreditKind.INHERITED,
                ratings=credit.ratings,
                at=at,
                reason="The earlier claimant was disqualified.",
                by=by,
            )
        idle = [pair for pair in pairs if pair.state == PairState.QUEUED and _first_valid(pair) is None]
        move_pairs(idle, PairState.WITHDRAWN, at=at)
        transaction.on_commit(partial(dispatch.ring_board, locked.challenge_id, locked.challenge.queue), robust=True)
    return len(mine)


def show_as_examples(*, pairs: QuerySet[Pair]) -> int:
    """Show the settled, adverse ones of these pairs with their outcome on the challenge page. Twice is once.

    Returns how many are shown.
    """
    adverse = [outcome.value for outcome in Outcome if is_adverse(outcome)]
    return pairs.filter(state=PairState.SETTLED, outcome__in=adverse).update(is_example=True)
