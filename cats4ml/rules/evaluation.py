"""How a classifier fares on pairs whose truth people certified: figures by part, kind and label, and who is ahead.

Pairs about one picture stand or fall together. So every interval rests on pictures and not on pairs, and a comparison
of two classifiers counts pictures.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from cats4ml.rules.intervals import Z_95, Interval
from cats4ml.rules.split import Split
from cats4ml.rules.verdicts import Outcome, Verdict, is_adverse


class Kind(StrEnum):
    """Which pairs figures are about. False negatives and false positives are the ensemble's, not the classifier's."""

    ADVERSE = "adverse"
    FALSE_NEGATIVE = "false_negative"
    FALSE_POSITIVE = "false_positive"
    AGREEMENT = "agreement"
    ALL = "all"

    @property
    def label(self) -> str:
        return _KIND_LABELS[self]


_KIND_LABELS = {
    Kind.ADVERSE: "Adverse pairs",
    Kind.FALSE_NEGATIVE: "Where the ensemble missed it",
    Kind.FALSE_POSITIVE: "Where the ensemble saw what isn’t there",
    Kind.AGREEMENT: "Agreements",
    Kind.ALL: "All pairs",
}
BOTH = "both"
PARTS = (Split.PUBLIC.value, Split.HELDOUT.value, BOTH)


class Answered(NamedTuple):
    """One pair that has a truth, and what a classifier says of it."""

    picture: int
    label: str
    part: str
    outcome: str
    truth_yes: bool
    says_yes: bool

    @property
    def right(self) -> bool:
        return self.truth_yes == self.says_yes


def truth_of(verdict: str, outcome: str) -> bool | None:
    """What people certified; None for a pair that is ambiguous, of which nobody can be right or wrong."""
    if outcome == Outcome.AMBIGUOUS or verdict == Verdict.UNDECIDED:
        return None
    return verdict == Verdict.YES


def kinds_of(outcome: str) -> tuple[Kind, ...]:
    if is_adverse(outcome):
        return Kind.ADVERSE, Kind(outcome), Kind.ALL
    return Kind.AGREEMENT, Kind.ALL


@dataclass(slots=True)
class Share:
    """A share over pairs, with what its spread over pictures is counted from: sums of squares by picture."""

    successes: int = 0
    trials: int = 0
    pictures: int = 0
    squares: int = 0
    products: int = 0
    sizes: int = 0

    def add(self, successes: int, trials: int) -> None:
        """One picture's pairs."""
        if trials:
            self.successes += successes
            self.trials += trials
            self.pictures += 1
            self.squares += successes * successes
            self.products += successes * trials
            self.sizes += trials * trials

    @property
    def value(self) -> float | None:
        return self.successes / self.trials if self.trials else None

    @property
    def worth(self) -> float:
        """How many independent pairs these are worth: the pairs by the design effect, never more than the pairs.

        The design effect is the variance of the ratio over pictures (Cochran, Sampling Techniques, 1977, chapter 6) by
        the binomial one. Where all pairs are right, or none, it can't be seen, and pictures are taken to be wholly
        right or wrong (Kish, Survey Sampling, 1965).
        """
        share = self.successes / self.trials
        if self.successes in (0, self.trials) or self.pictures < 2:
            return self.trials**2 / self.sizes
        errors = self.squares - 2 * share * self.products + share**2 * self.sizes
        variance = errors / self.trials**2 * self.pictures / (self.pictures - 1)
        return self.trials / max(1.0, variance / (share * (1.0 - share) / self.trials))

    @property
    def interval(self) -> Interval | None:
        """Wilson's with the worth of the pairs in place of their number (Franco, Little, Louis and Slud, Journal of
        Survey Statistics and Methodology 7, 2019)."""
        if not self.trials:
            return None
        return interval_of(self.successes / self.trials, self.worth)


def interval_of(share: float, trials: float) -> Interval:
    """Wilson's 95% interval of a share of so many trials, which need be no whole number."""
    square = Z_95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def f1_of(hits_of_union: float) -> float:
    """F1 out of the share J = TP ÷ (TP + FP + FN): F1 = 2J ÷ (1 + J). It only rises, so it takes intervals along."""
    return 2 * hits_of_union / (1 + hits_of_union)


