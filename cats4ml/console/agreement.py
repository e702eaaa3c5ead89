"""How far the raters of an edition agree: in all, by label, over time, and pair by pair."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from django.core.cache import cache
from django.db.models import Q

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, PolicyVersion
from cats4ml.console.agreement_counts import Group, OfBatch, OfLabel, count_groups, most_divided, stamp
from cats4ml.rules.agreement import alpha_interval, entropy, krippendorff_alpha
from cats4ml.rules.answers import Tally
from cats4ml.rules.disagreement import Part, discoveries, surprise
from cats4ml.rules.intervals import Interval
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import QUORUM_RULES, DontKnow, VerdictRule
from cats4ml.submissions.models import Pair, TallySource

# Krippendorff, Content Analysis, second edition, 2004, page 241: rely on data above 0.8; between the two draw
# tentative conclusions only.
RELIABLE = 0.8
TENTATIVE = 2 / 3
# An interval of fewer pairs is itself a guess.
FEW_PAIRS = 20
# Of an edition with thousands of labels, so many get an interval: those on which raters agree least.
MOST_INTERVALS = 50
# Entropy runs to log2 3, 1.58 bits.
BIN_WIDTH = 0.2
BINS = 8
SEED = 2021
KEPT_SECONDS = 24 * 60 * 60
# Of the values that are kept: another number where their classes change, so that none of an older form is read.
FORM = 1

Figures = TypeVar("Figures")
GroupType = TypeVar("GroupType", bound=Group)


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha over so many pairs with two answers that count for it; no interval where these are few."""

    value: float
    interval: Interval | None
    pairs: int


@dataclass(frozen=True)
class LabelAgreement:
    """One label. The three counts add up to `pairs`: `unanimous` gave one answer, `divided` yes and no both, `unsure`
    neither, for somebody doesn't know. `alpha` is None where all answers are the same. `reads_apart`, `often_unsure`:
    it happens more often than with the edition's other labels, and not by chance (`rules.disagreement`)."""

    label: int
    name: str
    alpha: Alpha | None
    pairs: int
    unanimous: int
    divided: int
    unsure: int
    reads_apart: bool = False
    often_unsure: bool = False

    @property
    def few(self) -> bool:
        return self.pairs < FEW_PAIRS


@dataclass(frozen=True)
class Batch:
    """Pairs that were settled one after the other; `so_far` with all before them, the last at `at`."""

    at: datetime
    pairs: int
    so_far: int
    alpha: Alpha | None


