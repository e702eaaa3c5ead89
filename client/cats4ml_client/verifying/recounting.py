"""The rules, written a second time: verdict, outcome and machine score out of what they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

YES, NO, UNDECIDED = "yes", "no", "undecided"
ANSWERS = (YES, NO, "dont_know")
VERDICTS = (YES, NO, UNDECIDED)
OUTCOMES = ("false_negative", "false_positive", "agreement", "ambiguous")
RULES = ("majority", "majority_of_known", "lead", "weighted")
# Sums are of the same numbers, in another order: what differs by more is another number.
NEAR = 1e-9


@dataclass(frozen=True)
class Tally:
    yes: int = 0
    no: int = 0
    dont_know: int = 0

    @property
    def all(self) -> int:
        return self.yes + self.no + self.dont_know


@dataclass(frozen=True)
class Policy:
    """What of a policy a verdict and an outcome rest on."""

    threshold: float
    rule: str
    dont_know: str
    min_ratings: int
    min_lead: int


def near(one: float, other: float) -> bool:
    return abs(one - other) <= NEAR * max(1.0, abs(one), abs(other))


def log_odds(prior_yes: float, evidence: Sequence[float]) -> float:
    """The logarithm of how much likelier yes is than no: that of the prior, and what each answer adds."""
    return math.fsum([math.log(prior_yes), -math.log1p(-prior_yes), *evidence])


def share_of(odds: float) -> float:
    """The probability that these log-odds mean."""
    return 1.0 / (1.0 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1.0 + math.exp(odds))


def verdict_of(tally: Tally, rule: str, odds: float | None = None) -> str:
    """What people said together. `odds` are those of the answers' evidence, for the weighted rule; where they are not
    known, as of an imported tally, all rules but the majority read the tally as the majority of those who knew."""
    if rule == "weighted" and odds is not None:
        if abs(odds) < NEAR:
            return UNDECIDED
        return YES if odds > 0 else NO
    against = tally.no + (tally.dont_know if rule == "majority" else 0)
    if tally.yes > against:
        return YES
    if tally.no > tally.yes + (tally.dont_know if rule == "majority" else 0):
        return NO
    return UNDECIDED


def outcome_of(*, machine_yes: bool, verdict: str, tally: Tally, policy: Policy, carried: bool) -> str:
    """`carried`: whether an error of the machines needs enough answers, and far enough ahead, to count as one."""
    if verdict == UNDECIDED:
        return "ambiguous"
    if machine_yes is (verdict == YES):
        return "agreement"
    ahead = tally.yes - tally.no if verdict == YES else tally.no - tally.yes
    if carried and (tally.all < policy.min_ratings or ahead < policy.min_lead):
        return "ambiguous"
    return "false_negative" if verdict == YES else "false_positive"


def mean_and_spread(scores: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """The weighted mean, and the weighted standard deviation around it."""
    whole = math.fsum(weights)
    mean = math.fsum(score * weight for score, weight in zip(scores, weights)) / whole  # noqa: B905  (equally long)
    squares = math.fsum(weight * (score - mean) ** 2 for score, weight in zip(scores, weights))  # noqa: B905
    return mean, math.sqrt(squares / whole)
