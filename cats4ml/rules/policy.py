"""The policy of an edition: one frozen value that holds every threshold, quorum, quota and choice of rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from cats4ml.rules.verdicts import QUORUM_RULES, DontKnow, Rule, VerdictRule, read_votes

REVEAL_SCORED = "scored"
REVEAL_SETTLED = "settled"
BOARD_LIVE = "live"
BOARD_FROZEN = "frozen"
BOARD_HIDDEN = "hidden"
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

    `lead`, `max_ratings`, `bound`, `dont_know`, `min_ratings`, `min_lead`: see `verdicts.Rule`. `skill_coins`: whether
    a rater is as good at yes as at no (1) or not (2). `adjudicated_earns`: whether a pair earns that an expert decided.
    `takes_disputes`: whether a finder may dispute how a pair of theirs ended, once.

    `warm_up`: control questions before the first counted answer. `control_percent` and `control_percent_least`: of a
    new and of a trusted rater's questions so many are controls. `skips_per_hundred`: questions that a rater may skip.
    `fast_seconds`, `same_answers`, `controls_right_percent`: faster than this, so many equal answers in a row, or
    fewer controls right, and a rater is paused.

    `board`: what everybody sees of the board in the last `board_hours` before the claims close and until it is final:
    all of it (`live`), the board as it stood when these hours began (`frozen`), or none (`hidden`).
    `evaluations_per_day`: so many sets of predictions a person may have judged on a release in a day (24 hours).
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
    lead: int = 2
    max_ratings: int = 9
    bound: float = 0.93
    dont_know: str = DontKnow.ANSWER.value
    min_ratings: int = 1
    min_lead: int = 1
    skill_coins: int = 2
    adjudicated_earns: bool = True
    takes_disputes: bool = True
    warm_up: int = 6
    control_percent: int = 15
    control_percent_least: int = 3
    skips_per_hundred: int = 10
    fast_seconds: float = 0.6
    same_answers: int = 40
    controls_right_percent: int = 60
    board: str = BOARD_LIVE
    board_hours: int = 24
    evaluations_per_day: int = 3

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidPolicy(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise InvalidPolicy(f"{name} must be true or false, not {getattr(self, name)!r}")
        self._check_numbers()
        self._check_verdicts()

    def _check_numbers(self) -> None:
        for name, least in _BETWEEN.items():
            value = getattr(self, name)
            if not (_is_number(value) and least < value < 1):
                raise InvalidPolicy(f"{name} must lie between {least:g} and 1, not {value!r}")
        if not (_is_number(self.near_margin) and 0 <= self.near_margin < 0.5):
            raise InvalidPolicy(f"near_margin must be a number from 0 to less than 0.5, not {self.near_margin!r}")
        if not (_is_number(self.fast_seconds) and 0 <= self.fast_seconds <= 60):
            raise InvalidPolicy(f"fast_seconds must be a number from 0 to 60, not {self.fast_seconds!r}")
        for name, least, most in _WHOLE_NUMBERS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InvalidPolicy(f"{name} must be a whole number from {least} to {most}, not {value!r}")

    def _check_verdicts(self) -> None:
        waits = VerdictRule(self.verdict_rule) in QUORUM_RULES
        if self.dont_know == DontKnow.EVIDENCE and self.verdict_rule != VerdictRule.WEIGHTED:
            raise InvalidPolicy("dont_know can be evidence only where verdict_rule is weighted")
        if self.dont_know == DontKnow.REPLACED and not waits:
            raise InvalidPolicy("dont_know can be replaced only where verdict_rule waits for a quorum")
        if self.control_percent_least > self.control_percent:
            raise InvalidPolicy("control_percent_least must not be more than control_percent")
        if max(self.min_ratings, self.min_lead) > self.rule.most:
            raise InvalidPolicy(
                f"min_ratings and min_lead must not be more than {self.rule.most}, the most answers that a pair gets: "
                "nothing would ever earn"
            )
        if self.verdict_rule == VerdictRule.LEAD and self.lead > self.max_ratings:
            raise InvalidPolicy("lead must not be more than max_ratings: nothing would be settled before it")

    @cached_property
    def rule(self) -> Rule:
        """The verdict rule with its parameters."""
        return Rule(
            kind=VerdictRule(self.verdict_rule),
            quorum=self.quorum,
            lead=self.lead,
            max_ratings=self.max_ratings,
            bound=self.bound,
            dont_know=DontKnow(self.dont_know),
            min_ratings=self.min_ratings,
            min_lead=self.min_lead,
        )

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


def answers_asked(policy: Policy) -> tuple[int, int]:
    """The fewest and the most answers with which a pair is settled."""
    return read_votes([], rule=policy.rule).missing, policy.rule.most


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_BETWEEN = {"threshold": 0.0, "bound": 0.5}
_CHOICES = {
    "verdict_rule": [rule.value for rule in VerdictRule],
    "reveal_score": [REVEAL_SCORED, REVEAL_SETTLED],
    "credit_rule": [FLAT, PROPORTIONAL],
    "dont_know": [one.value for one in DontKnow],
    "board": [BOARD_LIVE, BOARD_FROZEN, BOARD_HIDDEN],
}
_SWITCHES = ("roles_exclusive", "near_threshold_scores", "adjudicated_earns", "takes_disputes")
_WHOLE_NUMBERS = (
    ("quorum", 1, 99),
    ("lead", 1, 20),
    ("max_ratings", 1, 99),
    ("min_ratings", 1, 99),
    ("min_lead", 1, 99),
    ("skill_coins", 1, 2),
    ("warm_up", 0, 50),
    ("control_percent", 0, 50),
    ("control_percent_least", 0, 50),
    ("skips_per_hundred", 0, 100),
    ("same_answers", 0, 1_000),
    ("controls_right_percent", 0, 100),
    ("base_quota", 0, 10_000_000),
    ("bonus_per_adverse", 0, 1_000),
    ("points_per_adverse", 1, 1_000),
    ("provisional_seconds", 0, 600),
    ("lease_seconds", 10, 3_600),
    ("heldout_percent", 0, 100),
    ("min_classifiers", 1, 99),
    ("board_hours", 0, 10_000),
    ("evaluations_per_day", 0, 1_000),
)
