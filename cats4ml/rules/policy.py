"""The policy of an edition: one frozen value that holds every threshold, quorum, quota and choice of rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from cats4ml.rules.verdicts import VerdictRule

REVEAL_SCORED = "scored"
REVEAL_SETTLED = "settled"
FLAT = "flat"
PROPORTIONAL = "proportional"


class InvalidPolicy(ValueError):
    """A policy that can't be played by. The message names the field and the values it takes."""


@dataclass(frozen=True)
class Policy:
    """The rules in force for an edition.

    `threshold`: the machines say yes at this mean or above. `quorum`: ratings that a pair needs.
    `base_quota`: claims a participant starts with; `bonus_per_adverse`: claims added by each adverse pair.
    `points_per_adverse`: what an adverse pair earns. `roles_exclusive`: nobody is finder and rater at once.
    `provisional_seconds`: how long an answer may be undone. `lease_seconds`: how long a rater holds a pair.
    `heldout_percent`: the share of pairs kept out of the public part. `reveal_score`: when a claimant sees the
    machine score, once `scored` or once `settled`. `min_classifiers`: how many must know a pair's label for it to be
    scored. `near_margin`: nearer than this to the threshold the machines are unsure, and an error of theirs is a known
    unknown; `near_threshold_scores`: whether such a pair earns. `credit_rule`: each adverse pair earns the same
    (`flat`), or more for a larger error of the machines (`proportional`).
    """

    threshold: float = 0.5
    verdict_rule: str = VerdictRule.MAJORITY.value
    quorum: int = 5
    base_quota: int = 100
    bonus_per_adverse: int = 5
    points_per_adverse: int = 1
    roles_exclusive: bool = True
    provisional_seconds: int = 30
    lease_seconds: int = 120
    heldout_percent: int = 40
    reveal_score: str = REVEAL_SETTLED
    min_classifiers: int = 1
    near_margin: float = 0.1
    near_threshold_scores: bool = True
    credit_rule: str = FLAT

    def __post_init__(self) -> None:
        if not (_is_number(self.threshold) and 0 < self.threshold < 1):
            raise InvalidPolicy(f"threshold must lie between 0 and 1, not {self.threshold!r}")
        if self.verdict_rule not in [rule.value for rule in VerdictRule]:
            known = ", ".join(rule.value for rule in VerdictRule)
            raise InvalidPolicy(f"verdict_rule must be one of {known}, not {self.verdict_rule!r}")
        if self.reveal_score not in (REVEAL_SCORED, REVEAL_SETTLED):
            raise InvalidPolicy(f"reveal_score must be scored or settled, not {self.reveal_score!r}")
        if self.credit_rule not in (FLAT, PROPORTIONAL):
            raise InvalidPolicy(f"credit_rule must be flat or proportional, not {self.credit_rule!r}")
        if not (_is_number(self.near_margin) and 0 <= self.near_margin < 0.5):
            raise InvalidPolicy(f"near_margin must be a number from 0 to less than 0.5, not {self.near_margin!r}")
        for name in ("roles_exclusive", "near_threshold_scores"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidPolicy(f"{name} must be true or false, not {getattr(self, name)!r}")
        for name, least, most in _WHOLE_NUMBERS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InvalidPolicy(f"{name} must be a whole number from {least} to {most}, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """The policy with these values, defaults for the rest. Raises `InvalidPolicy` for an unknown name or value."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidPolicy(f"a policy has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return cls(**values)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_WHOLE_NUMBERS = (
    ("quorum", 1, 99),
    ("base_quota", 0, 10_000_000),
    ("bonus_per_adverse", 0, 1_000),
    ("points_per_adverse", 1, 1_000),
    ("provisional_seconds", 0, 600),
    ("lease_seconds", 10, 3_600),
    ("heldout_percent", 0, 100),
    ("min_classifiers", 1, 99),
)
