"""The ledger of credit: what is given and what is taken back, always by further entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from cats4ml.accounts.models import User
from cats4ml.rules.credit import Claim, earning_claim, points_for
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, TallySource


def counted_ratings(pair: Pair) -> list[int]:
    """The ids of the answers that the verdict of a pair was read from."""
    return counted_ratings_of([pair])[pair.pk]


def counted_ratings_of(pairs: Sequence[Pair]) -> dict[int, list[int]]:
    """`counted_ratings` of each of these pairs. At most two queries for any number."""
    found: dict[int, list[int]] = {pair.pk: [] for pair in pairs}
    written = Pair.objects.filter(pk__in=list(found), bases__isnull=False).order_by("pk", "-bases").distinct("pk")
    known = dict(written.values_list("pk", "bases__votes"))
    found |= {pk: [vote["rating"] for vote in votes] for pk, votes in known.items()}
    # Settled before it was written down what a verdict was read from.
    others = [pk for pk in found if pk not in known]
    if others:
        final = Pair.objects.filter(pk__in=others, ratings__state="final")
        for pk, rating in final.order_by("ratings").values_list("pk", "ratings"):
            found[pk].append(rating)
    return found


def final_answers(pair: Pair) -> list[str]:
    """All final answers to a pair, also those that came after its verdict could be read."""
    final = Pair.objects.filter(pk=pair.pk, ratings__state="final")
    return list(final.order_by("ratings").values_list("ratings__answer", flat=True))


def first_valid(pair: Pair) -> Submission | None:
    return first_valid_of([pair]).get(pair.pk)


def first_valid_of(pairs: Iterable[Pair]) -> dict[int, Submission]:
    """By pair, the claim that earns: the earliest valid one. None for a pair that nobody validly claims."""
    claims: dict[int, dict[int, Submission]] = defaultdict(dict)
    for claim in Submission.objects.filter(pair__in=[pair.pk for pair in pairs]).select_related("participation"):
        claims[claim.pair_id][claim.pk] = claim
    found = {}
    for pair, own in claims.items():
        first = earning_claim(
            Claim(order=pk, valid=claim.retracted_at is None and claim.participation.disqualified_at is None)
            for pk, claim in own.items()
        )
        if first:
            found[pair] = own[first.order]
    return found


def give_credit(
    pair: Pair,
    *,
    kind: CreditKind,
    ratings: Sequence[int],
    at: datetime,
    reason: str = "",
    by: User | None = None,
) -> Credit | None:
    given = give_credits([pair], kind=kind, ratings={pair.pk: ratings}, at=at, reason=reason, by=by)
    return given[0] if given else None


def give_credits(
    pairs: Sequence[Pair],
    *,
    kind: CreditKind,
    ratings: Mapping[int, Sequence[int]],
    at: datetime,
    reason: str = "",
    by: User | None = None,
) -> list[Credit]:
    """Credit the first valid claim of each of these pairs, whose verdicts rest on these `ratings`. Two statements."""
    claims = first_valid_of(pairs)
    # Nobody here found what was settled elsewhere.
    earning = [
        pair
        for pair in pairs
        if pair.pk in claims and pair.policy is not None and pair.tally_source != TallySource.IMPORTED
    ]
    return Credit.objects.bulk_create(
        [_entry(pair, claims[pair.pk], kind, list(ratings[pair.pk]), at, reason, by) for pair in earning]
    )


def _entry(
    pair: Pair, claim: Submission, kind: CreditKind, ratings: list[int], at: datetime, reason: str, by: User | None
) -> Credit:
    assert pair.policy is not None, "a settled pair remembers its policy"
    return Credit(
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
        ratings=ratings,
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
    take_back(list(live_credits().filter(pair=pair).order_by("pk")), reason=reason, by=by, at=at)


def take_back(credits_: Sequence[Credit], *, reason: str, by: User | None, at: datetime) -> None:
    """An entry against each of these, in one statement. The caller holds the locks of their pairs."""
    Credit.objects.bulk_create(
        Credit(
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
        for credit in credits_
    )
