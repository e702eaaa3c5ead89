"""How a pair ends: what its verdict and its machine score make by a policy. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from cats4ml.rules.credit import NoCredit, points_for, why_uncredited
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, Verdict, outcome_of
from scoring.ensemble import is_near, machine_says_yes


@dataclass(frozen=True)
class Ending:
    """`points` is what the first valid claim earns, 0 where nothing is earned; `uncredited` says why an adverse pair
    earns nothing."""

    machine_yes: bool
    outcome: Outcome
    uncredited: NoCredit | None
    points: int


def near_threshold(mean: float | None, policy: Policy) -> bool:
    """Whether the machines were unsure by this policy; False where their mean is not known."""
    return mean is not None and is_near(mean, threshold=policy.threshold, margin=policy.near_margin)


def ending_of(*, verdict: Verdict, mean: float | None, machine_yes: bool, near_copy: bool, policy: Policy) -> Ending:
    """The ending of a pair. `machine_yes` is the machines' verdict where their mean is not known. `near_copy`: another
    picture of its group was claimed with the label before."""
    yes = machine_yes if mean is None else machine_says_yes(mean, threshold=policy.threshold)
    outcome = outcome_of(machine_yes=yes, verdict=verdict)
    uncredited = why_uncredited(
        outcome, near_threshold=near_threshold(mean, policy), near_copy=near_copy, policy=policy
    )
    points = 0 if uncredited else points_for(outcome, policy=policy, mean=mean)
    return Ending(machine_yes=yes, outcome=outcome, uncredited=uncredited, points=points)
