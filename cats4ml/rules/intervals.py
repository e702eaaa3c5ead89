"""Intervals for shares."""

from __future__ import annotations

import math
from typing import NamedTuple

Z_95 = 1.959963984540054


class Interval(NamedTuple):
    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Interval | None:
    """The 95% score interval of a share (Wilson, Journal of the American Statistical Association 22, 1927).

    It stays within [0, 1] and is honest for few trials. None for no trial; raises `ValueError` for impossible counts.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} can't be")
    if not trials:
        return None
    share, square = successes / trials, Z_95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))
