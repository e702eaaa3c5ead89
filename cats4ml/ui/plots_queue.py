"""Geometry of a queue's depth over time, with a forecast and its band. Widths run from 0 to 1000 and stretch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from cats4ml.ui.plots import HEIGHT, WIDTH, Tick, tick_text, y_steps
from cats4ml.ui.words import figure, percentage, short_figure

# Of a point further right than this, a label behind it would leave the plot.
LAST_ROOM = 0.7


@dataclass(frozen=True)
class Depth:
    """So many were in the queue at `at`. `cells` stand beside it in the table."""

    at: datetime
    pairs: int
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ahead:
    """A moment to come: the likely depth and the edges of its band."""

    at: datetime
    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Label:
    x: str
    y: float
    text: str
    anchor: str


@dataclass(frozen=True)
class QueuePlot:
    title: str
    finding: str
    line: str
    now: Label
    now_x: str
    now_y: float
    course: str
    band: str
    clears: Label | None
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    height: int = HEIGHT


def make_queue_plot(
    depths: Sequence[Depth],
    *,
    title: str,
    columns: Sequence[str],
    ahead: Sequence[Ahead] = (),
    clears: tuple[datetime, str] | None = None,
) -> QueuePlot | None:
    """`depths` in order of time, the last of them now; `ahead` goes on from there; `clears`: when the course comes to
    zero, and the words for it. None where fewer than two depths are known, or the queue was always empty."""
    if len(depths) < 2 or not any(one.pairs for one in depths):
        return None
    start, now = depths[0].at, depths[-1].at
    end = ahead[-1].at if ahead else now
    # A band that is wide at its end must not flatten what was.
    top = max(one.pairs for one in depths) * 2
    steps = y_steps(max(*(one.pairs for one in depths), *(min(one.high, top) for one in ahead), 1))
    scale = _Scale(start, end, steps[-1])
    last = depths[-1]
    values = {"title": title, "first": figure(depths[0].pairs), "now": figure(last.pairs)}
    finding = _("%(title)s: %(first)s at first, %(now)s now.") % values
    if clears:
        values["clears"] = clears[1]
        finding = _("%(title)s: %(first)s at first, %(now)s now; %(clears)s.") % values
    upper = [(one.at, min(one.high, steps[-1])) for one in ahead]
    lower = [(one.at, one.low) for one in reversed(ahead)]
    return QueuePlot(
        title=title,
        finding=finding,
        line=scale.path((one.at, one.pairs) for one in depths),
        now=_label(scale, now, last.pairs, _("%(n)s now") % {"n": figure(last.pairs)}),
        now_x=scale.share(now),
        now_y=scale.y(last.pairs),
        course=scale.path(_until_empty(ahead)),
        band=scale.path([*upper, *lower]),
        # At the right-hand edge: the course has come down before it, or comes down beside it.
        clears=Label("100%", scale.y(0) - 8, clears[1], "end") if clears else None,
        y_ticks=tuple(Tick("", short_figure(step), y=scale.y(step)) for step in steps),
        x_ticks=_x_ticks(scale, start, now, end),
        columns=tuple(columns),
        rows=tuple((tick_text(one.at, span=now - start), (figure(one.pairs), *one.cells)) for one in depths)
        + tuple(_row(one, end - start, len(columns)) for one in ahead if _is_whole_day(one.at - now)),
    )


@dataclass(frozen=True)
class _Scale:
    start: datetime
    end: datetime
    top: float

    def part(self, at: datetime) -> float:
        return (at - self.start).total_seconds() / ((self.end - self.start).total_seconds() or 1)

    def share(self, at: datetime) -> str:
        return percentage(self.part(at))

    def y(self, value: float) -> float:
        return round(HEIGHT * (1 - value / self.top), 1)

    def path(self, points: Iterable[tuple[datetime, float]]) -> str:
        return " ".join(f"{WIDTH * self.part(at):.1f},{self.y(value):.1f}" for at, value in points)


def _until_empty(ahead: Sequence[Ahead]) -> list[tuple[datetime, float]]:
    """The course up to where it comes to zero, without the flat line behind that."""
    empty = next((place for place, one in enumerate(ahead) if one.middle <= 0), len(ahead))
    return [(one.at, one.middle) for one in ahead[: empty + 1]]


def _label(scale: _Scale, at: datetime, value: float, text: str) -> Label:
    """Beside its point where there is room at the right, else before it."""
    late = scale.part(at) > LAST_ROOM
    return Label(scale.share(at), max(12.0, round(scale.y(value) - 9, 1)), text, "end" if late else "start")


def _x_ticks(scale: _Scale, start: datetime, now: datetime, end: datetime) -> tuple[Tick, ...]:
    span = end - start
    moments = [start, now, end] if end > now else [start, start + span / 2, now]
    shown = [
        moment
        for place, moment in enumerate(moments)
        # The one in the middle only where the others leave it room.
        if place != 1 or 0.2 < scale.part(moment) < 0.8
    ]
    last = len(shown) - 1
    return tuple(
        Tick(scale.share(moment), tick_text(moment, span=span), inner=0 < place < last)
        for place, moment in enumerate(shown)
    )


def _is_whole_day(ahead: timedelta) -> bool:
    return ahead > timedelta(0) and ahead % timedelta(days=1) == timedelta(0)


def _row(one: Ahead, span: timedelta, columns: int) -> tuple[str, tuple[str, ...]]:
    values = {"value": figure(round(one.middle)), "low": figure(round(one.low)), "high": figure(round(one.high))}
    likely = _("%(value)s, between %(low)s and %(high)s") % values
    when = _("%(when)s, forecast") % {"when": tick_text(one.at, span=span)}
    return when, (likely, *[""] * (columns - 1))
