"""When a queue will be empty, from how it grew and shrank lately. An estimate with its band, and said as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A week has every weekday once. Less than three days say nothing of how days differ, and few departures nothing at all.
MOST_DAYS = 7
LEAST_DAYS = 3
LEAST_LEFT = 20
# Nobody plans further ahead by last week's pace.
HORIZON = 60
STEPS_A_DAY = 4
# The 95th percentile of Student's t, by degrees of freedom: a two-sided band of 90%.
_T_95 = {2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 6: 1.943}


@dataclass(frozen=True)
class Day:
    """How many came into the queue and how many left it within one whole day."""

    came: int
    left: int

    @property
    def change(self) -> int:
        return self.came - self.left


@dataclass(frozen=True)
class Point:
    """So many days ahead: the likely depth, and between which two it lies 9 times in 10. None is below 0."""

    ahead: float
    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """`clears`: in how many days the likely course reaches zero, `earliest` and `latest` the edges of the band; None
    beyond the horizon of 60 days. `per_day` is how the queue changes a day at present."""

    points: tuple[Point, ...]
    clears: float | None
    earliest: float | None
    latest: float | None
    per_day: float


@dataclass(frozen=True)
class _Drift:
    mean: float
    variance: float
    days: int

    def spread(self, ahead: float) -> float:
        return self.variance * (ahead + ahead**2 / self.days)


def forecast(*, depth: int, days: Sequence[Day], closes_in: float | None = None) -> Forecast | None:
    """The course of a queue that is `depth` deep now, after these whole days, the last of which ends now.

    A random walk with drift (Hyndman, Athanasopoulos, Forecasting: Principles and Practice, third edition, 2021,
    section 5.2): each day changes the queue by the mean change of the last week's days, give or take their standard
    deviation s. So many days h ahead the variance of the sum is s² · (h + h² / n): that of h days to come, and that of
    a mean known from n days. The band is 1.9 to 2.9 of its roots wide on either side, Student's t at 95% for n − 1
    degrees of freedom. `closes_in`: after so many days nothing comes any more, and the mean number that left counts
    alone; the two stretches are taken for independent, which makes the band a little too narrow.

    None where there is too little to say: an empty queue, fewer than 3 days, or fewer than 20 that left.
    """
    week = list(days[-MOST_DAYS:])
    if depth <= 0 or len(week) < LEAST_DAYS or sum(day.left for day in week) < LEAST_LEFT:
        return None
    both = _drift([day.change for day in week])
    alone = _drift([-day.left for day in week])
    wide = _T_95[len(week) - 1]
    until = math.inf if closes_in is None else max(0.0, closes_in)

    def at(ahead: float) -> tuple[float, float]:
        before = min(ahead, until)
        after = ahead - before
        middle = depth + both.mean * before + alone.mean * after
        return middle, wide * math.sqrt(both.spread(before) + alone.spread(after))

    courses: tuple[Callable[[float], float], ...] = (
        lambda ahead: at(ahead)[0],
        lambda ahead: at(ahead)[0] - at(ahead)[1],
        lambda ahead: at(ahead)[0] + at(ahead)[1],
    )
    clears, earliest, latest = (_reaches_zero(course) for course in courses)
    end = _drawn_until(clears, latest)
    points = tuple(
        Point(step / STEPS_A_DAY, *(max(0.0, course(step / STEPS_A_DAY)) for course in courses))
        for step in range(round(end * STEPS_A_DAY) + 1)
    )
    return Forecast(points, clears, earliest, latest, both.mean if until > 0 else alone.mean)


def _drift(changes: Sequence[int]) -> _Drift:
    mean = sum(changes) / len(changes)
    return _Drift(mean, sum((one - mean) ** 2 for one in changes) / (len(changes) - 1), len(changes))


def _reaches_zero(course: Callable[[float], float]) -> float | None:
    """The first quarter of a day by whose end the course has come to zero, and within it where a line would."""
    before = course(0.0)
    for step in range(1, HORIZON * STEPS_A_DAY + 1):
        ahead = step / STEPS_A_DAY
        value = course(ahead)
        if value <= 0:
            return ahead - (value / (value - before) / STEPS_A_DAY if value < before else 0.0)
        before = value
    return None


def _drawn_until(clears: float | None, latest: float | None) -> float:
    """As far as the band is of interest, and never so far that the past shrinks to nothing beside it."""
    if clears is None:
        return 7.0
    return min(max(1.0, math.ceil(latest if latest is not None else 2 * clears)), max(7.0, 2 * math.ceil(clears)))
