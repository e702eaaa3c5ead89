"""What other policies would make of an edition: each pair, each participant's points, and what they cost in answers.

Read from what is stored, writing nothing. The action that puts a policy in force asks here too, under its locks: what
is shown is what is done.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count, Max

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.review.ballots import Ballot
from cats4ml.review.models import EditionSkill, RaterDiscount, Rating, RatingState
from cats4ml.review.policy_readings import (
    EditionFacts,
    Fate,
    RatedPair,
    Reader,
    Under,
    pair_under,
    pairs_and_ballots,
)
from cats4ml.review.skills import skills_of
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, VerdictRule, is_adverse
from cats4ml.submissions.models import Adjudication, Credit, Pair

KEPT_SECONDS = 600
# What the board counts of a person besides points and outcomes.
SETTLED, PENDING, POINTS = "settled", "pending", "points"


class Balance(NamedTuple):
    """What a participant loses and gains, in points."""

    participation: int
    lost: int
    gained: int

    @property
    def net(self) -> int:
        return self.gained - self.lost


@dataclass(frozen=True)
class Summary:
    """A policy over all pairs that were rated here. `spent`: the answers that its verdicts count. `more`: the fewest
    answers that pairs which are settled now would still need."""

    fates: Mapping[str, int]
    outcomes: Mapping[str, int]
    points: int
    spent: int
    more: int

    @property
    def verdicts(self) -> int:
        """Pairs that the policy settles with the answers there are."""
        return sum(self.outcomes.values())

    @property
    def per_verdict(self) -> float | None:
        return self.spent / self.verdicts if self.verdicts else None

    @property
    def adverse(self) -> int:
        return sum(number for outcome, number in self.outcomes.items() if is_adverse(outcome))

    @property
    def ambiguous(self) -> int:
        return self.outcomes[Outcome.AMBIGUOUS.value]

    @property
    def ambiguous_share(self) -> float | None:
        return self.ambiguous / self.verdicts if self.verdicts else None


@dataclass(frozen=True)
class Preview:
    """One policy over all pairs. `others` are the pairs that it does not leave as they are, in the order of their ids.
    `shifts`: by participation, what their line on the board gains or loses. `reopen`: whether settled pairs that need
    more answers go back to review; else they keep verdict and policy."""

    summary: Summary
    others: Sequence[Under]
    balances: Sequence[Balance]
    shifts: Mapping[int, Mapping[str, int]]
    reopen: bool

    def of(self, *fates: Fate) -> list[Under]:
        return [one for one in self.others if one.fate in fates]


@dataclass
class _Count:
    """A summary in the making."""

    fates: Counter[str] = field(default_factory=lambda: Counter({fate.value: 0 for fate in Fate}))
    outcomes: Counter[str] = field(default_factory=lambda: Counter({outcome.value: 0 for outcome in Outcome}))
    points: int = 0
    spent: int = 0
    more: int = 0

    def add(self, one: Under) -> None:
        self.fates[one.fate.value] += 1
        if one.fate is Fate.KEPT:
            return
        if one.new.outcome:
            self.outcomes[one.new.outcome] += 1
            self.points += one.new.points
            self.spent += one.new.answers
        elif one.fate is Fate.NEEDS_MORE:
            self.more += one.missing

    def summary(self) -> Summary:
        return Summary(dict(self.fates), dict(self.outcomes), self.points, self.spent, self.more)


def default_policies(in_force: Policy) -> dict[str, Policy]:
    """By the rule's name, the policy in force with each rule at its default parameters instead of its own."""
    found = {}
    for rule in VerdictRule:
        usual = Policy(verdict_rule=rule.value)
        taken = {name: getattr(usual, name) for name in ("quorum", "lead", "max_ratings", "bound", "dont_know")}
        taken |= {"min_ratings": usual.min_ratings, "min_lead": usual.min_lead, "verdict_rule": rule.value}
        found[rule.value] = Policy.from_dict({**in_force.to_dict(), **taken})
    return found


def readings(challenge: Challenge, policies: Sequence[Policy]) -> Iterator[tuple[RatedPair, list[Ballot], list[Under]]]:
    """Every rated pair of an edition under each of these policies, in the order of their ids, streamed."""
    facts, skills = EditionFacts(challenge), skills_of(challenge)
    readers = [Reader(policy, skills) for policy in policies]
    for pair, ballots in pairs_and_ballots(challenge):
        yield pair, ballots, [pair_under(pair, ballots, reader, facts) for reader in readers]


def preview_policy(*, challenge: Challenge, policy: Policy, reopen: bool = False) -> Preview:
    """What putting a policy in force for settled pairs too would do now. A handful of queries, however many pairs there
    are, and a few more for each pair that would earn and whose picture has near-copies."""
    facts, reader = EditionFacts(challenge), Reader(policy, skills_of(challenge))
    made = PreviewInTheMaking(facts, reopen=reopen)
    for pair, ballots in pairs_and_ballots(challenge):
        made.add(pair_under(pair, ballots, reader, facts))
    return made.preview()


