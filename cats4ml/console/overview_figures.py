"""The overview's headline and plots, from what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from cats4ml.challenges.models import Challenge
from cats4ml.console.agreement_figures import label_plot
from cats4ml.console.queue_course import DAY
from cats4ml.console.watching import BINS, LabelOutcomes, Overview, ScoreBin
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.ui.meters import Part
from cats4ml.ui.plots_dots import DotPlot
from cats4ml.ui.plots_mirror import Bin, MirrorPlot, make_mirror_plot
from cats4ml.ui.plots_queue import Ahead, Depth, QueuePlot, make_queue_plot
from cats4ml.ui.words import OUTCOMES, about, date_text, duration, figure, inside

FN, FP, AGREE, AMBIGUOUS = (outcome.value for outcome in Outcome)
DEFAULT_THRESHOLD = 0.5
NEEDS_YOU = gettext_lazy("Something needs you")


def headline(challenge: Challenge, overview: Overview, *, at: datetime, needs: int) -> str:
    """Will it be done in time, and where nothing is to be said of that, whether something needs an organiser."""
    ahead, funnel = overview.forecast, overview.funnel
    if ahead is not None:
        clears = None if ahead.clears is None else at + DAY * ahead.clears
        if challenge.ratings_close_at is not None and (clears is None or clears > challenge.ratings_close_at > at):
            return gettext("The review queue won’t be empty when ratings close")
        if clears is not None:
            return gettext("The review queue clears %(day_in_words)s") % {"day_in_words": day_in_words(clears, at=at)}
        if ahead.per_day > 0:
            return ngettext(
                "The review queue grows by %(n)s pair a day",
                "The review queue grows by %(n)s pairs a day",
                max(1, round(ahead.per_day)),
            ) % {"n": figure(max(1, round(ahead.per_day)))}
    if needs:
        return str(NEEDS_YOU)
    if funnel.in_review or funnel.queued:
        return ngettext(
            "%(n)s pair in review, nothing is stuck", "%(n)s pairs in review, nothing is stuck", funnel.in_review
        ) % {"n": figure(funnel.in_review)}
    return gettext("Every pair is settled") if funnel.pairs else gettext("No pair has been claimed yet")


def day_in_words(moment: datetime, *, at: datetime) -> str:
    """'today', 'tomorrow', 'on Thursday', 'on 14 December' (UTC)."""
    days = (moment.date() - at.date()).days
    if days <= 1:
        return gettext("today") if days <= 0 else gettext("tomorrow")
    return (
        gettext("on %(weekday)s") % {"weekday": date_text(moment, "weekday")}
        if days < 7
        else gettext("on %(day)s") % {"day": date_text(moment, "long_month_day")}
    )


def forecast_in_words(overview: Overview, *, at: datetime) -> str:
    """What the band says, or why there is none."""
    ahead = overview.forecast
    if ahead is None:
        none_yet = gettext(
            "There is no forecast yet: it takes three days of ratings in which 20 pairs or more were settled."
        )
        return none_yet if overview.funnel.in_review else ""
    if ahead.clears is None:
        return gettext("At this week’s pace it isn’t empty within 60 days.")
    if ahead.earliest is None or ahead.latest is None:
        if ahead.earliest is None:
            return gettext("It is empty later, 9 times in 10; how late can’t be said.")
        return gettext("It is empty %(day)s at the earliest, 9 times in 10; how late can’t be said.") % {
            "day": _short_day(at + DAY * ahead.earliest)
        }
    early, late = (_short_day(at + DAY * days) for days in (ahead.earliest, ahead.latest))
    if early == late:
        return gettext("It is empty on %(day)s, 9 times in 10.") % {"day": early}
    return gettext("It is empty between %(early)s and %(late)s, 9 times in 10.") % {"early": early, "late": late}


def _short_day(moment: datetime) -> str:
    return date_text(moment, "weekday_day")


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
        clears = (moment, gettext("clears %(short_day)s") % {"short_day": _short_day(moment)})
    return make_queue_plot(
        depths,
        title=gettext("Pairs in review"),
        columns=(
            gettext("Pairs"),
            gettext("The oldest waits for"),
            gettext("Came"),
            pgettext("went out of the queue", "Left"),
        ),
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
        return gettext("as many as a week ago")
    return (
        gettext("%(number)s more than a week ago") if change > 0 else gettext("%(number)s fewer than a week ago")
    ) % {"number": figure(abs(change))}


def agreement_plot(overview: Overview) -> DotPlot | None:
    return label_plot(overview.agreement)


def score_plot(overview: Overview, *, threshold: float) -> MirrorPlot | None:
    """Verdicts against machine scores. The outcome gives the tone: it was read by the threshold that held then."""
    funnel = overview.funnel
    return make_mirror_plot(
        [_bin(one) for one in overview.bins],
        title=gettext("Settled pairs by machine score and verdict"),
        finding=(
            gettext(
                "Settled pairs by machine score. People said yes where machines said no %(false_negatives)s times, "
                "and no where machines said yes %(false_positives)s times; %(ambiguous)s are ambiguous."
            )
            % {
                "false_negatives": figure(funnel.false_negatives),
                "false_positives": figure(funnel.false_positives),
                "ambiguous": figure(funnel.ambiguous),
            }
        ),
        threshold=threshold,
        columns=(
            gettext("Yes: false negative"),
            gettext("Yes: agreement"),
            gettext("No: false positive"),
            gettext("No: agreement"),
            gettext("Undecided"),
        ),
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
                Part(inside(OUTCOMES[key].plural), one.outcomes[key], OUTCOMES[key].tone)
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
        Part(gettext("false negatives"), funnel.false_negatives, "fn"),
        Part(gettext("false positives"), funnel.false_positives, "fp"),
        Part(gettext("not found"), max(0, funnel.claims - funnel.adverse), "rest"),
    )
