"""What the organiser's pages say of raters, counted anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Aggregate, Case, Count, F, FloatField, IntegerField, Max, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy, gettext_noop

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.review.models import (
    Device,
    PauseCause,
    PauseDecision,
    RaterDiscount,
    RaterPause,
    Rating,
    RatingState,
    StudyVisit,
)
from cats4ml.rules.answers import Answer
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.rules.lifecycle import PairState
from cats4ml.ui.words import ANSWERS, Translated

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


_STATES = Translated(
    {
        "rating": gettext_noop("Rating"),
        "paused": gettext_noop("Paused"),
        "ended": gettext_noop("Ended"),
        "discounted": gettext_noop("Discounted"),
    }
)


class RaterState(StrEnum):
    RATING = "rating"
    PAUSED = "paused"
    ENDED = "ended"
    DISCOUNTED = "discounted"

    @property
    def label(self) -> str:
        return _STATES[self.value]


class Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class RaterLine:
    """One rater's figures. `answers` are those to pairs; shares and seconds are of those and of controls together."""

    rater: Participation
    answers: int
    controls: int
    right: int
    seconds: float
    yes: int
    no: int
    dont_know: int
    agreed: int
    compared: int
    devices: tuple[tuple[str, int], ...]
    state: RaterState
    cause: str
    study: str
    last_at: datetime

    @property
    def name(self) -> str:
        return self.rater.public_name

    @property
    def given(self) -> int:
        return self.answers + self.controls

    @property
    def right_share(self) -> float | None:
        return self.right / self.controls if self.controls else None

    @property
    def right_interval(self) -> Interval | None:
        return wilson_interval(self.right, self.controls)

    @property
    def agreement(self) -> float | None:
        return self.agreed / self.compared if self.compared else None

    @property
    def yes_share(self) -> float:
        return self.yes / self.given

    @property
    def shares(self) -> tuple[tuple[str, int, float], ...]:
        """Each answer's word, how often it was given, and its share."""
        counts = ((Answer.YES, self.yes), (Answer.NO, self.no), (Answer.DONT_KNOW, self.dont_know))
        return tuple((ANSWERS[answer.value], number, number / self.given) for answer, number in counts)


def given_ratings(challenge: Challenge) -> QuerySet[Rating]:
    """The answers by which raters are judged: all but those that came too late."""
    return Rating.objects.filter(rater__challenge=challenge).exclude(state=RatingState.LATE)


