"""Whether a rater answers one finder's pairs otherwise than the rest of the pairs they were given."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Of fewer answers the normal distribution says nothing, and neither does a person looking at them.
LEAST_ANSWERS = 10


@dataclass(frozen=True)
class Favour:
    """`answers` of a rater; `found` of them against the machines, which is what earns a finder credit; `expected` were
    to be expected from what the others answered to the same pairs, with this `variance`."""

    answers: int
    found: int
    expected: float
    variance: float

    def without(self, part: Favour) -> Favour:
        """The same of the other pairs: all of these but those of `part`, which are among them."""
        return Favour(
            self.answers - part.answers,
            self.found - part.found,
            self.expected - part.expected,
            max(0.0, self.variance - part.variance),
        )

    @property
    def excess(self) -> float:
        """How many more answers in favour than expected, for each answer."""
        return (self.found - self.expected) / self.answers if self.answers else 0.0


def affinity(part: Favour, *, whole: Favour) -> tuple[float, float] | None:
    """How far a rater's answers to one finder's pairs (`part`) are from their answers to all others, and how likely so
    great a distance is by chance: (z, p), two-sided. `whole` is of all the rater's answers, the part among them.

    Every answer is compared with what others gave to the same pair, so that a finder with better finds doesn't look
    favoured; and the rater's excess on this finder's pairs with their excess on the rest, so that somebody who says yes
    to everybody doesn't either. The answers are independent with known chances, a Poisson binomial sum; z is its normal
    approximation (Wang, On the number of successes in independent trials, Statistica Sinica 3, 1993). Positive: in the
    finder's favour. None for fewer than 10 answers on either side. Who tests many raters and finders at
    once says so and corrects for it (`rules.disagreement.discoveries`).
    """
    rest = whole.without(part)
    if min(part.answers, rest.answers) < LEAST_ANSWERS:
        return None
    spread = math.sqrt(part.variance / part.answers**2 + rest.variance / rest.answers**2)
    if not spread:
        return None
    z = (part.excess - rest.excess) / spread
    return z, math.erfc(abs(z) / math.sqrt(2))