class PreviewInTheMaking:
    """Adds pair after pair to a preview."""

    def __init__(self, facts: EditionFacts, *, reopen: bool) -> None:
        self._facts = facts
        self._reopen = reopen
        self._count = _Count()
        self._others: list[Under] = []
        self._lost: Counter[int] = Counter()
        self._gained: Counter[int] = Counter()
        self._shifts: dict[int, Counter[str]] = defaultdict(Counter)

    def add(self, one: Under, *, goes_back: bool | None = None) -> None:
        """`goes_back`: whether this pair goes back to review if it needs more answers, where it isn't as all others."""
        self._count.add(one)
        if one.fate not in (Fate.SAME, Fate.KEPT, Fate.WAITS):
            self._others.append(one)
        goes_back = self._reopen if goes_back is None else goes_back
        if one.changes or (goes_back and one.fate is Fate.NEEDS_MORE):
            self._shift(one)

    def _shift(self, one: Under) -> None:
        held, owner = self._facts.holders.get(one.pair), self._facts.owners.get(one.pair)
        if held is not None:
            points, holder = held
            self._lost[holder] += points
            self._shifts[holder].update({POINTS: -points, one.old.outcome: -1})
        if owner is None:
            return
        if one.new.points:
            self._gained[owner] += one.new.points
            self._shifts[owner].update({POINTS: one.new.points, one.new.outcome: 1})
        if one.fate is not Fate.ENDS_OTHERWISE:
            more = 1 if one.fate is Fate.SETTLES else -1
            self._shifts[owner].update({SETTLED: more, PENDING: -more})

    def preview(self) -> Preview:
        people = [Balance(one, self._lost[one], self._gained[one]) for one in {*self._lost, *self._gained}]
        changed = (one for one in people if one.lost != one.gained)
        return Preview(
            summary=self._count.summary(),
            others=self._others,
            balances=sorted(changed, key=lambda one: (one.net, one.participation)),
            shifts={person: dict(line) for person, line in self._shifts.items()},
            reopen=self._reopen,
        )


def compare_policies(*, challenge: Challenge, policies: Sequence[Policy]) -> list[Summary]:
    """A summary of each policy, in the order given, from one reading of the edition's answers."""
    counts = [_Count() for _ in policies]
    for _, _, unders in readings(challenge, policies):
        for count, one in zip(counts, unders, strict=True):
            count.add(one)
    return [count.summary() for count in counts]


def kept_comparison(challenge: Challenge, policies: Sequence[Policy]) -> list[Summary]:
    """`compare_policies`, counted once for what the answers, pairs and skills are now."""
    key = _key(challenge, "compared", *policies)
    found: list[Summary] | None = cache.get(key)
    if found is None:
        found = compare_policies(challenge=challenge, policies=policies)
        cache.set(key, found, KEPT_SECONDS)
    return found


def kept_preview(challenge: Challenge, policy: Policy, *, reopen: bool) -> Preview:
    """`preview_policy`, counted once for what the answers, pairs and skills are now."""
    key = _key(challenge, f"preview-{reopen}", policy)
    found: Preview | None = cache.get(key)
    if found is None:
        found = preview_policy(challenge=challenge, policy=policy, reopen=reopen)
        cache.set(key, found, KEPT_SECONDS)
    return found


def _key(challenge: Challenge, what: str, *policies: Policy) -> str:
    """Another one as soon as anything has changed that a reading looks at."""
    final = Rating.objects.filter(pair__challenge=challenge, state=RatingState.FINAL)
    pairs = Pair.objects.filter(challenge=challenge)
    state = [
        final.aggregate(number=Count("pk"), last=Max("pk"), at=Max("final_at")),
        pairs.aggregate(number=Count("pk"), at=Max("state_changed_at"), scored=Max("scored_at"), policy=Max("policy")),
        Credit.objects.filter(challenge=challenge).aggregate(last=Max("pk")),
        # Who is discounted may change and leave as many answers; an expert may agree, and binds the pair from then on.
        RaterDiscount.objects.filter(rater__challenge=challenge).aggregate(last=Max("pk"), at=Max("lifted_at")),
        Adjudication.objects.filter(pair__challenge=challenge).aggregate(last=Max("pk")),
        pairs.aggregate(claim=Max("submissions"), back=Max("submissions__retracted_at")),
        Participation.objects.filter(challenge=challenge).aggregate(out=Max("disqualified_at")),
        EditionSkill.objects.filter(challenge=challenge).aggregate(at=Max("rebuilt_at")),
    ]
    text = json.dumps([state, [policy.to_dict() for policy in policies], challenge.policy_id], default=str)
    return f"policies-{what}-{challenge.pk}-{hashlib.sha256(text.encode()).hexdigest()}"
