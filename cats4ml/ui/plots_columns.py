"""Geometry of columns side by side: counts in parts one above the other, or shares with their whiskers. Heights are
pixels, widths shares of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import figure, percentage, share_text

HEIGHT = 160
SHARE_HEIGHT = 180
GAP = 0.12
HEADROOM = 18


@dataclass(frozen=True)
class Column:
    """`short` stands below it, `name` in the table; `numbers` are its parts from the foot up."""

    name: str
    short: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    x: str
    width: str
    y: float
    height: float
    tone: str


@dataclass(frozen=True)
class ColumnText:
    x: str
    name: str
    total: str
    y: float


@dataclass(frozen=True)
class ColumnPlot:
    title: str
    finding: str
    blocks: tuple[Block, ...]
    texts: tuple[ColumnText, ...]
    parts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    height: int = HEIGHT + HEADROOM


def make_column_plot(
    columns: Sequence[Column], *, title: str, parts: Sequence[str], tones: Sequence[str]
) -> ColumnPlot | None:
    """Stacked columns; `parts` names the numbers of each and `tones` colours them. None where all are empty."""
    top = max((sum(column.numbers) for column in columns), default=0)
    if not top:
        return None
    blocks, texts = [], []
    for place, column in enumerate(columns):
        foot = float(HEIGHT + HEADROOM)
        x, width = _across(place, len(columns))
        for number, tone in zip(column.numbers, tones, strict=True):
            if number:
                # What is there must be seen, however rare it is.
                height = max(1.0, round(HEIGHT * number / top, 1))
                foot = round(foot - height, 1)
                blocks.append(Block(x, width, foot, height, tone))
        total = sum(column.numbers)
        texts.append(
            ColumnText(_middle(place, len(columns)), column.short, figure(total) if total else "", round(foot - 5, 1))
        )
    largest = max(columns, key=lambda column: sum(column.numbers))
    return ColumnPlot(
        title=title,
        finding=_("%(title)s. Most pairs, %(n)s, are at %(column)s.")
        % {"title": title, "n": figure(top), "column": largest.name},
        blocks=tuple(blocks),
        texts=tuple(texts),
        parts=tuple(parts),
        rows=tuple((one.name, tuple(figure(number) for number in one.numbers)) for one in columns),
    )


@dataclass(frozen=True)
class Share:
    """`hits` of `of`, between `low` and `high` 95 times in 100; `short` stands below it, `name` in the table."""

    name: str
    short: str
    hits: int
    of: int
    low: float
    high: float
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whisker:
    x: str
    y: float
    low_y: float
    high_y: float


@dataclass(frozen=True)
class ShareTick:
    text: str
    y: float


@dataclass(frozen=True)
class SharePlot:
    title: str
    finding: str
    whiskers: tuple[Whisker, ...]
    texts: tuple[ColumnText, ...]
    ticks: tuple[ShareTick, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    height: int = SHARE_HEIGHT


def make_share_plot(
    shares: Sequence[Share | None], *, names: Sequence[str], title: str, columns: Sequence[str] = ()
) -> SharePlot | None:
    """Shares from 0% to 100% at even steps, None where there is nothing to be shared. `names` stand below the steps.
    None without a share."""
    found = [one for one in shares if one is not None]
    if not found:
        return None

    def y(share: float) -> float:
        return round(SHARE_HEIGHT * (1.0 - share), 1)

    whiskers = [
        Whisker(_middle(place, len(shares)), y(one.hits / one.of), y(one.low), y(one.high))
        for place, one in enumerate(shares)
        if one is not None
    ]
    first, last = found[0], found[-1]
    return SharePlot(
        title=title,
        finding=_("%(title)s: %(first)s at %(first_name)s, %(last)s at %(last_name)s.")
        % {
            "title": title,
            "first": share_text(first.hits / first.of),
            "first_name": first.name,
            "last": share_text(last.hits / last.of),
            "last_name": last.name,
        },
        whiskers=tuple(whiskers),
        texts=tuple(ColumnText(_middle(place, len(shares)), name, "", 0.0) for place, name in enumerate(names)),
        ticks=tuple(ShareTick(share_text(share), y(share)) for share in (0.0, 0.5, 1.0)),
        columns=tuple(columns),
        rows=tuple((one.name, _cells(one)) for one in found),
    )


def _cells(one: Share) -> tuple[str, ...]:
    values = {"value": share_text(one.hits / one.of), "low": share_text(one.low), "high": share_text(one.high)}
    return (_("%(value)s, between %(low)s and %(high)s") % values, figure(one.of), *one.cells)


def _across(place: int, number: int) -> tuple[str, str]:
    return percentage((place + GAP / 2) / number), percentage((1 - GAP) / number)


def _middle(place: int, number: int) -> str:
    return percentage((place + 0.5) / number)
