"""One rater as the organiser sees them: how they answer where the truth is known, and what they did last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncHour
from django.utils.translation import gettext

from cats4ml.challenges.models import Participation
from cats4ml.review.models import Rating, RatingState
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict

LAST = 50
SHADES = 5


@dataclass(frozen=True)
class Cell:
    """`share` is of its row; `shade` from 0 to 5 says it in grey."""

    answer: str
    number: int
    share: float
    shade: int


@dataclass(frozen=True)
class ConfusionRow:
    truth: str
    total: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class LastAnswer:
    """`truth` is what a control question's answer is, or what the pair's verdict is; '' where neither is known."""

    rating: Rating
    image: Any
    label: str
    answer: str
    truth: str
    right: bool | None


def answers_of(rater: Participation) -> QuerySet[Rating]:
    return Rating.objects.filter(rater=rater).exclude(state=RatingState.LATE)


def confusion(rater: Participation, *, by: str) -> list[ConfusionRow]:
    """How often each answer was given where the truth is yes and where it is no. `by`: the field that has the truth,
    `control__truth` or `pair__verdict`."""
    rows = answers_of(rater).filter(**{f"{by}__in": [Verdict.YES, Verdict.NO]}).order_by()
    counts = {(truth, answer): n for truth, answer, n in rows.values_list(by, "answer").annotate(n=Count("pk"))}
    return [_row(truth, {answer: counts.get((truth.value, answer.value), 0) for answer in Answer})
            for truth in (Answer.YES, Answer.NO)]  # fmt: skip


def _row(truth: Answer, counts: dict[Answer, int]) -> ConfusionRow:
    total = sum(counts.values())
    shares = {answer: number / total if total else 0.0 for answer, number in counts.items()}
    cells = tuple(Cell(one.label, counts[one], shares[one], round(SHADES * shares[one])) for one in Answer)
    return ConfusionRow(truth.label, total, cells)


def course_of(rater: Participation) -> list[dict[str, Any]]:
    """How many answers were given until when, by the hour, as `{% points_plot %}` takes it."""
    hours = answers_of(rater).order_by().annotate(hour=TruncHour("created_at", tzinfo=UTC)).values_list("hour")
    counts: list[tuple[datetime, int]] = sorted(hours.annotate(n=Count("pk")))
    if not counts:
        return []
    sums = accumulate(number for _, number in counts)
    ends = [(hour + timedelta(hours=1), total) for (hour, _), total in zip(counts, sums, strict=True)]
    return [{"name": gettext("Answers"), "points": [(counts[0][0], 0), *ends], "is_subject": True}]


def last_answers(rater: Participation) -> list[LastAnswer]:
    """The newest answers with their pictures, late ones among them."""
    rows = Rating.objects.filter(rater=rater).order_by("-pk")
    subjects = ("pair__image", "pair__label", "control__image", "control__label")
    return [_last(rating) for rating in rows.select_related(*subjects)[:LAST]]


def _last(rating: Rating) -> LastAnswer:
    subject = rating.pair or rating.control
    assert subject is not None, "the database has one of the two"
    truth = rating.control.truth if rating.control else ""
    if rating.pair is not None and rating.pair.state == PairState.SETTLED:
        truth = rating.pair.verdict
    known = truth in (Answer.YES, Answer.NO) and rating.answer != Answer.DONT_KNOW
    return LastAnswer(
        rating=rating,
        image=subject.image,
        label=subject.label.name,
        answer=Answer(rating.answer).label,
        truth=truth.replace("_", " "),
        right=rating.answer == truth if known else None,
    )
