"""How far raters agree with each other."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cats4ml.rules.answers import Tally
from cats4ml.rules.intervals import Interval


def krippendorff_alpha(units: Iterable[Tally], *, dont_know: bool = True) -> float | None:
    """Krippendorff's alpha for nominal data: 1 where raters agree always, 0 where no more than by chance.

    One tally for each pair; those with fewer than two answers say nothing of agreement and are left out. `dont_know`:
    whether that answer is a value as yes and no are; else it counts as missing. None where nothing was answered twice,
    or where all answers are the same, for chance then agrees always too.

    Krippendorff, "Computing Krippendorff's Alpha-Reliability", University of Pennsylvania, 2011, section C.
    """
    return _alpha(Counter(_values(unit, dont_know=dont_know) for unit in units))


def _values(unit: Tally, *, dont_know: bool) -> tuple[int, int, int]:
    return unit.yes, unit.no, unit.dont_know if dont_know else 0


def _alpha(units: Mapping[tuple[int, int, int], float]) -> float | None:
    disagreement, totals = 0.0, (0.0, 0.0, 0.0)
    for values, times in units.items():
        given = sum(values)
        if given < 2:
            continue
        yes, no, dont_know = totals
        totals = (yes + times * values[0], no + times * values[1], dont_know + times * values[2])
        # Ordered pairs of answers of one unit that differ.
        disagreement += times * (given * given - sum(value * value for value in values)) / (given - 1)
    answers = sum(totals)
    by_chance = answers * answers - sum(total * total for total in totals)
    if by_chance <= 0.0:
        return None
    return 1.0 - (answers - 1.0) * disagreement / by_chance


def alpha_interval(
    units: Iterable[Tally], *, seed: int, replicates: int = 200, dont_know: bool = True
) -> Interval | None:
    """The 95% interval of `krippendorff_alpha` over pairs. None where alpha is not defined. The same seed gives the
    same interval.

    The Bayesian bootstrap (Rubin, The Annals of Statistics 9, 1981): each pair gets a weight drawn from the exponential
    distribution. Pairs of one tally share one draw, of their sum, so that a million pairs cost no more than a hundred.
    """
    rows = Counter(_values(unit, dont_know=dont_know) for unit in units)
    if _alpha(rows) is None:
        return None
    draw = random.Random(seed)  # noqa: S311 - statistics, no secret
    kinds = sorted(rows)
    drawn = (_alpha(_weighted(kinds, rows, draw)) for _ in range(replicates))
    found = sorted(one for one in drawn if one is not None)
    return Interval(low=_quantile(found, 0.025), high=_quantile(found, 0.975)) if found else None


def _weighted(
    kinds: list[tuple[int, int, int]], rows: Mapping[tuple[int, int, int], int], draw: random.Random
) -> dict[tuple[int, int, int], float]:
    drawn = {kind: draw.gammavariate(rows[kind], 1.0) for kind in kinds}
    scale = sum(rows.values()) / sum(drawn.values())
    return {kind: weight * scale for kind, weight in drawn.items()}


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest, as numpy's default."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def entropy(tally: Tally) -> float:
    """How divided the answers are, in bits: 0 where all are the same, at most log₂ 3. 0 where there is none."""
    if not tally.total:
        return 0.0
    shares = [count / tally.total for count in (tally.yes, tally.no, tally.dont_know) if count]
    return -math.fsum(share * math.log2(share) for share in shares) + 0.0
