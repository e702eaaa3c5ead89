"""Geometry of two histograms back to back on one axis from 0 to 1, and of a row below them. Square-root heights, so
that what is rare can be seen beside what is common. Heights are pixels, widths shares of the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import decimal, figure, percentage, short_decimal, short_figure

HALF = 130
ROW = 34
GAP = 0.08


@dataclass(frozen=True)
class Bin:
    """From `low` to `high` of the axis. `above`, `below` and `row` are counts by tone, from the axis outwards."""

    low: float
    high: float
    above: tuple[tuple[str, int], ...]
    below: tuple[tuple[str, int], ...]
    row: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        return _("%(low)s to %(high)s") % {"low": decimal(self.low, 2), "high": decimal(self.high, 2)}


@dataclass(frozen=True)
class Box:
    x: str
    width: str
    y: float
    height: float
    tone: str


@dataclass(frozen=True)
class Grid:
    y: float
    text: str


@dataclass(frozen=True)
class MirrorPlot:
    title: str
    finding: str
    boxes: tuple[Box, ...]
    row_boxes: tuple[Box, ...]
    grid: tuple[Grid, ...]
    threshold_x: str
    threshold: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    middle: int = HALF
    height: int = 2 * HALF
    row_height: int = ROW


def make_mirror_plot(
    bins: Sequence[Bin], *, title: str, finding: str, threshold: float, columns: Sequence[str]
) -> MirrorPlot | None:
    """`columns` name, for the table, the counts of each bin: those above, those below, those of the row. None where
    nothing is counted."""
    top = max((_total(side) for one in bins for side in (one.above, one.below)), default=0)
    most = max((_total(one.row) for one in bins), default=0)
    if not top and not most:
        return None
    boxes, row_boxes = [], []
    for one in bins:
        boxes += _boxes(one, one.above, top=top, foot=HALF, up=True, room=HALF)
        boxes += _boxes(one, one.below, top=top, foot=HALF, up=False, room=HALF)
        row_boxes += _boxes(one, one.row, top=max(most, top), foot=ROW, up=True, room=HALF)
    steps = _steps(top)
    return MirrorPlot(
        title=title,
        finding=finding,
        boxes=tuple(boxes),
        row_boxes=tuple(_squeezed(row_boxes)),
        grid=tuple(
            Grid(round(HALF + side * HALF * math.sqrt(step / top), 1), short_figure(step))
            for step in steps
            for side in (-1, 1)
        ),
        threshold_x=percentage(threshold),
        threshold=short_decimal(threshold),
        columns=tuple(columns),
        rows=tuple(
            (one.name, tuple(figure(number) for side in (one.above, one.below, one.row) for _tone, number in side))
            for one in bins
        ),
    )


def _total(side: Sequence[tuple[str, int]]) -> int:
    return sum(number for _tone, number in side)


def _boxes(one: Bin, side: Sequence[tuple[str, int]], *, top: int, foot: int, up: bool, room: int) -> list[Box]:
    """The parts of one side, outwards from its foot. What is there must be seen, however rare it is."""
    made, below = [], 0
    width = one.high - one.low
    for tone, number in side:
        if number:
            near, far = (room * math.sqrt(n / top) for n in (below, below + number))
            height = max(1.5, round(far - near, 1))
            y = round(foot - near - height, 1) if up else round(foot + near, 1)
            x = percentage(one.low + GAP / 2 * width)
            made.append(Box(x, percentage(width * (1 - GAP)), y, height, tone))
        below += number
    return made


def _squeezed(boxes: Sequence[Box]) -> list[Box]:
    """The row has less room than the halves: where a box would leave it, all become lower by the same part."""
    tallest = max((box.height for box in boxes), default=0.0)
    part = min(1.0, ROW / tallest) if tallest else 1.0
    return [
        Box(
            box.x,
            box.width,
            round(ROW - max(1.5, box.height * part), 1),
            max(1.5, round(box.height * part, 1)),
            box.tone,
        )
        for box in boxes
    ]


def _steps(top: int) -> list[int]:
    """Up to three round numbers whose roots are far enough apart to be read: a quarter of the next each."""
    if not top:
        return []
    power = 10 ** int(math.log10(top))
    first = max(step * power for step in (1, 2, 4, 5, 8) if step * power <= top)
    steps = [first]
    while len(steps) < 3 and steps[-1] >= 4:
        steps.append(max(1, steps[-1] // 4))
    return steps
