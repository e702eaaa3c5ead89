"""Points, whose claim earns them, and how many claims are left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, is_adverse


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


def points_for(outcome: Outcome | str | None, *, policy: Policy) -> int:
    return policy.points_per_adverse if is_adverse(outcome) else 0


def quota_of(*, adverse: int, used: int, policy: Policy) -> Quota:
    """base + 5 × adverse − used in the rules of 2021; both numbers are the policy's."""
    return Quota(base=policy.base_quota, bonus=policy.bonus_per_adverse * max(0, adverse), used=used)
