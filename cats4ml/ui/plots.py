"""Geometry of a plot of lines over time. Heights are pixels; widths run from 0 to 1000 and stretch with the page,
so that no label ever shrinks: labels live in columns of fixed width beside the stretched part."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext as _

from cats4ml.ui.words import date_text, figure, percentage, short_decimal, short_figure

WIDTH = 1000
HEIGHT = 240
LABEL_GAP = 17
LONGEST_NAME = 22
TABLE_DAYS = 8

Moment = date | datetime


@dataclass(frozen=True)
class Series:
    """Points in order of time. At most one series of a plot is the subject."""

    name: str
    points: tuple[tuple[datetime, float], ...]
    is_subject: bool = False

    @property
    def last(self) -> float:
        return self.points[-1][1]

    def value_at(self, moment: datetime) -> float | None:
        """The last value at or before the moment, None before the first."""
        return next((value for at, value in reversed(self.points) if at <= moment), None)


@dataclass(frozen=True)
class Tick:
    position: str
    text: str
    y: float = 0
    inner: bool = False


@dataclass(frozen=True)
class Line:
    path: str
    leader: str
    label: str
    label_y: float
    is_subject: bool


@dataclass(frozen=True)
class Plot:
    title: str
    lines: tuple[Line, ...]
    y_ticks: tuple[Tick, ...]
    days: tuple[Tick, ...]
    table_days: tuple[Tick, ...]
    table: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]
    finding: str
    height: int = HEIGHT


def instant(moment: Moment) -> datetime:
    """Dates count from midnight UTC, and so do times without a zone."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def entry(item: Any, key: str, default: Any = None) -> Any:
    return item.get(key, default) if isinstance(item, Mapping) else getattr(item, key, default)


def read_series(raw: Iterable[Any]) -> tuple[Series, ...]:
    """From dicts or objects with name, points [(when, value), …] and, perhaps, is_subject. Empty ones are left out;
    where none is the subject, the leader becomes it."""
    read = []
    for item in raw:
        points = tuple(sorted((instant(at), float(value)) for at, value in entry(item, "points")))
        if points:
            read.append(Series(str(entry(item, "name")), points, bool(entry(item, "is_subject"))))
    if read and not any(series.is_subject for series in read):
        leader = max(read, key=lambda series: series.last)
        read = [Series(s.name, s.points, s is leader) for s in read]
    return tuple(read)


def y_steps(top: float) -> list[float]:
    """Zero and one to four round steps that reach the top; points are whole, so that no step is less than 1."""
    if top <= 4:
        return [float(step) for step in range(max(1, math.ceil(top)) + 1)]
    power = 10 ** math.floor(math.log10(top / 4))
    multiples = (1, 2, 2.5, 5, 10) if power > 1 else (1, 2, 5, 10)
    step = next(m * power for m in multiples if math.ceil(top / (m * power)) <= 4)
    return [i * step for i in range(math.ceil(top / step) + 1)]


def spread(heights: Sequence[float]) -> list[float]:
    """Move labels apart, the least that keeps LABEL_GAP between them; the order stays, the foot of the plot holds."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = [0.0] * len(heights)
    ceiling = -math.inf
    for i in order:
        placed[i] = ceiling = max(heights[i], ceiling + LABEL_GAP)
    floor = float(HEIGHT)
    for i in reversed(order):
        placed[i] = min(placed[i], floor)
        floor = placed[i] - LABEL_GAP
    return placed


def tick_text(moment: datetime, *, span: timedelta) -> str:
    """The day; on a plot of less than two days the hour (UTC) too."""
    return date_text(moment, "month_day" if span >= timedelta(days=2) else "short")


def moments_between(start: datetime, end: datetime, number: int) -> list[datetime]:
    """Evenly spaced, both ends among them; one when the ends are the same."""
    if start == end:
        return [start]
    whole_days = max(1, (end - start).days)
    number = min(number, whole_days + 1)
    return [start + (end - start) * i / (number - 1) for i in range(number)] if number > 1 else [start, end]


def make_plot(raw: Iterable[Any], *, title: str) -> Plot | None:
    """None when there is not a point to draw."""
    series = read_series(raw)
    if not series:
        return None
    start = min(s.points[0][0] for s in series)
    end = max(s.points[-1][0] for s in series)
    steps = y_steps(max(value for s in series for _, value in s.points))
    moments = moments_between(start, end, 4)
    table_moments = moments_between(start, end, TABLE_DAYS)
    return Plot(
        title=title,
        lines=draw_lines(series, start=start, end=end, top=steps[-1]),
        y_ticks=tuple(Tick("", short_figure(v), y=round(HEIGHT * (1 - v / steps[-1]), 1)) for v in steps),
        days=day_ticks(moments, start=start, end=end),
        table_days=day_ticks(table_moments, start=start, end=end),
        table=tuple((s.name, table_row(s, table_moments)) for s in series),
        finding=finding(series, title=title),
    )


def table_row(series: Series, moments: Sequence[datetime]) -> tuple[tuple[str, bool], ...]:
    """Each value as text, and whether it may be left out where there is little room."""
    values = (series.value_at(moment) for moment in moments)
    last = len(moments) - 1
    return tuple(("–" if v is None else short_decimal(v), 0 < i < last) for i, v in enumerate(values))


def day_ticks(moments: Sequence[datetime], *, start: datetime, end: datetime) -> tuple[Tick, ...]:
    span = (end - start).total_seconds() or 1
    last = len(moments) - 1
    return tuple(
        Tick(percentage((m - start).total_seconds() / span), tick_text(m, span=end - start), inner=0 < i < last)
        for i, m in enumerate(moments)
    )


def draw_lines(series: Sequence[Series], *, start: datetime, end: datetime, top: float) -> tuple[Line, ...]:
    """The subject is drawn last, over the others."""
    span = (end - start).total_seconds() or 1
    ends = [HEIGHT * (1 - s.last / top) for s in series]
    places = spread(ends)

    def drawn(s: Series, end_y: float, label_y: float) -> Line:
        xy = ((WIDTH * (at - start).total_seconds() / span, HEIGHT * (1 - value / top)) for at, value in s.points)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in xy)
        name = s.name if len(s.name) <= LONGEST_NAME else s.name[: LONGEST_NAME - 1].rstrip() + "…"
        leader = f"4,{end_y:.1f} 14,{label_y:.1f} 18,{label_y:.1f}"
        return Line(path, leader, f"{name} {short_decimal(s.last)}", round(label_y + 4.5, 1), s.is_subject)

    lines = [drawn(s, end_y, place) for s, end_y, place in zip(series, ends, places, strict=True)]
    return tuple(sorted(lines, key=lambda line: line.is_subject))


def finding(series: Sequence[Series], *, title: str) -> str:
    ranked = sorted(series, key=lambda s: -s.last)
    ends = ", ".join(f"{s.name} {figure(int(s.last))}" for s in ranked)
    return _("%(title)s. At the end: %(ends)s.") % {"title": title, "ends": ends}
