"""Whether raters are divided over some pairs more often than over the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """`hits` of `of` pairs. Raises `ValueError` where that can't be."""

    hits: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.of:
            raise ValueError(f"{self.hits} of {self.of} can't be")

    @property
    def share(self) -> float | None:
        return self.hits / self.of if self.of else None


def surprise(part: Part, *, others: Part) -> float:
    """How likely so many hits or more are in `part`, if it were like the `others`: small is surprising.

    The others' share is not known but estimated: with Jeffreys' prior it has the distribution
    Beta(hits + ½, misses + ½), and the hits in `part` then a beta-binomial one (Skellam, Journal of the Royal
    Statistical Society B 10, 1948). The tail of that is a posterior predictive p-value (Gelman and others, Bayesian
    Data Analysis, third edition, 2013, section 6.3). A plain binomial test would take the others' share
    for exact, and find something in every small edition.
    """
    a, b = others.hits + 0.5, others.of - others.hits + 0.5
    tail = math.fsum(math.exp(_log_mass(hits, part.of, a, b)) for hits in range(part.hits, part.of + 1))
    return min(1.0, tail)


def _log_mass(hits: int, of: int, a: float, b: float) -> float:
    ways = math.lgamma(of + 1) - math.lgamma(hits + 1) - math.lgamma(of - hits + 1)
    return ways + _log_beta(hits + a, of - hits + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def discoveries(p_values: Sequence[float], *, rate: float = 0.05) -> list[bool]:
    """Which of many tests found something, so that at most `rate` of what is found is expected to be chance.

    Benjamini, Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57, 1995.
    """
    ordered = sorted(p_values)
    passed = [p for place, p in enumerate(ordered, start=1) if p <= rate * place / len(ordered)]
    bound = passed[-1] if passed else -1.0
    return [p <= bound for p in p_values]
