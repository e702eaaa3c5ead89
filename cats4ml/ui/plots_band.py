"""Geometry of one line with the band of its intervals, at even steps. Widths run from 0 to 1000 and stretch."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.plots import WIDTH, Tick
from cats4ml.ui.plots_dots import number, scale_for
from cats4ml.ui.words import percentage, short_decimal

HEIGHT = 200
TICKS = 4


@dataclass(frozen=True)
class Step:
    """A value with its interval, if there is one. `when` is written below the plot, `cells` in its table."""

    when: str
    value: float | None
    low: float | None = None
    high: float | None = None
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class BandDot:
    x: str
    y: float


@dataclass(frozen=True)
class BandPlot:
    title: str
    finding: str
    band: str
    line: str
    dots: tuple[BandDot, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    height: int = HEIGHT


def make_band_plot(steps: Sequence[Step], *, title: str, columns: Sequence[str] = ()) -> BandPlot | None:
    """A scale from 0, or from as far below as it must, to 1. `columns` name the steps' cells. None where fewer than
    two steps have a value: there is no course to be seen."""
    drawn = [(place, step) for place, step in enumerate(steps) if step.value is not None]
    if len(drawn) < 2:
        return None
    last = len(steps) - 1
    lowest = min(step.low if step.low is not None else step.value or 0.0 for _, step in drawn)
    scale = scale_for(lowest)

    def y(value: float) -> float:
        return round(HEIGHT * (1.0 - scale.at(value)), 1)

    def points(values: Sequence[tuple[int, float]]) -> str:
        return " ".join(f"{WIDTH * place / last:.1f},{y(value):.1f}" for place, value in values)

    sure = [(place, step.low, step.high) for place, step in drawn if step.low is not None and step.high is not None]
    edge = [(place, low) for place, low, _high in sure] + [(place, high) for place, _low, high in reversed(sure)]
    values = [(place, step.value or 0.0) for place, step in drawn]
    return BandPlot(
        title=title,
        finding=_("%(title)s: %(first)s at first, %(last)s at last.")
        % {"title": title, "first": number(values[0][1]), "last": number(values[-1][1])},
        band=points(edge) if len(sure) > 1 else "",
        line=points(values),
        dots=tuple(BandDot(percentage(place / last), y(value)) for place, value in values),
        y_ticks=tuple(Tick("", short_decimal(level), y=y(level)) for level in scale.steps),
        x_ticks=_x_ticks(steps),
        columns=tuple(columns),
        rows=tuple((step.when, (_text(step), *step.cells)) for step in steps),
    )


def _x_ticks(steps: Sequence[Step]) -> tuple[Tick, ...]:
    last = len(steps) - 1
    number_of_ticks = min(TICKS, len(steps))
    places = sorted({round(last * i / (number_of_ticks - 1)) for i in range(number_of_ticks)})
    return tuple(Tick(percentage(place / last), steps[place].when, inner=0 < place < last) for place in places)


def _text(step: Step) -> str:
    if step.value is None:
        return "–"
    if step.low is None or step.high is None:
        return number(step.value)
    values = {"value": number(step.value), "low": number(step.low), "high": number(step.high)}
    return _("%(value)s, between %(low)s and %(high)s") % values
