"""Whom each rater differs from, and how answers fare that were given fast or slowly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.db import connection
from django.utils.translation import gettext

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.review.models import Device
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.ui.words import short_decimal

# Seconds at which the bins part; the first begins at 0, the last has no end.
SECONDS = (0.6, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)

# Each final answer beside the majority of the others' final answers to the same pair; where these are even, or there
# are none, they say nothing. Then the answers to controls beside the experts' word.
_CONFUSION = """
WITH answers AS (
  SELECT rating.pair_id, rating.rater_id, rating.answer,
         (rating.answer = 'yes')::int - (rating.answer = 'no')::int AS own
  FROM review_rating rating
  JOIN submissions_pair pair ON pair.id = rating.pair_id
  WHERE pair.challenge_id = %(challenge)s AND rating.state = 'final'
), beside AS (
  SELECT rater_id, answer, sum(own) OVER (PARTITION BY pair_id) - own AS others FROM answers
)
SELECT rater_id, false, CASE WHEN others > 0 THEN 'yes' ELSE 'no' END, answer, count(*)
FROM beside WHERE others <> 0 GROUP BY 1, 3, 4
UNION ALL
SELECT rating.rater_id, true, control.truth, rating.answer, count(*)
FROM review_rating rating
JOIN review_controlquestion control ON control.id = rating.control_id
WHERE control.challenge_id = %(challenge)s AND rating.state = 'final'
GROUP BY 1, 3, 4
"""

_SPEED = """
SELECT rating.device, width_bucket(rating.seconds, %(edges)s::float[]),
       count(*) FILTER (WHERE rating.answer = pair.verdict),
       count(*) FILTER (WHERE rating.answer IN ('yes', 'no')),
       count(*) FILTER (WHERE rating.answer = 'dont_know')
FROM review_rating rating
JOIN submissions_pair pair ON pair.id = rating.pair_id
WHERE pair.challenge_id = %(challenge)s AND rating.state = 'final' AND pair.verdict IN ('yes', 'no')
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Confusion:
    """What a rater answered where the truth, or what stands for it, is yes; and where it is no."""

    if_yes: Tally
    if_no: Tally

    @property
    def total(self) -> int:
        return self.if_yes.total + self.if_no.total

    @property
    def same(self) -> int:
        return self.if_yes.yes + self.if_no.no


@dataclass(frozen=True)
class RaterConfusion:
    """`others`: beside the majority of the others on the same pairs. `controls`: beside the experts."""

    rater: int
    others: Confusion
    controls: Confusion
    name: str = ""


def confusions(challenge: Challenge) -> tuple[RaterConfusion, ...]:
    """Every rater with an answer that can be compared; those who part from the others most often first."""
    counts: defaultdict[tuple[int, bool, str], dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_CONFUSION, {"challenge": challenge.pk})
        for rater, is_control, truth, answer, number in cursor:
            counts[rater, is_control, truth][answer] = number

    def confusion(rater: int, *, control: bool) -> Confusion:
        yes, no = (_tally(counts.get((rater, control, truth), {})) for truth in (Answer.YES, Answer.NO))
        return Confusion(yes, no)

    raters = {rater for rater, _, _ in counts}
    found = [
        RaterConfusion(rater, others=confusion(rater, control=False), controls=confusion(rater, control=True))
        for rater in raters
    ]
    return tuple(sorted(found, key=_parting))


def _parting(one: RaterConfusion) -> tuple[float, int]:
    """By the upper end of the share that agrees: few answers make nobody the first."""
    most = wilson_interval(one.others.same, one.others.total)
    return (most.high if most else 2.0, one.rater)


def _tally(counts: dict[str, int]) -> Tally:
    return Tally(counts.get(Answer.YES, 0), counts.get(Answer.NO, 0), counts.get(Answer.DONT_KNOW, 0))


def named(raters: Sequence[RaterConfusion]) -> list[RaterConfusion]:
    """These raters with their names as the organisers know them."""
    people = Participation.objects.select_related("user", "team").in_bulk([one.rater for one in raters])
    return [replace(one, name=people[one.rater].public_name) for one in raters]


@dataclass(frozen=True)
class SpeedBin:
    """Answers that took from `low` seconds to less than `high` (None: and more). Of the `known` ones, yes or no, so
    many are what the pair's `verdict` says; `unknown` ones are don't know."""

    low: float
    high: float | None
    agree: int
    known: int
    unknown: int

    @property
    def interval(self) -> Interval | None:
        return wilson_interval(self.agree, self.known)

    @property
    def name(self) -> str:
        return (
            gettext("%(low)s and more") % {"low": short_decimal(self.low)}
            if self.high is None
            else gettext("%(low)s to %(high)s") % {"low": short_decimal(self.low), "high": short_decimal(self.high)}
        )


@dataclass(frozen=True)
class Speed:
    """Answers to settled pairs by the time that they took. `device`: '' for all together."""

    device: str
    bins: tuple[SpeedBin, ...]

    @property
    def name(self) -> str:
        return str(Device(self.device).label) if self.device else gettext("All devices")

    @property
    def answers(self) -> int:
        return sum(one.known + one.unknown for one in self.bins)


@dataclass
class _Counts:
    bins: list[list[int]] = field(default_factory=lambda: [[0, 0, 0] for _ in range(len(SECONDS) + 1)])

    def add(self, place: int, numbers: Iterable[int]) -> None:
        self.bins[place] = [old + new for old, new in zip(self.bins[place], numbers, strict=True)]


def speeds(challenge: Challenge) -> tuple[Speed, ...]:
    """All devices together, then each from which an answer came, most answers first. One device alone stands for all;
    nothing without an answer.

    An answer is part of its pair's verdict, so that it agrees a little more often than another answer would.
    """
    of: defaultdict[str, _Counts] = defaultdict(_Counts)
    with connection.cursor() as cursor:
        cursor.execute(_SPEED, {"challenge": challenge.pk, "edges": list(SECONDS)})
        for device, place, *numbers in cursor:
            of[""].add(place, numbers)
            of[device].add(place, numbers)
    together = of.pop("", None)
    if together is None:
        return ()
    single = sorted((_speed(device, counts) for device, counts in of.items()), key=lambda one: -one.answers)
    return (_speed("", together), *single) if len(single) > 1 else tuple(single)


def _speed(device: str, counts: _Counts) -> Speed:
    edges = (0.0, *SECONDS)
    ends = (*SECONDS, None)
    bins = tuple(SpeedBin(low, high, *numbers) for low, high, numbers in zip(edges, ends, counts.bins, strict=True))
    return Speed(device=device, bins=bins)
