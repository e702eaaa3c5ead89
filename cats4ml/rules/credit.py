"""Points, whose claim earns them, and how many claims are left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cats4ml.rules.policy import PROPORTIONAL, Policy
from cats4ml.rules.verdicts import Outcome, is_adverse


class NoCredit(StrEnum):
    """Why an adverse pair earns nothing: the machines were unsure, a near-copy of its picture came first, or an expert
    decided it and by the policy that earns nothing."""

    KNOWN_UNKNOWN = "known_unknown"
    NEAR_COPY = "near_copy"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True)
class Claim:
    """One participant's claim of a pair. `order` is the claim's place in the order of all claims, `valid` is
    false once it was retracted or its owner disqualified."""

    order: int
    valid: bool


@dataclass(frozen=True)
class Quota:
    """`total` = base + bonus for each adverse pair; `remaining` never falls below zero: accepted work stands."""

    base: int
    bonus: int
    used: int

    @property
    def total(self) -> int:
        return self.base + self.bonus

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.used)


def earning_claim(claims: Iterable[Claim]) -> Claim | None:
    """The earliest valid claim, by order and never by clock; None where no claim is valid."""
    return min((claim for claim in claims if claim.valid), key=lambda claim: claim.order, default=None)


def machine_error(outcome: Outcome | str, *, mean: float | None) -> float:
    """How far the machines were from what people see, in [0, 1]: 1 − mean for a false negative, mean for a false
    positive. Where the mean is not known the machines' verdict, 0 or 1, stands for it. Raises `ValueError` for an
    outcome that is no error.
    """
    if not is_adverse(outcome):
        raise ValueError(f"{outcome} is no error of the machines")
    if mean is None:
        return 1.0
    return 1.0 - mean if outcome == Outcome.FALSE_NEGATIVE else mean


def points_for(outcome: Outcome | str | None, *, policy: Policy, mean: float | None = None) -> int:
    """What a pair of this outcome earns: the policy's points, or their share by the size of the machines' error.

    The share is rounded, halves upwards, and one point at least: to find where machines err most surely earns most
    (Attenberg, Ipeirotis, Provost, "Beat the Machine: Challenging Humans to Find a Predictive Model's 'Unknown
    Unknowns'", ACM JDIQ 6(1), 2015).
    """
    if outcome is None or not is_adverse(outcome):
        return 0
    if policy.credit_rule != PROPORTIONAL:
        return policy.points_per_adverse
    # Rounded to nine digits first: what is a half on paper must not fall below it in binary.
    share = round(policy.points_per_adverse * machine_error(outcome, mean=mean), 9)
    return max(1, math.floor(share + 0.5))


def why_uncredited(
    outcome: Outcome | str | None, *, near_threshold: bool, near_copy: bool, policy: Policy, adjudicated: bool = False
) -> NoCredit | None:
    """Why an adverse pair earns nothing by the policy; None where it earns, and for every other outcome.

    A known unknown stays one whoever claimed it first, so that it comes before the near-copy.
    """
    if not is_adverse(outcome):
        return None
    if near_threshold and not policy.near_threshold_scores:
        return NoCredit.KNOWN_UNKNOWN
    if adjudicated and not policy.adjudicated_earns:
        return NoCredit.ADJUDICATED
    return NoCredit.NEAR_COPY if near_copy else None


def quota_of(*, adverse: int, used: int, policy: Policy) -> Quota:
    """base + 5 × adverse − used in the rules of 2021; both numbers are the policy's."""
    return Quota(base=policy.base_quota, bonus=policy.bonus_per_adverse * max(0, adverse), used=used)
