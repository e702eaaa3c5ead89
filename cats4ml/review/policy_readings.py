"""A pair under another policy, read from the answers that were recorded of it, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import QuerySet

from cats4ml.challenges.models import Challenge, PolicyVersion, PoolImage
from cats4ml.review.ballots import Ballot, Voters, read_ballots, tally_of
from cats4ml.review.models import Rating, RatingState
from cats4ml.review.skills import EditionSkills
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict, VerdictRule
from cats4ml.submissions.actions.ledger import live_credits
from cats4ml.submissions.endings import Ending, ending_of, machines_say_yes
from cats4ml.submissions.models import Pair, Submission, TallySource
from cats4ml.submissions.near_copies import earlier_near_copy
from cats4ml.submissions.queries import valid_claims

BLOCK = 5_000


class RatedPair(NamedTuple):
    """What is read of a pair, by the names that `Pair` has for it: a model's object takes three times as long."""

    pk: int
    image_id: int
    label_id: int
    state: str
    machine_mean: float | None
    machine_yes: bool | None
    verdict: str
    outcome: str
    uncredited: str
    policy_id: int | None
    least_ratings: int
    adjudicated_reason: str
    tally_source: str
    yes_ratings: int
    no_ratings: int
    dont_know_ratings: int

    @property
    def tally(self) -> Tally:
        return Tally(self.yes_ratings, self.no_ratings, self.dont_know_ratings)


class Fate(StrEnum):
    """What becomes of a pair. Settled: it ends as it did, it ends otherwise, or the policy asks for more answers than
    were given. In review: its answers are enough, or they are not. Kept: it was settled elsewhere, so that there are no
    answers to read."""

    SAME = "same"
    ENDS_OTHERWISE = "ends_otherwise"
    NEEDS_MORE = "needs_more"
    SETTLES = "settles"
    WAITS = "waits"
    KEPT = "kept"


class Ended(NamedTuple):
    """How a pair ends. All empty, and no points, while it is in review; `answers` are those that count."""

    verdict: str
    outcome: str
    uncredited: str
    points: int
    answers: int


class Under(NamedTuple):
    """One pair as it stands and under a policy. `missing`: the fewest further answers that the policy needs; then `new`
    is how it would stand in review."""

    pair: int
    fate: Fate
    old: Ended
    new: Ended
    missing: int = 0

    @property
    def changes(self) -> bool:
        return self.fate in (Fate.ENDS_OTHERWISE, Fate.SETTLES)


class Found(NamedTuple):
    """What a policy makes of a pair's answers: a verdict and the answers that it counts, or how many are missing."""

    verdict: Verdict | None
    counted: Tally
    missing: int


class Reader:
    """Reads pairs by one policy. What a rule that weighs all raters alike makes of the same answers is kept."""

    def __init__(self, policy: Policy, skills: EditionSkills) -> None:
        self.policy = policy
        self.rule = policy.rule
        self.voters = Voters(skills, policy)
        self._alike = policy.verdict_rule != VerdictRule.WEIGHTED
        self._known: dict[tuple[bool, int, tuple[Answer, ...]], Found] = {}

    def read(self, pair: RatedPair, ballots: Sequence[Ballot]) -> Found:
        if not self._alike:
            return self._read(pair, ballots)
        yes = machines_say_yes(mean=pair.machine_mean, machine_yes=bool(pair.machine_yes), policy=self.policy)
        key = (yes, pair.least_ratings, tuple(ballot.answer for ballot in ballots))
        if key not in self._known:
            self._known[key] = self._read(pair, ballots)
        return self._known[key]

    def _read(self, pair: RatedPair, ballots: Sequence[Ballot]) -> Found:
        reading = read_ballots(pair, ballots, policy=self.policy, voters=self.voters)
        return Found(reading.verdict, tally_of(ballots[: reading.ratings]), reading.missing)


class EditionFacts:
    """What the policies, the ledger, the claims and the near-copies say of an edition's pairs, each asked once."""

    def __init__(self, challenge: Challenge) -> None:
        versions = PolicyVersion.objects.filter(challenge=challenge)
        self._policies = {version.pk: version.value for version in versions}
        self._standing: dict[tuple[int, int], bool] = {}
        live = live_credits().filter(challenge=challenge).values_list("pair_id", "points", "participation_id")
        self.holders: Mapping[int, tuple[int, int]] = {pair: (points, owner) for pair, points, owner in live}
        firsts = Submission.objects.filter(valid_claims(), pair__challenge=challenge).order_by("pair_id", "id")
        self.owners: Mapping[int, int] = dict(firsts.distinct("pair_id").values_list("pair_id", "participation_id"))
        grouped = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False)
        self._in_groups = frozenset(grouped.values_list("image_id", flat=True))
        self._copies: dict[int, bool] = {}

    def stands(self, pair: RatedPair, reader: Reader) -> bool:
        """Whether the pair's verdict is not read anew: an expert decided it, or this very rule settled it, by what was
        known of the raters then."""
        if pair.adjudicated_reason:
            return True
        key = (pair.policy_id or 0, id(reader))
        if key not in self._standing:
            former = self._policies.get(pair.policy_id or 0)
            alike = former is not None and former.rule == reader.rule
            self._standing[key] = alike and former is not None and former.skill_coins == reader.policy.skill_coins
        return self._standing[key]

    def near_copy(self, pair: RatedPair) -> bool:
        if pair.image_id not in self._in_groups:
            return False
        if pair.pk not in self._copies:
            self._copies[pair.pk] = earlier_near_copy(Pair.objects.get(pk=pair.pk)) is not None
        return self._copies[pair.pk]


