"""What the organiser's pages say of studies: who came, how far they are, and whom to pay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from statistics import median
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_noop

from cats4ml.challenges.models import Challenge
from cats4ml.console.rater_pages import Median
from cats4ml.review.crowd_ids import ids_go_at
from cats4ml.review.models import (
    CrowdIdentity,
    PauseDecision,
    RaterDiscount,
    RaterPause,
    Rating,
    RatingState,
    Study,
    StudyVisit,
)
from cats4ml.review.studies import note_completed
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import Translated

CSV_HEAD = (
    "external_id", "session_id", "external_study", "status", "answers", "controls", "controls_right",
    "median_seconds", "started_at", "completed_at", "rater", "ids_deleted_on",
)  # fmt: skip


CENT = Decimal("0.01")


_PAYING = Translated(
    {
        "approve": gettext_noop("Approve"),
        "look at": gettext_noop("Look at"),
        "not finished": gettext_noop("Not finished"),
    }
)


class Paying(StrEnum):
    """`LOOK_AT`: completed, but paused or discounted since: an organiser should look before paying."""

    APPROVE = "approve"
    LOOK_AT = "look at"
    NOT_FINISHED = "not finished"

    @property
    def word(self) -> str:
        return _PAYING[self.value]


@dataclass(frozen=True)
class VisitLine:
    visit: StudyVisit
    answers: int
    controls: int
    right: int
    seconds: float | None
    status: Paying

    @property
    def identity(self) -> CrowdIdentity | None:
        """The paid crowd's ids; None once they are deleted."""
        return getattr(self.visit, "identity", None)

    @property
    def ids_go_at(self) -> datetime:
        return ids_go_at(self.visit)

    @property
    def minutes(self) -> float | None:
        """From the first look to the last answer that was asked for."""
        if self.visit.completed_at is None:
            return None
        return (self.visit.completed_at - self.visit.started_at).total_seconds() / 60

    @property
    def right_share(self) -> float | None:
        return self.right / self.controls if self.controls else None

    @property
    def right_interval(self) -> Interval | None:
        return wilson_interval(self.right, self.controls)


@dataclass(frozen=True)
class StudySummary:
    visits: int
    completed: int
    look_at: int
    minutes: float | None
    controls: int
    right: int

    @property
    def right_share(self) -> float | None:
        return self.right / self.controls if self.controls else None


def studies_of(challenge: Challenge) -> QuerySet[Study]:
    """The studies of an edition, newest first, each with `came` and `done`."""
    return (
        Study.objects.filter(challenge=challenge)
        .annotate(came=Count("visits"), done=Count("visits", filter=Q(visits__completed_at__isnull=False)))
        .order_by("-created_at", "-pk")
    )


def visit_lines(study: Study) -> list[VisitLine]:
    """Every visit in the order of coming; a handful of queries, and one more for each that is found completed."""
    visits = list(study.visits.select_related("rater__user", "study", "identity").order_by("pk"))
    raters = [visit.rater_id for visit in visits]
    figures = {row["rater"]: row for row in _figures(raters)}
    doubted = set(RaterDiscount.objects.filter(rater__in=raters, lifted_at=None).values_list("rater_id", flat=True))
    standing = RaterPause.objects.filter(rater__in=raters).exclude(decision=PauseDecision.RESUMED)
    doubted |= set(standing.values_list("rater_id", flat=True))
    lines = []
    for visit in visits:
        row = figures.get(visit.rater_id, {})
        answers = row.get("answers", 0)
        if visit.completed_at is None and answers >= study.questions:
            note_completed(visit)
        status = Paying.LOOK_AT if visit.rater_id in doubted else Paying.APPROVE
        lines.append(
            VisitLine(
                visit=visit,
                answers=answers,
                controls=row.get("controls", 0),
                right=row.get("right", 0),
                seconds=row.get("seconds"),
                status=status if visit.completed_at is not None else Paying.NOT_FINISHED,
            )
        )
    return lines


def _figures(raters: Sequence[int]) -> Iterable[Mapping[str, Any]]:
    given = Rating.objects.filter(rater__in=raters).exclude(state=RatingState.PROVISIONAL).order_by()
    return given.values("rater").annotate(
        answers=Count("pk"),
        controls=Count("control"),
        right=Count("control", filter=Q(answer=F("control__truth"))),
        seconds=Median("seconds"),
    )


def summary_of(lines: Sequence[VisitLine]) -> StudySummary:
    minutes = [line.minutes for line in lines if line.minutes is not None]
    return StudySummary(
        visits=len(lines),
        completed=len(minutes),
        look_at=sum(line.status == Paying.LOOK_AT for line in lines),
        minutes=median(minutes) if minutes else None,
        controls=sum(line.controls for line in lines),
        right=sum(line.right for line in lines),
    )


@dataclass(frozen=True)
class PayShown:
    """What a study pays for an hour, by what answers took. `seconds` for one question: the median over the visits of
    each one's median from one answer to the next. `hourly` is None where no reward is entered or nothing was measured.
    """

    seconds: float | None
    minutes: float | None
    hourly: Decimal | None
    least_reward: Decimal | None
    is_low: bool


def pay_of(study: Study, lines: Sequence[VisitLine]) -> PayShown:
    """The time that is paid is what half of the people needed at most: reading, loading and looking included. Where
    people completed it that is measured from beginning to end; before that it is the questions' seconds."""
    medians = [line.seconds for line in lines if line.seconds is not None]
    seconds = median(medians) if medians else None
    ends = [line.minutes for line in lines if line.minutes is not None]
    minutes = median(ends) if ends else (None if seconds is None else seconds * study.questions / 60)
    hours = Decimal(str(minutes)) / 60 if minutes else None
    hourly = (study.reward / hours).quantize(CENT) if study.reward is not None and hours else None
    least = (study.least_wage * hours).quantize(CENT, ROUND_UP) if study.least_wage is not None and hours else None
    is_low = hourly is not None and study.least_wage is not None and hourly < study.least_wage
    return PayShown(seconds, minutes, hourly, least, is_low)


def csv_rows(lines: Sequence[VisitLine]) -> Iterator[tuple[object, ...]]:
    """One row for each visit, below `CSV_HEAD`."""
    for line in lines:
        visit, known = line.visit, line.identity
        yield (
            harmless(known.external_id) if known else "",
            harmless(known.session_id) if known else "",
            harmless(known.external_study) if known else "",
            line.status.value,
            line.answers,
            line.controls,
            line.right,
            "" if line.seconds is None else f"{line.seconds:.2f}",
            visit.started_at.isoformat(),
            visit.completed_at.isoformat() if visit.completed_at else "",
            visit.rater.public_name,
            line.ids_go_at.date().isoformat(),
        )
