"""How good each rater of an edition is, from their answers to control questions and from their agreement with others.

Rebuilt whole from the answers, never added to: the same answers give the same skill, however often it is done.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q

from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyDecision
from cats4ml.locking import Lock, hold
from cats4ml.review.models import (
    ControlQuestion,
    EditionSkill,
    RaterDiscount,
    RaterSkill,
    Rating,
    RatingState,
)
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.skill import AVERAGE, NOTHING, Odds, Record, Skill, pooled_skill, skilled
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.models import Adjudication, Pair

# An answer to a control weighs 1, for its truth is known. Agreement weighs half of what it says: raters err together
# on a picture that misleads, and a rule that stops early leaves mostly pairs on which people agreed.
AGREEMENT_WEIGHT = 0.5

# So many verdicts of yes and of no are taken for granted before any is there.
PRIOR_VERDICTS = 5

# Answers carry the time at which their transaction began: one may come to light after a rebuild that began later.
COMMITTED_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True)
class EditionSkills:
    """What is known of an edition's raters: `of` has each rater's skill, `pooled` for whom nothing is known.

    `base_rate`: how often people say yes to a pair. `records`: what each skill was learned from, agreement at its
    weight.
    """

    pooled: Skill
    base_rate: float
    of: Mapping[int, Skill]
    records: Mapping[int, Record]


class _Skills(dict[int, Skill]):
    """Skills by rater; of whom nothing is known has the pooled one."""

    def __init__(self, skills: Mapping[int, Skill], pooled: Skill) -> None:
        super().__init__(skills)
        self._pooled = pooled

    def __missing__(self, rater: int) -> Skill:
        return self._pooled


def skills_of(challenge: Challenge, *, raters: Iterable[int] | None = None) -> EditionSkills:
    """The skills as they were last rebuilt; of these raters alone where they are named. Two queries.

    Before the first rebuild everybody is average, and yes as likely as no.
    """
    edition = EditionSkill.objects.filter(challenge=challenge).first()
    pooled = _skill_from(edition.pooled) if edition is not None else AVERAGE
    rows = RaterSkill.objects.filter(rater__challenge=challenge)
    if raters is not None:
        rows = rows.filter(rater__in=list(raters))
    records = {
        rater: _together(_record_from(controls), _record_from(agreement))
        for rater, controls, agreement in rows.values_list("rater", "controls", "agreement")
    }
    coins = challenge.rules.skill_coins if challenge.policy is not None else 2
    of = {rater: skilled(record, prior=pooled, coins=coins) for rater, record in records.items()}
    return EditionSkills(pooled, edition.base_rate if edition is not None else 0.5, _Skills(of, pooled), records)


def rebuild_skills(*, challenge: Challenge, at: datetime) -> None:
    """Learn every rater's skill anew, and put it in place of the old one at once. Twice is once.

    Two rebuilds of one edition wait for each other. A few queries, however many answers there are.
    """
    with transaction.atomic():
        hold(Lock.SKILL, challenge.pk)
        controls = _control_records(challenge)
        # Who the others are is judged by controls alone, so that a skill never rests on itself.
        agreement = _agreement_records(challenge, pooled_skill(_in_order(controls)))
        raters = sorted({*controls, *agreement})
        together = [_together(controls.get(pk, Record()), agreement.get(pk, Record())) for pk in raters]
        RaterSkill.objects.filter(rater__challenge=challenge).delete()
        RaterSkill.objects.bulk_create(
            [
                RaterSkill(
                    rater_id=pk,
                    controls=_as_json(controls.get(pk, Record())),
                    agreement=_as_json(agreement.get(pk, Record())),
                    rebuilt_at=at,
                )
                for pk in raters
            ],
            batch_size=1000,
        )
        EditionSkill.objects.update_or_create(
            challenge=challenge,
            defaults={
                "pooled": _as_json(pooled_skill(together)),
                "base_rate": _base_rate(challenge),
                "rebuilt_at": at,
            },
        )


def rebuild_due(*, at: datetime) -> int:
    """Rebuild the skills of every running edition in which something changed since the last time. Returns how many."""
    running = Challenge.objects.exclude(status__in=[ChallengeStatus.DRAFT, ChallengeStatus.FINAL])
    due = [one for one in running.order_by("pk") if _has_changed(one)]
    for challenge in due:
        rebuild_skills(challenge=challenge, at=at)
    return len(due)


def _has_changed(challenge: Challenge) -> bool:
    edition = EditionSkill.objects.filter(challenge=challenge).first()
    if edition is None:
        return Rating.objects.filter(rater__challenge=challenge, final_at__isnull=False).exists()
    since = edition.rebuilt_at - COMMITTED_WITHIN
    own = {"rater__challenge": OuterRef("pk")}
    discounts = RaterDiscount.objects.filter(Q(created_at__gte=since) | Q(lifted_at__gte=since), **own)
    retired = ControlQuestion.objects.filter(challenge=OuterRef("pk"), retired_at__gte=since)
    answers = Rating.objects.filter(final_at__gte=since, **own)
    # Another policy or an expert says otherwise of the same answers: how often people say yes, and of which pairs.
    policies = PolicyDecision.objects.filter(challenge=OuterRef("pk"), created_at__gte=since)
    experts = Adjudication.objects.filter(pair__challenge=OuterRef("pk"), created_at__gte=since)
    changed = Exists(answers) | Exists(discounts) | Exists(retired) | Exists(policies) | Exists(experts)
    return Challenge.objects.filter(changed, pk=challenge.pk).exists()


def _control_records(challenge: Challenge) -> dict[int, Record]:
    """Each rater's final answers to controls by their truth. Retired controls don't count: most were retired because
    they were wrong.

    Those of the warm-up count: each is answered before its truth is told, and nobody gets one twice. Otherwise a new
    rater, of whom nothing else is known, would be nobody for the first hundred answers.
    """
    rows = (
        Rating.objects.filter(control__challenge=challenge, control__retired_at=None, state=RatingState.FINAL)
        .order_by()
        .values_list("rater", "control__truth", "answer")
        .annotate(n=Count("pk"))
    )
    counts: dict[int, dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
    for rater, truth, answer, number in rows:
        counts[rater][truth, answer] += number
    return {rater: _record(found) for rater, found in counts.items()}


# Of each rater's answers to settled pairs: how many there are by answer and by what the others said, their own answer
# taken out. As many rows as there are tallies, not as there are answers.
AGREEMENT = """
WITH given AS (
    SELECT rating.rater_id, rating.answer,
        COUNT(*) FILTER (WHERE rating.answer = 'yes') OVER of_pair AS yes,
        COUNT(*) FILTER (WHERE rating.answer = 'no') OVER of_pair AS no
    FROM review_rating rating JOIN submissions_pair pair ON pair.id = rating.pair_id
    WHERE pair.challenge_id = %s AND pair.state = %s AND rating.state = %s
    WINDOW of_pair AS (PARTITION BY rating.pair_id)
)
SELECT rater_id, answer, yes - (answer = 'yes')::int, no - (answer = 'no')::int, COUNT(*)
FROM given GROUP BY 1, 2, 3, 4
"""


def _agreement_records(challenge: Challenge, pooled: Skill) -> dict[int, Record]:
    """Each rater's final answers to settled pairs, as parts of a truth that is only likely: what the others' answers
    say, weighed by how sure they are (0 where they are even or nobody else answered, 1 where there is no doubt)."""
    parts: dict[int, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    with connection.cursor() as cursor:
        cursor.execute(AGREEMENT, [challenge.pk, PairState.SETTLED, RatingState.FINAL])
        for rater, answer, yes, no, number in cursor.fetchall():
            likely_yes = others_say(yes, no, pooled)
            weight = number * abs(2.0 * likely_yes - 1.0)
            parts[rater][Answer.YES, answer].append(weight * likely_yes)
            parts[rater][Answer.NO, answer].append(weight * (1.0 - likely_yes))
    # Summed exactly: rows come in any order, and the same answers shall give the same skill to the last digit.
    return {
        rater: _record({cell: math.fsum(values) for cell, values in found.items()}) for rater, found in parts.items()
    }


def others_say(yes: int, no: int, pooled: Skill) -> float:
    """How likely yes is by so many answers of raters of whom no more is known, before them as likely as no."""
    evidence = yes * pooled.evidence(Answer.YES) + no * pooled.evidence(Answer.NO)
    return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, evidence))))


def _base_rate(challenge: Challenge) -> float:
    """The share of yes among the verdicts of people, drawn a little towards a half. What machines say has no part in
    it: they would be their own judges."""
    settled = Pair.objects.filter(challenge=challenge, state=PairState.SETTLED)
    counted = settled.aggregate(
        yes=Count("pk", filter=Q(verdict=Verdict.YES)), no=Count("pk", filter=Q(verdict=Verdict.NO))
    )
    return float((counted["yes"] + PRIOR_VERDICTS) / (counted["yes"] + counted["no"] + 2 * PRIOR_VERDICTS))


def _together(controls: Record, agreement: Record) -> Record:
    return controls.plus(Record(agreement.if_yes.times(AGREEMENT_WEIGHT), agreement.if_no.times(AGREEMENT_WEIGHT)))


def _in_order(records: Mapping[int, Record]) -> list[Record]:
    """By rater: sums of parts don't depend on the order in which the database found them."""
    return [records[rater] for rater in sorted(records)]


def _record(cells: Mapping[tuple[str, str], float]) -> Record:
    """A record from its six cells by truth and answer."""
    sides = [Odds(*(float(cells.get((truth, answer), 0.0)) for answer in Answer)) for truth in (Answer.YES, Answer.NO)]
    return Record(if_yes=sides[0], if_no=sides[1])


def _as_json(one: Record | Skill) -> dict[str, list[float]]:
    return {"if_yes": list(one.if_yes), "if_no": list(one.if_no)}


def _record_from(stored: Mapping[str, Any]) -> Record:
    return Record(if_yes=Odds(*stored.get("if_yes", NOTHING)), if_no=Odds(*stored.get("if_no", NOTHING)))


def _skill_from(stored: Mapping[str, Any]) -> Skill:
    return Skill(if_yes=Odds(*stored["if_yes"]), if_no=Odds(*stored["if_no"]))