class Figure(NamedTuple):
    """A share with its interval; None for all three where it is a share of nothing."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, share: Share, *, as_f1: bool = False) -> Figure:
        value, interval = share.value, share.interval
        if value is None or interval is None:
            return cls(None, None, None)
        found = (value, interval.low, interval.high)
        return cls(*(round(f1_of(one) if as_f1 else one, 6) for one in found))


@dataclass(slots=True)
class Group:
    """Counts of one part, kind and label (or all labels): true and false, positives and negatives."""

    now: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    total: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    accuracy: Share = field(default_factory=Share)
    union: Share = field(default_factory=Share)
    missed: Share = field(default_factory=Share)
    invented: Share = field(default_factory=Share)

    def end_of_picture(self) -> None:
        """Count the pairs of the picture that was gone through as one cluster."""
        tp, fn, fp, tn = self.now
        self.accuracy.add(tp + tn, tp + fn + fp + tn)
        self.union.add(tp, tp + fn + fp)
        self.missed.add(fn, tp + fn)
        self.invented.add(fp, fp + tn)
        self.total = [before + more for before, more in zip(self.total, self.now, strict=True)]
        self.now = [0, 0, 0, 0]

    def figures(self) -> dict[str, Any]:
        """As JSON: numbers of pairs and pictures, and each figure as [value, low, high]."""
        tp, fn, fp, tn = self.total
        # Where nothing is there to be found, F1 would be 0 whatever a classifier says.
        f1 = Figure.of(self.union, as_f1=True) if tp + fn else Figure(None, None, None)
        return {
            "pairs": self.accuracy.trials,
            "pictures": self.accuracy.pictures,
            "confusion": {"true_yes": tp, "missed": fn, "invented": fp, "true_no": tn},
            "accuracy": list(Figure.of(self.accuracy)),
            "f1": list(f1),
            "false_negative_rate": list(Figure.of(self.missed)),
            "false_positive_rate": list(Figure.of(self.invented)),
        }


class Sheet:
    """Counts answers, which come picture by picture, in one pass and in little memory."""

    def __init__(self, *, labels: bool = True) -> None:
        self._groups: dict[tuple[str, Kind, str | None], Group] = defaultdict(Group)
        self._touched: set[tuple[str, Kind, str | None]] = set()
        self._picture: int | None = None
        self._labels = labels

    def add(self, one: Answered) -> None:
        """Count one pair. The pairs of a picture come one after the other."""
        if one.picture != self._picture:
            self._end_picture()
            self._picture = one.picture
        place = (0 if one.says_yes else 1) if one.truth_yes else (2 if one.says_yes else 3)
        for part in (one.part, BOTH):
            for kind in kinds_of(one.outcome):
                for label in (None, one.label) if self._labels else (None,):
                    key = (part, kind, label)
                    self._groups[key].now[place] += 1
                    self._touched.add(key)

    def _end_picture(self) -> None:
        for key in self._touched:
            self._groups[key].end_of_picture()
        self._touched.clear()

    def share(self, part: str, kind: Kind) -> Share:
        """The accuracy of one part and kind."""
        self._end_picture()
        return self._groups[part, kind, None].accuracy if (part, kind, None) in self._groups else Share()

    def figures(self, part: str) -> dict[str, Any]:
        """The figures of a part, by kind; every kind is there, with or without pairs."""
        self._end_picture()
        return {kind.value: self._groups.get((part, kind, None), Group()).figures() for kind in Kind}

    def by_label(self, part: str) -> dict[str, Any]:
        """The figures of a part by label and kind; only labels and kinds that have pairs."""
        self._end_picture()
        found: dict[str, Any] = defaultdict(dict)
        for (of, kind, label), group in self._groups.items():
            if of == part and label is not None:
                found[label][kind.value] = group.figures()
        return {label: found[label] for label in sorted(found)}


class Paired(NamedTuple):
    """Two classifiers on the same pairs. `first`, `second`: pairs that this one alone has right; `first_pictures`,
    `second_pictures`: pictures of which it has more pairs right than the other; `p`: see `compare`."""

    pairs: int
    first: int
    second: int
    first_pictures: int
    second_pictures: int
    p: float


def compare(rows: Iterable[tuple[int, bool, bool]]) -> Paired:
    """Compare by picture, whether the first is right, and whether the second is. Rows come picture by picture.

    The exact test of McNemar (Psychometrika 12, 1947) with pictures for its units: a picture counts for the one who has
    more of its pairs right. `p` is how likely so one-sided a count, or a more one-sided one, is where neither is
    better.
    """
    pairs = first = second = first_pictures = second_pictures = 0
    for _, of_picture in groupby(rows, key=lambda row: row[0]):
        ahead = 0
        for _, first_right, second_right in of_picture:
            pairs += 1
            first += first_right > second_right
            second += second_right > first_right
            ahead += first_right - second_right
        first_pictures += ahead > 0
        second_pictures += ahead < 0
    p = two_sided(min(first_pictures, second_pictures), first_pictures + second_pictures)
    return Paired(pairs, first, second, first_pictures, second_pictures, p)


def two_sided(fewer: int, number: int) -> float:
    """How likely at most `fewer` heads, or at most `fewer` tails, are in so many throws of a fair coin."""
    if 2 * fewer >= number:
        return 1.0
    log_term = (
        math.lgamma(number + 1) - math.lgamma(fewer + 1) - math.lgamma(number - fewer + 1) - number * math.log(2.0)
    )
    term = total = 1.0
    for heads in range(fewer, 0, -1):  # each term out of the one before it, until they add nothing
        term *= heads / (number - heads + 1)
        total += term
        if term < 1e-17 * total:
            break
    return min(1.0, 2.0 * total * math.exp(log_term))


def holm(values: Sequence[float]) -> list[float]:
    """These p-values, each raised for how many there are (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    raised, highest = [1.0] * len(values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, values[index] * (len(values) - place)))
        raised[index] = highest
    return raised


def groups_of(number: int, apart: Iterable[tuple[int, int]]) -> list[int]:
    """Put rows, best first, into groups: by row, the number of its group from 1.

    `apart`: pairs of places, the better one first, that can be told apart. A row begins a new group where it can be
    told from the first row of the group above it; so those of one group can't be told from its first.
    """
    told = set(apart)
    found: list[int] = []
    first = 0
    for place in range(number):
        if place and (first, place) in told:
            first = place
            found.append(found[-1] + 1)
        else:
            found.append(found[-1] if found else 1)
    return found


def same_pairs(first: Iterable[Answered], second_says: Iterable[bool | None]) -> Iterator[tuple[int, bool, bool]]:
    """Rows for `compare`, of the pairs to which both have an answer."""
    for one, says in zip(first, second_says, strict=True):
        if says is not None:
            yield one.picture, one.right, says == one.truth_yes