@dataclass(frozen=True)
class EntropyBin:
    """Pairs whose answers have this entropy, more than `low` up to `high` bits, by outcome ('' while in review). The
    first bin is for 0."""

    low: float
    high: float
    outcomes: dict[str, int]

    @property
    def pairs(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Agreement:
    """Everything of the page but the pictures. `early`: the rule stops once raters agree, so that alpha is read from
    the first two answers of each pair; `all_answers` and `all_known` are then what all answers would say."""

    early: bool
    pairs: int
    answers: int
    alpha: Alpha | None
    known: Alpha | None
    all_answers: Alpha | None
    all_known: Alpha | None
    labels: tuple[LabelAgreement, ...]
    batches: tuple[Batch, ...]
    entropies: tuple[EntropyBin, ...]
    divided: tuple[int, ...]


def agreement_of(challenge: Challenge) -> Agreement:
    """Counted anew when an answer, a verdict or the policy has changed, else as it was."""
    return kept("agreement", challenge, _count)


def kept(name: str, challenge: Challenge, count: Callable[[Challenge], Figures]) -> Figures:
    """What `count` says of the edition, from the cache as long as nothing has changed that it may rest on."""
    key = f"{name}:{FORM}:{stamp(challenge)}".replace(" ", "")
    found: Figures | None = cache.get(key)
    if found is None:
        found = count(challenge)
        cache.set(key, found, KEPT_SECONDS)
    return found


def stops_early(policy: Policy) -> bool:
    """Whether how many answers a pair gets depends on how they fall out. Then pairs whose raters disagree have more of
    them than the others, and agreement over all answers is of a sample that the rule has picked."""
    return VerdictRule(policy.verdict_rule) not in QUORUM_RULES or policy.dont_know == DontKnow.REPLACED


def stopped_early(challenge: Challenge) -> bool:
    """Whether the policy in force stops early, or one by which pairs of the edition were settled before it."""
    settled = Pair.objects.filter(challenge=challenge, tally_source=TallySource.RATINGS, policy__isnull=False)
    versions = PolicyVersion.objects.filter(Q(pk=challenge.policy_id) | Q(pk__in=settled.values("policy")))
    return any(stops_early(version.value) for version in versions)


def _count(challenge: Challenge) -> Agreement:
    early = stopped_early(challenge)
    counts = count_groups(challenge, first=early)
    read = _as_read(counts.labels, early=early)
    return Agreement(
        early=early,
        pairs=sum(group.pairs for group in read),
        answers=sum(group.pairs * group.tally.total for group in read),
        alpha=alpha_of(read),
        known=alpha_of(read, dont_know=False),
        all_answers=alpha_of(counts.labels) if early else None,
        all_known=alpha_of(counts.labels, dont_know=False) if early else None,
        labels=by_label(read),
        batches=over_time(_as_read(counts.batches, early=early)),
        entropies=entropy_bins(counts.labels),
        divided=tuple(most_divided(challenge)),
    )


def _as_read(groups: Sequence[GroupType], *, early: bool) -> list[GroupType]:
    """With the answers that alpha is read from; without pairs of which these are not known."""
    if not early:
        return list(groups)
    return [replace(group, tally=group.first) for group in groups if group.first.total > 1]


def alpha_of(groups: Sequence[Group], *, dont_know: bool = True, interval: bool = True) -> Alpha | None:
    """None where alpha is not defined."""
    counts: Counter[Tally] = Counter()
    for group in groups:
        counts[group.tally] += group.pairs
    value = krippendorff_alpha(counts.elements(), dont_know=dont_know)
    if value is None:
        return None
    pairs = sum(times for tally, times in counts.items() if _counted(tally, dont_know=dont_know) > 1)
    wanted = interval and pairs >= FEW_PAIRS
    found = alpha_interval(counts.elements(), seed=SEED, dont_know=dont_know) if wanted else None
    return Alpha(value, found, pairs)


def _counted(tally: Tally, *, dont_know: bool) -> int:
    return tally.total if dont_know else tally.yes + tally.no


def by_label(groups: Iterable[OfLabel]) -> tuple[LabelAgreement, ...]:
    """The labels, those on which raters agree least first; those without an alpha last."""
    of: defaultdict[int, list[OfLabel]] = defaultdict(list)
    for group in groups:
        of[group.label].append(group)
    names = dict(Label.objects.filter(pk__in=of).values_list("pk", "name"))
    labels = [_label(label, names[label], own) for label, own in of.items()]
    labels.sort(key=lambda one: (one.alpha is None, one.alpha.value if one.alpha else 0.0, one.name))
    with_intervals = [
        replace(one, alpha=alpha_of(of[one.label])) if place < MOST_INTERVALS and one.alpha else one
        for place, one in enumerate(labels)
    ]
    return tuple(_tested(with_intervals))


def _label(label: int, name: str, groups: Sequence[Group]) -> LabelAgreement:
    divided = sum(group.pairs for group in groups if group.tally.yes and group.tally.no)
    unanimous = sum(group.pairs for group in groups if is_unanimous(group.tally))
    pairs = sum(group.pairs for group in groups)
    return LabelAgreement(
        label=label,
        name=name,
        alpha=alpha_of(groups, interval=False),
        pairs=pairs,
        unanimous=unanimous,
        divided=divided,
        unsure=pairs - unanimous - divided,
    )


def is_unanimous(tally: Tally) -> bool:
    """All say yes, or all say no. That nobody knows is no agreement on what is seen."""
    return tally.total in (tally.yes, tally.no)


def _tested(labels: Sequence[LabelAgreement]) -> list[LabelAgreement]:
    """Each label beside all others, for both of its counts; of what is found, one in twenty is expected to be
    chance."""
    apart = _surprises([Part(one.divided, one.pairs) for one in labels])
    unsure = _surprises([Part(one.unsure, one.pairs) for one in labels])
    found = discoveries([*apart, *unsure])
    return [
        replace(one, reads_apart=found[place], often_unsure=found[len(labels) + place])
        for place, one in enumerate(labels)
    ]


def _surprises(parts: Sequence[Part]) -> list[float]:
    hits, of = sum(part.hits for part in parts), sum(part.of for part in parts)
    return [
        # A label alone in its edition has no others to differ from.
        surprise(part, others=Part(hits - part.hits, of - part.of)) if of > part.of else 1.0
        for part in parts
    ]


def over_time(groups: Iterable[OfBatch]) -> tuple[Batch, ...]:
    """Settled pairs in batches of the same size, in the order in which they were settled."""
    of: defaultdict[int, list[OfBatch]] = defaultdict(list)
    for group in groups:
        of[group.batch].append(group)
    batches, so_far = [], 0
    for _, own in sorted(of.items()):
        pairs = sum(group.pairs for group in own)
        so_far += pairs
        at = max(group.settled_at for group in own)
        batches.append(Batch(at=at, pairs=pairs, so_far=so_far, alpha=alpha_of(own)))
    return tuple(batches)


def entropy_bins(groups: Iterable[OfLabel]) -> tuple[EntropyBin, ...]:
    """The entropy of all answers of each pair."""
    counts: list[Counter[str]] = [Counter() for _ in range(BINS + 1)]
    for group in groups:
        place = math.ceil(round(entropy(group.tally) / BIN_WIDTH, 9))
        counts[place][group.outcome] += group.pairs
    return tuple(
        EntropyBin(low=max(0.0, (place - 1) * BIN_WIDTH), high=place * BIN_WIDTH, outcomes=dict(found))
        for place, found in enumerate(counts)
    )
