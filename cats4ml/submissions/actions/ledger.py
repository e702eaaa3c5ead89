"""The ledger of credit: what is given and what is taken back, always by further entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from cats4ml.accounts.models import User
from cats4ml.rules.credit import Claim, earning_claim, points_for
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, TallySource


def counted_ratings(pair: Pair) -> list[int]:
    """The ids of the answers that the verdict of a pair was read from."""
    known = (
        Pair.objects.filter(pk=pair.pk, bases__isnull=False).order_by("-bases").values_list("bases__votes", flat=True)
    )
    votes = known.first()
    if votes is not None:
        return [vote["rating"] for vote in votes]
    # Settled before it was written down what a verdict was read from.
    final = Pair.objects.filter(pk=pair.pk, ratings__state="final")
    return list(final.order_by("ratings").values_list("ratings", flat=True))


def final_answers(pair: Pair) -> list[str]:
    """All final answers to a pair, also those that came after its verdict could be read."""
    final = Pair.objects.filter(pk=pair.pk, ratings__state="final")
    return list(final.order_by("ratings").values_list("ratings__answer", flat=True))


def first_valid(pair: Pair) -> Submission | None:
    claims = {
        claim.pk: claim for claim in Submission.objects.filter(pair=pair).select_related("participation").order_by("pk")
    }
    first = earning_claim(
        Claim(order=pk, valid=claim.retracted_at is None and claim.participation.disqualified_at is None)
        for pk, claim in claims.items()
    )
    return claims[first.order] if first else None


def give_credit(
    pair: Pair,
    *,
    kind: CreditKind,
    ratings: Sequence[int],
    at: datetime,
    reason: str = "",
    by: User | None = None,
) -> Credit | None:
    claim = first_valid(pair)
    # Nobody here found what was settled elsewhere.
    if claim is None or pair.policy is None or pair.tally_source == TallySource.IMPORTED:
        return None
    return Credit.objects.create(
        challenge_id=pair.challenge_id,
        pair=pair,
        submission=claim,
        participation=claim.participation,
        kind=kind,
        points=points_for(pair.outcome, policy=pair.policy.value, mean=pair.machine_mean),
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


def reverse_credits(pair: Pair, *, reason: str, by: User | None, at: datetime) -> None:
    """Take back what the pair has earned, by entries. The caller holds the pair's lock."""
    for credit in live_credits().filter(pair=pair).order_by("pk"):
        reverse_credit(credit, reason=reason, by=by, at=at)


def reverse_credit(credit: Credit, *, reason: str, by: User | None, at: datetime) -> Credit:
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
