"""The overview's headline and plots, from what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cats4ml.challenges.models import Challenge
from cats4ml.console.agreement_figures import label_plot
from cats4ml.console.queue_course import DAY
from cats4ml.console.watching import BINS, LabelOutcomes, Overview, ScoreBin
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.ui.meters import Part
from cats4ml.ui.plots_dots import DotPlot
from cats4ml.ui.plots_mirror import Bin, MirrorPlot, make_mirror_plot
from cats4ml.ui.plots_queue import Ahead, Depth, QueuePlot, make_queue_plot
from cats4ml.ui.words import OUTCOMES, about, counted, duration, figure

FN, FP, AGREE, AMBIGUOUS = (outcome.value for outcome in Outcome)
DEFAULT_THRESHOLD = 0.5


def headline(challenge: Challenge, overview: Overview, *, at: datetime, needs: int) -> str:
    """Will it be done in time, and where nothing is to be said of that, whether something needs an organiser."""
    ahead, funnel = overview.forecast, overview.funnel
    if ahead is not None:
        clears = None if ahead.clears is None else at + DAY * ahead.clears
        if challenge.ratings_close_at is not None and (clears is None or clears > challenge.ratings_close_at > at):
            return "The review queue won’t be empty when ratings close"
        if clears is not None:
            return f"The review queue clears {day_in_words(clears, at=at)}"
        if ahead.per_day > 0:
            return f"The review queue grows by {counted(max(1, round(ahead.per_day)), 'pair')} a day"
    if needs:
        return "Something needs you"
    if funnel.in_review or funnel.queued:
        return f"{counted(funnel.in_review, 'pair')} in review, nothing is stuck"
    return "Every pair is settled" if funnel.pairs else "No pair has been claimed yet"


def day_in_words(moment: datetime, *, at: datetime) -> str:
    """'today', 'tomorrow', 'on Thursday', 'on 14 December' (UTC)."""
    days = (moment.date() - at.date()).days
    if days <= 1:
        return "today" if days <= 0 else "tomorrow"
    return f"on {moment:%A}" if days < 7 else f"on {moment.day} {moment:%B}"


def forecast_in_words(overview: Overview, *, at: datetime) -> str:
    """What the band says, or why there is none."""
    ahead = overview.forecast
    if ahead is None:
        if not overview.funnel.in_review:
            return ""
        return "There is no forecast yet: it takes three days of ratings in which 20 pairs or more were settled."
    if ahead.clears is None:
        return "At this week’s pace it isn’t empty within 60 days."
    if ahead.earliest is None or ahead.latest is None:
        early = f"{_short_day(at + DAY * ahead.earliest)} at the earliest" if ahead.earliest is not None else "later"
        return f"It is empty {early}, 9 times in 10; how late can’t be said."
    early, late = (_short_day(at + DAY * days) for days in (ahead.earliest, ahead.latest))
    return f"It is empty {f'on {early}' if early == late else f'between {early} and {late}'}, 9 times in 10."


def _short_day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b}"


def queue_plot(overview: Overview, *, at: datetime) -> QueuePlot | None:
    moments = overview.course.moments
    depths = [
        Depth(one.at, one.pairs, (_age(one.oldest, one.at), figure(one.came), figure(one.left))) for one in moments
    ]
    ahead = overview.forecast
    now = moments[-1].at if moments else at
    points = [Ahead(now + DAY * one.ahead, one.middle, one.low, one.high) for one in ahead.points] if ahead else []
    clears = None
    if ahead is not None and ahead.clears is not None:
        moment = now + DAY * ahead.clears
        clears = (moment, f"clears {_short_day(moment)}")
    return make_queue_plot(
        depths,
        title="Pairs in review",
        columns=("Pairs", "The oldest waits for", "Came", "Left"),
        ahead=points,
        clears=clears,
    )


def _age(since: datetime | None, at: datetime) -> str:
    return "–" if since is None else duration(at - since)


def oldest_in_words(overview: Overview) -> str:
    """'about 3 days', how long the pair that has been in review longest is there; '' where none is."""
    last = overview.course.moments[-1] if overview.course.moments else None
    return about((last.at - last.oldest).total_seconds()) if last and last.oldest and last.pairs else ""


def week_before(overview: Overview) -> str:
    """'4,534 fewer than a week ago'; '' for a queue that is younger."""
    course = overview.course
    if course.step != DAY or len(course.moments) < 8:
        return ""
    change = course.moments[-1].pairs - course.moments[-8].pairs
    if not change:
        return "as many as a week ago"
    return f"{figure(abs(change))} {'more' if change > 0 else 'fewer'} than a week ago"


def agreement_plot(overview: Overview) -> DotPlot | None:
    return label_plot(overview.agreement)


def score_plot(overview: Overview, *, threshold: float) -> MirrorPlot | None:
    """Verdicts against machine scores. The outcome gives the tone: it was read by the threshold that held then."""
    funnel = overview.funnel
    return make_mirror_plot(
        [_bin(one) for one in overview.bins],
        title="Settled pairs by machine score and verdict",
        finding=(
            f"Settled pairs by machine score. People said yes where machines said no {figure(funnel.false_negatives)} "
            f"times, and no where machines said yes {figure(funnel.false_positives)} times; {figure(funnel.ambiguous)} "
            "are ambiguous."
        ),
        threshold=threshold,
        columns=("Yes: false negative", "Yes: agreement", "No: false positive", "No: agreement", "Undecided"),
    )


def _bin(one: ScoreBin) -> Bin:
    def number(verdict: Verdict, *outcomes: str) -> int:
        return sum(one.counts.get((verdict.value, outcome), 0) for outcome in outcomes)

    undecided = sum(count for (_, outcome), count in one.counts.items() if outcome == AMBIGUOUS)
    return Bin(
        low=one.place / BINS,
        high=(one.place + 1) / BINS,
        above=(("fn", number(Verdict.YES, FN)), ("ag", number(Verdict.YES, AGREE))),
        below=(("fp", number(Verdict.NO, FP)), ("ag", number(Verdict.NO, AGREE))),
        row=(("am", undecided),),
    )


@dataclass(frozen=True)
class LabelRow:
    line: LabelOutcomes
    parts: tuple[Part, ...]
    cells: tuple[tuple[str, str, int], ...]


def label_rows(labels: Sequence[LabelOutcomes]) -> list[LabelRow]:
    """Each label's pairs as a bar of shares, with the counts by outcome."""
    return [
        LabelRow(
            line=one,
            parts=tuple(
                Part(OUTCOMES[key].plural.lower(), one.outcomes[key], OUTCOMES[key].tone)
                for key in (FN, FP, AGREE, AMBIGUOUS)
            ),
            cells=tuple((key, OUTCOMES[key].plural, one.outcomes[key]) for key in (FN, FP, AGREE, AMBIGUOUS)),
        )
        for one in labels
    ]


def threshold_of(challenge: Challenge) -> float:
    return challenge.rules.threshold if challenge.policy is not None else DEFAULT_THRESHOLD


def found_parts(overview: Overview) -> tuple[Part, ...]:
    """The finds as a part of all claims."""
    funnel = overview.funnel
    return (
        Part("false negatives", funnel.false_negatives, "fn"),
        Part("false positives", funnel.false_positives, "fp"),
        Part("not found", max(0, funnel.claims - funnel.adverse), "rest"),
    )