def rated_pairs(challenge: Challenge, *, settled: bool = True) -> QuerySet[Pair]:
    """The pairs in review, and the settled ones unless these are left out, in the order of their ids."""
    states = [PairState.IN_REVIEW, PairState.SETTLED] if settled else [PairState.IN_REVIEW]
    return Pair.objects.filter(challenge=challenge, state__in=states).order_by("pk")


def pairs_and_ballots(challenge: Challenge, *, settled: bool = True) -> Iterator[tuple[RatedPair, list[Ballot]]]:
    """Every one of `rated_pairs` with its final answers, in the order of their ids. Two queries, streamed."""
    pairs = rated_pairs(challenge, settled=settled)
    in_order = ("final_at", "pk")
    rows = (
        Rating.objects.filter(pair__in=pairs.order_by().values("pk"), state=RatingState.FINAL)
        .order_by("pair_id")
        .values_list("pair_id")
        .annotate(
            ids=ArrayAgg("pk", order_by=in_order),
            raters=ArrayAgg("rater_id", order_by=in_order),
            answers=ArrayAgg("answer", order_by=in_order),
        )
    )
    given = rows.iterator(chunk_size=BLOCK)
    row = next(given, None)
    for pair in map(RatedPair._make, pairs.values_list(*RatedPair._fields).iterator(chunk_size=BLOCK)):
        while row is not None and row[0] < pair.pk:
            row = next(given, None)
        if row is None or row[0] != pair.pk:
            yield pair, []
            continue
        _, ids, raters, answers = row
        yield pair, [Ballot(*ballot) for ballot in zip(ids, raters, map(_ANSWERS.__getitem__, answers), strict=True)]


_ANSWERS = {answer.value: answer for answer in Answer}


def pair_under(
    pair: RatedPair, ballots: Sequence[Ballot], reader: Reader, facts: EditionFacts, *, known: Found | None = None
) -> Under:
    """One pair under the reader's policy. `known`: what that policy made of its answers before, where these stand."""
    held = facts.holders.get(pair.pk)
    tally = pair.tally
    old = Ended(pair.verdict, pair.outcome, pair.uncredited, held[0] if held else 0, tally.total)
    if pair.tally_source == TallySource.IMPORTED:
        return Under(pair.pk, Fate.KEPT, old, old)
    settled = pair.state == PairState.SETTLED
    if settled and facts.stands(pair, reader):
        verdict, counted = Verdict(pair.verdict), tally
    else:
        found = known or reader.read(pair, ballots)
        if found.verdict is None:
            waiting = Ended("", "", "", 0, len(ballots))
            return Under(pair.pk, Fate.NEEDS_MORE if settled else Fate.WAITS, old, waiting, found.missing)
        verdict, counted = found.verdict, found.counted
    new = _ended(pair, verdict, counted, reader.policy, facts)
    if not settled:
        return Under(pair.pk, Fate.SETTLES, old, new)
    return Under(pair.pk, Fate.SAME if new[:4] == old[:4] else Fate.ENDS_OTHERWISE, old, new)


def _ended(pair: RatedPair, verdict: Verdict, tally: Tally, policy: Policy, facts: EditionFacts) -> Ended:
    def ending(*, near_copy: bool) -> Ending:
        return ending_of(
            verdict=verdict,
            mean=pair.machine_mean,
            machine_yes=bool(pair.machine_yes),
            near_copy=near_copy,
            policy=policy,
            tally=tally,
            adjudicated=bool(pair.adjudicated_reason),
        )

    found = ending(near_copy=False)
    if found.points and facts.near_copy(pair):
        found = ending(near_copy=True)
    return Ended(
        verdict=verdict.value,
        outcome=found.outcome.value,
        uncredited=found.uncredited.value if found.uncredited else "",
        points=found.points if pair.pk in facts.owners else 0,
        answers=tally.total,
    )
