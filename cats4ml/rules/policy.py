"""The policy of an edition: one frozen value that holds every threshold, quorum, quota and choice of rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from cats4ml.rules.verdicts import VerdictRule

REVEAL_SCORED = "scored"
REVEAL_SETTLED = "settled"


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
    machine score, once `scored` or once `settled`.
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

    def __post_init__(self) -> None:
        if not (isinstance(self.threshold, (int, float)) and math.isfinite(self.threshold) and 0 < self.threshold < 1):
            raise InvalidPolicy(f"threshold must lie between 0 and 1, not {self.threshold!r}")
        if self.verdict_rule not in [rule.value for rule in VerdictRule]:
            known = ", ".join(rule.value for rule in VerdictRule)
            raise InvalidPolicy(f"verdict_rule must be one of {known}, not {self.verdict_rule!r}")
        if self.reveal_score not in (REVEAL_SCORED, REVEAL_SETTLED):
            raise InvalidPolicy(f"reveal_score must be scored or settled, not {self.reveal_score!r}")
        if not isinstance(self.roles_exclusive, bool):
            raise InvalidPolicy(f"roles_exclusive must be true or false, not {self.roles_exclusive!r}")
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


_WHOLE_NUMBERS = (
    ("quorum", 1, 99),
    ("base_quota", 0, 10_000_000),
    ("bonus_per_adverse", 0, 1_000),
    ("points_per_adverse", 1, 1_000),
    ("provisional_seconds", 0, 600),
    ("lease_seconds", 10, 3_600),
    ("heldout_percent", 0, 100),
)
