"""What may be told of held-out answers, so that they can't be inferred however often somebody asks.

The Ladder (Blum and Hardt, ICML 2015): one who asks again and again is told a new figure only where it is better than
all of theirs before, by a whole step. All that they are ever told of k sets of predictions is then a line of k levels
that never falls, and there are few such lines. See docs/evaluations.md for the argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from cats4ml.rules.evaluation import Kind, interval_of

# Nothing is told of fewer pairs.
LEAST_PAIRS = 20
# What one who asks may learn at most, in bits, for each held-out answer.
BITS_AN_ANSWER = 1 / 8
SHOWN_KINDS = (Kind.ADVERSE, Kind.AGREEMENT)
_NEVER_MORE = 100_000


@dataclass(frozen=True)
class Steps:
    """The steps in which the share of right answers among so many is told. `hundredths`: the height of one."""

    pairs: int

    @property
    def hundredths(self) -> int:
        """A hundredth, or 1 ÷ √n where that is more: about two standard errors, so that a step is never mere noise."""
        return max(1, math.ceil(round(100 / math.sqrt(self.pairs), 9)))

    @property
    def top(self) -> int:
        """The highest level; the lowest is 0."""
        return 100 // self.hundredths

    @property
    def least_pairs(self) -> int:
        """The least number of pairs that is told in these steps. All that is told of a number of held-out pairs of a
        kind: beside another release, that holds one pair more, the number itself would tell how that pair ended."""
        return max(LEAST_PAIRS, math.ceil((100 / self.hundredths) ** 2))

    def level(self, right: int) -> int:
        return (100 * right) // (self.pairs * self.hundredths)

    def value(self, level: int) -> float:
        return level * self.hundredths / 100

    @property
    def height(self) -> float:
        return self.hundredths / 100


def bits_of_ladder(*, levels: int, reports: int) -> float:
    """How many bits so many reports can tell at most: the binary logarithm of the number of lines of levels 0 to
    `levels` that never fall, which is the binomial of (reports + levels) over levels."""
    return (math.lgamma(reports + levels + 1) - math.lgamma(levels + 1) - math.lgamma(reports + 1)) / math.log(2.0)


def bits_of_list(*, levels: int, reports: int) -> float:
    """As `bits_of_ladder`, where every report tells its level."""
    return reports * math.log2(levels + 1)


@cache
def most_reports(pairs: int, *, ladder: bool) -> int:
    """How many reports about so many answers may be given before they could tell more than `BITS_AN_ANSWER` allows."""
    if pairs < LEAST_PAIRS:
        return 0
    bits = bits_of_ladder if ladder else bits_of_list
    top, budget = Steps(pairs).top, Steps(pairs).least_pairs * BITS_AN_ANSWER
    low, high = 0, _NEVER_MORE
    while low < high:
        middle = (low + high + 1) // 2
        if bits(levels=top, reports=middle) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True)
class Told:
    """What is told of one kind of held-out pairs.

    `level`: the level reached, None where it is not above the best of before (`best`) or nothing may be told.
    `why`: `too_few`, `used_up`, `not_above`, or empty where the level is told.
    """

    pairs: int
    level: int | None
    best: int | None
    why: str = ""

    @property
    def value(self) -> float | None:
        return None if self.level is None else Steps(self.pairs).value(self.level)

    def to_dict(self) -> dict[str, float | int | str | list[float] | None]:
        """As JSON. `pairs`: there are at least so many, None where they are too few. The true share lies from `value`
        to less than `value + step`; `interval` allows for both that and chance. `below`: it is less than this, where it
        is not above the best of before."""
        told = self.why in ("", "not_above")
        steps = Steps(self.pairs) if self.why != "too_few" else None
        found: dict[str, float | int | str | list[float] | None] = {
            "pairs": steps.least_pairs if steps else None,
            "step": steps.height if steps else None,
            "value": self.value,
            "interval": None,
            "below": None,
            "level": self.level,
            "best": self.best,
            "why": self.why,
        }
        if steps and told and self.level is not None:
            value = steps.value(self.level)
            above = interval_of(min(1.0, value + steps.height), steps.least_pairs)
            found["interval"] = [round(interval_of(value, steps.least_pairs).low, 2), round(above.high, 2)]
        elif steps and told and self.best is not None:
            found["below"] = min(1.0, steps.value(self.best + 1))
        return found


def bits_told(pairs: int, *, reports: int, ladder: bool) -> float:
    """How many bits so many reports about so many answers can have told at most."""
    bits = bits_of_ladder if ladder else bits_of_list
    return bits(levels=Steps(pairs).top, reports=reports) if reports else 0.0


def tell(*, right: int, pairs: int, before: int, best: int | None, ladder: bool, elsewhere: float = 0.0) -> Told:
    """What may be told of `right` answers among `pairs`.

    `before`: how many reports this asker has had; `best`: the highest level among them, None where there was none.
    `elsewhere`: the bits that they can have been told of other releases, which may hold the same pairs.
    `ladder`: whether only a better level is told. It isn't needed for who can't choose predictions by what was told.
    """
    if pairs < LEAST_PAIRS:
        return Told(pairs, None, best, "too_few")
    least = Steps(pairs).least_pairs
    if bits_told(least, reports=before + 1, ladder=ladder) + elsewhere > least * BITS_AN_ANSWER:
        return Told(pairs, None, best, "used_up")
    level = Steps(pairs).level(right)
    if ladder and best is not None and level <= best:
        return Told(pairs, None, best, "not_above")
    return Told(pairs, level, level if best is None else max(best, level))
