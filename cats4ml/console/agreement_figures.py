"""The figures about agreement as plots and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.console.agreement import (
    RELIABLE,
    TENTATIVE,
    Agreement,
    Alpha,
    Batch,
    EntropyBin,
    LabelAgreement,
)
from cats4ml.console.agreement_raters import Confusion, RaterConfusion, Speed, SpeedBin
from cats4ml.review.models import Device
from cats4ml.rules.answers import Tally
from cats4ml.ui.meters import Part
from cats4ml.ui.navigation import url_or_empty
from cats4ml.ui.plots import tick_text
from cats4ml.ui.plots_band import BandPlot, Step, make_band_plot
from cats4ml.ui.plots_columns import Column, ColumnPlot, Share, SharePlot, make_column_plot, make_share_plot
from cats4ml.ui.plots_dots import Dot, DotPlot, make_dot_plot, number
from cats4ml.ui.words import OUTCOMES, decimal, figure, inside, share_text, short_decimal

BOUNDS = (TENTATIVE, RELIABLE)
OUTCOME_ORDER = ("false_negative", "false_positive", "agreement", "ambiguous", "")


def _entropy_name(one: EntropyBin) -> str:
    return (
        _("more than %(low)s, up to %(high)s") % {"low": decimal(one.low, 1), "high": decimal(one.high, 1)}
        if one.high
        else "0"
    )


def headline(alpha: Alpha | None) -> str:
    """What alpha says, by Krippendorff's own bounds."""
    if alpha is None:
        return _("Nothing to compare yet")
    if alpha.value >= RELIABLE:
        return _("Raters agree: alpha %(number)s") % {"number": number(alpha.value)}
    if alpha.value >= TENTATIVE:
        return _("Raters agree in the main: alpha %(number)s") % {"number": number(alpha.value)}
    return _("Raters agree too little: alpha %(number)s") % {"number": number(alpha.value)}


def alpha_in_words(alpha: Alpha | None) -> str:
    """'between 0.74 and 0.81', or why there is no interval."""
    if alpha is None:
        return _("not defined: nothing was answered twice, or every answer is the same")
    if alpha.interval is None:
        return ngettext(
            "of %(n)s pair, too few for an interval", "of %(n)s pairs, too few for an interval", alpha.pairs
        ) % {"n": figure(alpha.pairs)}
    return _("between %(low)s and %(high)s") % {
        "low": number(alpha.interval.low),
        "high": number(alpha.interval.high),
    }


def alpha_plot(agreement: Agreement) -> DotPlot | None:
    """The edition's alphas, each by its name."""
    which = _("first two answers") if agreement.early else _("all answers")
    named = [
        (_("Don’t know is an answer"), which, agreement.alpha),
        (_("Yes and no only"), which, agreement.known),
        (_("Don’t know is an answer"), _("all answers"), agreement.all_answers),
        (_("Yes and no only"), _("all answers"), agreement.all_known),
    ]
    dots = [_dot(name, alpha, note=note) for name, note, alpha in named if alpha is not None]
    return make_dot_plot(dots, title=_("Alpha of the edition"), columns=(_("Pairs"),), bounds=BOUNDS)


def label_plot(labels: Sequence[LabelAgreement]) -> DotPlot | None:
    dots = [
        _dot(one.name, one.alpha, note=_("few pairs") if one.few else "", weak=one.few)
        for one in labels
        if one.alpha is not None
    ]
    return make_dot_plot(dots, title=_("Alpha by label"), columns=(_("Pairs"),), bounds=BOUNDS)


def _dot(name: str, alpha: Alpha, *, note: str = "", weak: bool = False) -> Dot:
    low, high = alpha.interval if alpha.interval else (None, None)
    return Dot(name, alpha.value, low, high, weak=weak, note=note, cells=(figure(alpha.pairs),))


def time_plot(batches: Sequence[Batch]) -> BandPlot | None:
    if not batches:
        return None
    span = batches[-1].at - batches[0].at
    steps = []
    for batch in batches:
        low, high = batch.alpha.interval if batch.alpha and batch.alpha.interval else (None, None)
        value = batch.alpha.value if batch.alpha else None
        when = tick_text(batch.at, span=span)
        steps.append(Step(when, value, low, high, (figure(batch.pairs), figure(batch.so_far))))
    return make_band_plot(steps, title=_("Alpha over time"), columns=(_("Pairs"), _("So far")))


