"""How long something in a queue still waits, from how fast the queue moved lately. An estimate, and said as one."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Fewer than this, or in less time, say nothing about how fast a queue moves.
LEAST_DONE = 5
LEAST_SECONDS = 10.0

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True)
class Pace:
    """What a queue did lately: `done` pieces in the `seconds` since the first of them."""

    done: int
    seconds: float

    @property
    def per_second(self) -> float | None:
        """None where too little was done to say."""
        if self.done < LEAST_DONE or self.seconds < LEAST_SECONDS:
            return None
        return self.done / self.seconds


STANDSTILL = Pace(0, 0.0)


def seconds_until_done(pieces: int, pace: Pace) -> int | None:
    """Whole seconds until so many pieces are done, rounded up; None without a pace, 0 where nothing is left.

    Raises `ValueError` for less than nothing.
    """
    if pieces < 0:
        raise ValueError(f"{pieces} pieces can't be waited for")
    if not pieces:
        return 0
    rate = pace.per_second
    return None if rate is None else math.ceil(pieces / rate)


def answers_missing(*, pairs: int, each: float, given: int = 0) -> int:
    """Answers that so many unsettled pairs still need, where a pair takes `each` of them, as on average. `given` are
    there already; but every pair that is not settled needs one more at least.
    """
    return max(pairs, math.ceil(round(pairs * each - given, 9)))
