"""Geometry of dots with whiskers on one scale, a row for each name: a plot and its table at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import decimal, percentage, short_decimal

ROW = 32
ROW_WITH_NOTE = 48


@dataclass(frozen=True)
class Scale:
    """Values from `low` to 1 as shares of a plot's length."""

    low: float

    def at(self, value: float) -> float:
        return (value - self.low) / (1.0 - self.low)

    @property
    def steps(self) -> tuple[float, ...]:
        return tuple(step for step in (-1.0, -0.5, 0.0, 0.5, 1.0) if step >= self.low)


def scale_for(lowest: float) -> Scale:
    """From 0, or from the tenth below the lowest value."""
    return Scale(min(0.0, math.floor(round(10 * lowest, 6)) / 10))


@dataclass(frozen=True)
class Dot:
    """What is known of one name: `value` with its interval, if there is one. `weak`: drawn as an open ring. `cells`
    stand at its right, `note` below its name."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    weak: bool = False
    note: str = ""
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    x: str
    text: str = ""
    anchor: str = "middle"


@dataclass(frozen=True)
class DotRow:
    dot: Dot
    x: str
    low_x: str
    high_x: str
    text: str
    between: str


@dataclass(frozen=True)
class DotPlot:
    title: str
    rows: tuple[DotRow, ...]
    grid: tuple[Mark, ...]
    bounds: tuple[Mark, ...]
    columns: tuple[str, ...]
    height: int

    @property
    def middle(self) -> int:
        return self.height // 2


def make_dot_plot(
    dots: Sequence[Dot], *, title: str, columns: Sequence[str] = (), bounds: Sequence[float] = ()
) -> DotPlot | None:
    """A scale up to 1, from 0 or from as far below as it must. `columns` name the dots' cells, `bounds` are lines
    to be seen. None without a dot."""
    if not dots:
        return None
    lowest = min(min(dot.value, dot.low if dot.low is not None else dot.value) for dot in dots)
    scale = scale_for(lowest)
    return DotPlot(
        title=title,
        rows=tuple(_row(dot, scale) for dot in dots),
        grid=_grid(scale),
        bounds=tuple(Mark(percentage(scale.at(bound)), decimal(bound, 2)) for bound in bounds),
        columns=tuple(columns),
        height=ROW_WITH_NOTE if any(dot.note for dot in dots) else ROW,
    )


def _row(dot: Dot, scale: Scale) -> DotRow:
    between = ""
    if dot.low is not None and dot.high is not None:
        between = _("%(low)s to %(high)s") % {"low": number(dot.low), "high": number(dot.high)}
    low = dot.value if dot.low is None else dot.low
    high = dot.value if dot.high is None else dot.high
    x, low_x, high_x = (percentage(scale.at(value)) for value in (dot.value, low, high))
    return DotRow(dot, x, low_x, high_x, number(dot.value), between)


def _grid(scale: Scale) -> tuple[Mark, ...]:
    anchors = {scale.low: "start", 1.0: "end"}
    return tuple(
        Mark(percentage(scale.at(step)), short_decimal(step), anchors.get(step, "middle")) for step in scale.steps
    )


def number(value: float) -> str:
    """Two decimals, with a minus sign and never −0.00."""
    return decimal(value, 2)