def _figures(ratings: QuerySet[Rating]) -> Iterable[Mapping[str, Any]]:
    """One row of counts for each rater, by one query.

    Agreement is with the others alone: the majority of a settled pair's counted answers without the rater's own
    (near enough where a pair has an answer more than its verdict took).
    """
    counts = Q(state=RatingState.FINAL)
    own = Case(
        When(counts, answer=Answer.YES, then=Value(1)),
        When(counts, answer=Answer.NO, then=Value(-1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    settled = Q(pair__state=PairState.SETTLED)
    same = Q(answer=Answer.YES, ahead__gt=0) | Q(answer=Answer.NO, ahead__lt=0)
    return (
        ratings.annotate(ahead=F("pair__yes_ratings") - F("pair__no_ratings") - own)
        .order_by()
        .values("rater")
        .annotate(
            answers=Count("pair"),
            controls=Count("control"),
            right=Count("control", filter=Q(answer=F("control__truth"))),
            seconds=Median("seconds"),
            **{answer.value: Count("pk", filter=Q(answer=answer)) for answer in Answer},
            compared=Count("pk", filter=settled & ~Q(answer=Answer.DONT_KNOW) & ~Q(ahead=0)),
            agreed=Count("pk", filter=settled & same),
            **{f"on_{device.value}": Count("pk", filter=Q(device=device)) for device in Device},
            last_at=Max("created_at"),
        )
    )


def rater_lines(challenge: Challenge, *, rater: Participation | None = None) -> list[RaterLine]:
    """Every rater who has answered anything, or this one; six queries, however many there are."""
    ratings = given_ratings(challenge)
    figures = list(_figures(ratings if rater is None else ratings.filter(rater=rater)))
    ids = [row["rater"] for row in figures]
    people = Participation.objects.select_related("user", "team").in_bulk(ids)
    standing = RaterPause.objects.filter(rater__in=ids).exclude(decision=PauseDecision.RESUMED)
    pauses = {pause.rater_id: pause for pause in standing}
    discounted = set(RaterDiscount.objects.filter(rater__in=ids, lifted_at=None).values_list("rater_id", flat=True))
    visits = StudyVisit.objects.filter(rater__in=ids).values_list("rater_id", "study__title")
    studies = dict(visits)
    return [
        RaterLine(
            rater=people[row["rater"]],
            devices=tuple((str(one.label), row[f"on_{one.value}"]) for one in Device if row[f"on_{one.value}"]),
            study=studies.get(row["rater"], ""),
            **_state(pauses.get(row["rater"]), discounted=row["rater"] in discounted),
            **{name: row[name] for name in _COUNTED},
        )
        for row in figures
    ]


_COUNTED = (
    "answers", "controls", "right", "seconds", "yes", "no", "dont_know", "agreed", "compared", "last_at",
)  # fmt: skip


def _state(pause: RaterPause | None, *, discounted: bool) -> dict[str, Any]:
    if discounted:
        return {"state": RaterState.DISCOUNTED, "cause": ""}
    if pause is None:
        return {"state": RaterState.RATING, "cause": ""}
    state = RaterState.ENDED if pause.decision == PauseDecision.ENDED else RaterState.PAUSED
    return {"state": state, "cause": PauseCause(pause.cause).label}


# How the table may be sorted: what is compared, its heading, and whether the largest comes first.
SORTS: dict[str, tuple[str | StrPromise, Callable[[RaterLine], Any], bool]] = {
    "name": (gettext_lazy("Rater"), lambda line: line.name.lower(), False),
    "answers": (gettext_lazy("Answers"), lambda line: line.answers, True),
    "controls": (gettext_lazy("Controls right"), lambda line: line.right_share, False),
    "seconds": (gettext_lazy("Median time"), lambda line: line.seconds, False),
    "yes": (gettext_lazy("Answers by kind"), lambda line: line.yes_share, True),
    "agreement": (gettext_lazy("As others say"), lambda line: line.agreement, False),
    "devices": (gettext_lazy("Devices"), lambda line: line.devices[0][0], False),
    "state": (gettext_lazy("State"), lambda line: list(RaterState).index(line.state), True),
    "last": (gettext_lazy("Last seen"), lambda line: line.last_at, True),
}


def sorted_lines(lines: Sequence[RaterLine], sort: str) -> list[RaterLine]:
    """By `sort`, '-' before it for the other way round; who has no such figure comes last."""
    _, key, largest_first = SORTS[sort.removeprefix("-")]
    downwards = largest_first != sort.startswith("-")
    by_name = sorted(lines, key=lambda line: (line.name.lower(), line.rater.pk))
    known = [line for line in by_name if key(line) is not None]
    return sorted(known, key=key, reverse=downwards) + [line for line in by_name if key(line) is None]


@dataclass(frozen=True)
class Heading:
    """A column's head: its link sorts by it, or turns the order round."""

    word: str
    query: str
    aria: str


def headings(sort: str) -> dict[str, Heading]:
    found = {}
    for name, (word, _, largest_first) in SORTS.items():
        here = sort.removeprefix("-") == name
        downwards = largest_first != sort.startswith("-")
        aria = ("descending" if downwards else "ascending") if here else ""
        found[name] = Heading(str(word), f"?sort={'-' if sort == name else ''}{name}", aria)
    return found


def waiting_pauses(challenge: Challenge) -> QuerySet[RaterPause]:
    """Pauses that an organiser has to decide, oldest first. Who is discounted waits for nothing."""
    return (
        RaterPause.objects.filter(rater__challenge=challenge, decision="")
        .exclude(rater__discounts__in=RaterDiscount.objects.filter(lifted_at=None))
        .select_related("rater__user", "rater__team")
        .order_by("created_at", "pk")
    )


EVIDENCE = {
    PauseCause.TOO_FAST: gettext_lazy(
        "Half of the last %(answers)s answers came within %(median_seconds)s s or sooner; below %(fast_seconds)s s is "
        "too fast."
    ),
    PauseCause.SAME_ANSWER: gettext_lazy(
        "%(in_a_row)s times “%(answer)s” in a row; %(controls_against_it)s control questions among them have another "
        "answer."
    ),
    PauseCause.CONTROLS: gettext_lazy(
        "%(right)s of the last %(answered)s control questions right; %(wanted_percent)s%% are wanted."
    ),
    PauseCause.WARM_UP: gettext_lazy(
        "%(right)s of %(answered)s warm-up questions right; %(wanted_percent)s%% are wanted."
    ),
    PauseCause.ORGANISER: gettext_lazy("By %(by)s."),
}


def evidence_in_words(pause: RaterPause) -> str:
    """The figures that led to a pause, as a sentence. Empty where there are none."""
    words = EVIDENCE.get(PauseCause(pause.cause))
    return words % pause.evidence if words and pause.evidence else ""