def entropy_plot(bins: Sequence[EntropyBin]) -> ColumnPlot | None:
    used = [*bins]
    while used and not used[-1].pairs:
        used.pop()
    return make_column_plot(
        [
            Column(
                _entropy_name(one),
                short_decimal(round(one.high, 1)) if one.high < 1 else decimal(one.high, 1),
                tuple(one.outcomes.get(key, 0) for key in OUTCOME_ORDER),
            )
            for one in used
        ],
        title=_("Pairs by the entropy of their answers, in bits"),
        parts=[OUTCOMES[key].plural if key else _("In review") for key in OUTCOME_ORDER],
        tones=[OUTCOMES[key].tone if key else "rest" for key in OUTCOME_ORDER],
    )


@dataclass(frozen=True)
class LabelLine:
    """A label with its bar and what to do about it, '' where it is like the others."""

    name: str
    pairs: int
    parts: tuple[Part, ...]
    split: str
    advice: str
    label: int


def label_lines(labels: Sequence[LabelAgreement]) -> list[LabelLine]:
    """Labels that are read differently first, then by how often raters are divided."""
    ordered = sorted(labels, key=lambda one: (not (one.reads_apart or one.often_unsure), -_not_same(one), one.name))
    return [_line(one) for one in ordered]


def _not_same(one: LabelAgreement) -> float:
    return (one.divided + one.unsure) / one.pairs


def _line(one: LabelAgreement) -> LabelLine:
    parts = (
        Part(_("divided"), one.divided, "text"),
        Part(_("with a don’t know"), one.unsure, "none"),
        Part(_("all the same"), one.unanimous, "rest"),
    )
    return LabelLine(one.name, one.pairs, parts, share_text(one.divided / one.pairs), advice(one), one.label)


def advice(one: LabelAgreement) -> str:
    sentences = []
    if one.reads_apart:
        sentences.append(
            _("Raters split on %(value)s of the pairs of this label: give an example that fits and one that doesn’t.")
            % {"value": share_text(one.divided / one.pairs)}
        )
    if one.often_unsure:
        sentences.append(
            _("On %(value)s somebody didn’t know: say what counts, and from how far.")
            % {"value": share_text(one.unsure / one.pairs)}
        )
    return " ".join(sentences)


@dataclass(frozen=True)
class Line:
    """One bar of a rater's: what they answered where others, or experts, say yes or no."""

    name: str
    parts: tuple[Part, ...]
    share: str


@dataclass(frozen=True)
class RaterCard:
    name: str
    href: str
    answers: int
    lines: tuple[Line, ...]


def rater_card(one: RaterConfusion, slug: str) -> RaterCard:
    others, controls = (_("Others say yes"), _("Others say no")), (_("Controls are yes"), _("Controls are no"))
    lines = [*_lines(one.others, others), *_lines(one.controls, controls)]
    return RaterCard(
        name=one.name,
        href=url_or_empty("console:rater", slug, one.rater),
        answers=one.others.total + one.controls.total,
        lines=tuple(lines),
    )


def _lines(confusion: Confusion, names: tuple[str, str]) -> list[Line]:
    sides = ((confusion.if_yes, confusion.if_yes.yes), (confusion.if_no, confusion.if_no.no))
    return [_confusion_line(name, tally, same) for name, (tally, same) in zip(names, sides, strict=True) if tally.total]


def _confusion_line(name: str, tally: Tally, same: int) -> Line:
    parts = (
        Part(_("the same"), same, "text"),
        Part(_("don’t know"), tally.dont_know, "none"),
        Part(_("the opposite"), tally.total - same - tally.dont_know, "rest"),
    )
    return Line(name, parts, _("%(same)s of %(total)s") % {"same": figure(same), "total": figure(tally.total)})


@dataclass(frozen=True)
class SpeedFigure:
    name: str
    answers: int
    plot: SharePlot | None


def speed_figure(speed: Speed) -> SpeedFigure:
    name = _("Device not known") if speed.device == Device.UNKNOWN else speed.name
    return SpeedFigure(
        name,
        speed.answers,
        make_share_plot(
            [_share(one) for one in speed.bins],
            names=[_short(one) for one in speed.bins],
            title=_("Answers that agree with the verdict, by seconds, %(name)s") % {"name": inside(name)},
            columns=(_("Yes or no answers"), _("Don’t know")),
        ),
    )


def _short(one: SpeedBin) -> str:
    return f"{short_decimal(one.low)}+"


def _share(one: SpeedBin) -> Share | None:
    interval = one.interval
    if interval is None:
        return None
    return Share(one.name, _short(one), one.agree, one.known, interval.low, interval.high, (figure(one.unknown),))
