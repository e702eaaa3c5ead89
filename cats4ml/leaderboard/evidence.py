"""What the credits of an edition rest on, read by the block, so that a million pairs need no more memory than a few
thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Q

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, PolicyVersion, PoolImage
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.rules.ledger import Entry
from cats4ml.submissions.models import Adjudication, Credit, Pair, Submission
from cats4ml.submissions.voices import Score, score_pairs

BLOCK = 2_000


class FinalAnswer(NamedTuple):
    rating: int
    answer: str


class Claimed(NamedTuple):
    """One claim that is valid: not retracted, of nobody disqualified."""

    submission: int
    participation: int


class Ground(NamedTuple):
    """What an entry of the ledger says that it rests on."""

    policy: int
    roster: int | None
    mean: float | None
    ratings: Sequence[int]


@dataclass
class Evidence:
    """A pair, and all that its end and its credit rest on. `answers` are final, in the order in which they counted;
    `ratings` are the ids of all answers ever given. `score` is None where no classifier's word is kept to count it
    from. `claims` are the valid ones, first claim first."""

    pair: Pair
    score: Score | None = None
    answers: list[FinalAnswer] = field(default_factory=list)
    ratings: set[int] = field(default_factory=set)
    basis: VerdictBasis | None = None
    adjudication: Adjudication | None = None
    claims: list[Claimed] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    grounds: dict[int, Ground] = field(default_factory=dict)


class Edition:
    """An edition's policies and the pictures that have near-copies, asked once."""

    def __init__(self, challenge: Challenge) -> None:
        self.challenge = challenge
        versions = PolicyVersion.objects.filter(challenge=challenge)
        self.policies = {version.pk: version.value for version in versions}
        self._labels = Label.objects.in_bulk(challenge.target_labels.values_list("label", flat=True))
        grouped = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False)
        self.in_groups = frozenset(grouped.values_list("image_id", flat=True))

    def evidence(self) -> Iterator[Evidence]:
        """Every pair of the edition in the order of their ids, with what it rests on."""
        last = 0
        while block := list(Pair.objects.filter(challenge=self.challenge, pk__gt=last).order_by("pk")[:BLOCK]):
            last = block[-1].pk
            yield from self._of(block)

    def _of(self, block: Sequence[Pair]) -> Iterator[Evidence]:
        found = {pair.pk: Evidence(pair) for pair in block}
        for pair in block:
            pair.challenge = self.challenge
            if pair.label_id not in self._labels:
                self._labels[pair.label_id] = pair.label
            pair.label = self._labels[pair.label_id]
        _read_scores(block, found)
        _read_answers(found)
        _read_verdicts(found)
        _read_ledger(found)
        yield from found.values()


def _read_scores(block: Sequence[Pair], found: dict[int, Evidence]) -> None:
    by_roster: dict[int, list[Pair]] = defaultdict(list)
    for pair in block:
        if pair.roster_id is not None:
            by_roster[pair.roster_id].append(pair)
    for roster, pairs in by_roster.items():
        for pk, score in score_pairs(pairs, roster_id=roster, needed=1).items():
            found[pk].score = score if isinstance(score, Score) else None


def _read_answers(found: dict[int, Evidence]) -> None:
    rows = Rating.objects.filter(pair__in=list(found)).order_by("final_at", "pk")
    for pair, pk, answer, state in rows.values_list("pair_id", "pk", "answer", "state"):
        one = found[pair]
        one.ratings.add(pk)
        if state == RatingState.FINAL:
            one.answers.append(FinalAnswer(pk, answer))


def _read_verdicts(found: dict[int, Evidence]) -> None:
    bases = VerdictBasis.objects.filter(pair__in=list(found)).order_by("pair_id", "-pk").distinct("pair_id")
    for basis in bases:
        found[basis.pair_id].basis = basis
    decided = Adjudication.objects.filter(pair__in=list(found)).order_by("pair_id", "-pk").distinct("pair_id")
    for one in decided:
        found[one.pair_id].adjudication = one


def _read_ledger(found: dict[int, Evidence]) -> None:
    valid = Q(retracted_at=None, participation__disqualified_at=None)
    claims = Submission.objects.filter(valid, pair__in=list(found)).order_by("pk")
    for pair, *rest in claims.values_list("pair_id", "pk", "participation_id"):
        found[pair].claims.append(Claimed(*rest))
    entries = Credit.objects.filter(pair__in=list(found)).order_by("pk")
    for row in entries.values_list(
        "pair_id",
        "pk",
        "kind",
        "submission_id",
        "participation_id",
        "points",
        "adverse",
        "outcome",
        "reverses_id",
        "policy_id",
        "roster_id",
        "machine_mean",
        "ratings",
    ):
        one = found[row[0]]
        one.entries.append(Entry(*row[1:9]))
        one.grounds[row[1]] = Ground(*row[9:])
