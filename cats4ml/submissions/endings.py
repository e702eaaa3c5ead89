"""How a pair ends: what its verdict and its machine score make by a policy. Nothing is asked and nothing written."""

from __future__ import annotations

from dataclasses import dataclass

from cats4ml.rules.answers import Tally
from cats4ml.rules.credit import NoCredit, points_for, why_uncredited
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, Verdict, is_enough, outcome_of
from cats4ml.submissions.models import Pair, TallySource
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


def counted_tally(pair: Pair) -> Tally | None:
    """The answers that must carry an adverse verdict of this pair; None where nobody here gave them."""
    return None if pair.tally_source == TallySource.IMPORTED else pair.tally


def machines_say_yes(*, mean: float | None, machine_yes: bool, policy: Policy) -> bool:
    """The machines' verdict by this policy; where their mean is not known, the one that is."""
    return machine_yes if mean is None else machine_says_yes(mean, threshold=policy.threshold)


def ending_of(
    *,
    verdict: Verdict,
    mean: float | None,
    machine_yes: bool,
    near_copy: bool,
    policy: Policy,
    tally: Tally | None = None,
    adjudicated: bool = False,
) -> Ending:
    """The ending of a pair. `machine_yes` is the machines' verdict where their mean is not known. `near_copy`: another
    picture of its group was claimed with the label before.

    `tally`: the answers that carry the verdict. An adverse verdict for which they are too few, or not far enough ahead,
    makes the pair ambiguous. None where that is not asked: a tally that was imported earns nothing that could be
    earned too easily, and nobody can add to it. An expert's word (`adjudicated`) does not rest on answers at all.
    """
    yes = machines_say_yes(mean=mean, machine_yes=machine_yes, policy=policy)
    enough = adjudicated or tally is None or is_enough(tally, verdict=verdict, rule=policy.rule)
    outcome = outcome_of(machine_yes=yes, verdict=verdict, enough=enough)
    uncredited = why_uncredited(
        outcome,
        near_threshold=near_threshold(mean, policy),
        near_copy=near_copy,
        policy=policy,
        adjudicated=adjudicated,
    )
    points = 0 if uncredited else points_for(outcome, policy=policy, mean=mean)
    return Ending(machine_yes=yes, outcome=outcome, uncredited=uncredited, points=points)
