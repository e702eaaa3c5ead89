"""Geometry of dots with whiskers on one scale, a row for each name: a plot and its table at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from cats4ml.ui.words import percentage


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` as lengths along a plot."""

    low: float
    high: float

    def at(self, value: float) -> str:
        return percentage((value - self.low) / (self.high - self.low))


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


def make_dot_plot(
    dots: Sequence[Dot], *, title: str, columns: Sequence[str] = (), bounds: Sequence[float] = ()
) -> DotPlot | None:
    """A scale up to 1, from 0 or from as far below as it must. `columns` name the dots' cells, `bounds` are lines
    to be seen. None without a dot."""
    if not dots:
        return None
    lowest = min(min(dot.value, dot.low if dot.low is not None else dot.value) for dot in dots)
    scale = Scale(0.0 if lowest >= 0 else -0.5 if lowest >= -0.5 else -1.0, 1.0)
    return DotPlot(
        title=title,
        rows=tuple(_row(dot, scale) for dot in dots),
        grid=_grid(scale),
        bounds=tuple(Mark(scale.at(bound), f"{bound:.2f}") for bound in bounds),
        columns=tuple(columns),
    )


def _row(dot: Dot, scale: Scale) -> DotRow:
    between = "" if dot.low is None or dot.high is None else f"{number(dot.low)} to {number(dot.high)}"
    low = dot.value if dot.low is None else dot.low
    high = dot.value if dot.high is None else dot.high
    return DotRow(dot, scale.at(dot.value), scale.at(low), scale.at(high), number(dot.value), between)


def _grid(scale: Scale) -> tuple[Mark, ...]:
    steps = [scale.low, (scale.low + scale.high) / 2, scale.high]
    anchors = ("start", "middle", "end")
    return tuple(
        Mark(scale.at(step), f"{step:g}".replace("-", "−"), anchor) for step, anchor in zip(steps, anchors, strict=True)
    )


def number(value: float) -> str:
    """Two decimals, with a minus sign and never −0.00."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
