"""How well each rater of an edition answers, read from the tables that are rebuilt for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cats4ml.challenges.models import Challenge
from cats4ml.review.models import EditionSkill, RaterSkill
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import AVERAGE, Odds, Record, Skill, skilled


@dataclass(frozen=True)
class EditionSkills:
    """`pooled`: the skill of all raters together. `base_rate`: how often people say yes. `of`: by rater, their skill;
    `records`: by rater, what it rests on."""

    pooled: Skill
    base_rate: float
    of: Mapping[int, Skill]
    records: Mapping[int, Record]


def skills_of(challenge: Challenge) -> EditionSkills:
    """What is known of the raters of an edition. Two queries."""
    whole = EditionSkill.objects.filter(challenge=challenge).first()
    pooled = AVERAGE if whole is None else Skill(**_sides(whole.pooled))
    coins = challenge.rules.skill_coins if challenge.policy is not None else Policy().skill_coins
    records = {
        row.rater_id: Record(**_sides(row.controls)).plus(Record(**_sides(row.agreement)))
        for row in RaterSkill.objects.filter(rater__challenge=challenge)
    }
    skills = {rater: skilled(record, prior=pooled, coins=coins) for rater, record in records.items()}
    return EditionSkills(pooled, 0.5 if whole is None else whole.base_rate, skills, records)


def _sides(stored: Mapping[str, Any]) -> dict[str, Odds]:
    return {side: Odds(*stored[side]) for side in ("if_yes", "if_no")}
