"""Geometry of a plot of dots: how long against how right. Heights are pixels; widths are shares of the plot's own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import percentage, share_text, short_decimal

HEIGHT = 280
SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True)
class Point:
    """Somebody's median time and share of right answers. `faint`: one that counts no more."""

    name: str
    href: str
    seconds: float
    share: float
    words: str
    faint: bool = False


@dataclass(frozen=True)
class Dot:
    x: str
    y: float
    point: Point


@dataclass(frozen=True)
class Mark:
    position: str
    text: str
    y: float = 0.0


@dataclass(frozen=True)
class Scatter:
    dots: tuple[Dot, ...]
    x_ticks: tuple[Mark, ...]
    y_ticks: tuple[Mark, ...]
    x_limit: Mark | None
    y_limit: Mark | None
    height: int = HEIGHT


def make_scatter(points: Iterable[Point], *, fast: float = 0.0, least: float = 0.0) -> Scatter | None:
    """Time to the right, by doublings; shares upwards, from the round share below the lowest. None without a point.

    `fast` and `least` are drawn as limits: faster than the one, or fewer right than the other, is out of bounds.
    """
    found = sorted(points, key=lambda point: (point.seconds, point.share, point.name))
    if not found:
        return None
    lowest = min([0.5, least or 0.5, *(point.share for point in found)])
    foot = math.floor(round(10 * lowest, 6)) / 10
    return Scatter(
        dots=tuple(Dot(_x(point.seconds), _y(point.share, foot), point) for point in found),
        x_ticks=tuple(Mark(_x(seconds), _in_seconds(seconds)) for seconds in SECONDS[1:-1]),
        y_ticks=tuple(Mark("", share_text(share), _y(share, foot)) for share in _shares(foot)),
        x_limit=Mark(_x(fast), _in_seconds(fast)) if fast else None,
        y_limit=Mark("", share_text(least), _y(least, foot)) if least else None,
    )


def _in_seconds(seconds: float) -> str:
    return _("%(n)s s") % {"n": short_decimal(seconds)}


def _shares(foot: float) -> list[float]:
    step = 0.1 if foot >= 0.5 else 0.2 if foot >= 0.2 else 0.25
    number = math.floor(round((1.0 - foot) / step, 6))
    return [1.0 - step * place for place in range(number + 1)]


def _x(seconds: float) -> str:
    first, last = SECONDS[0], SECONDS[-1]
    held = min(last, max(first, seconds))
    return percentage(math.log2(held / first) / math.log2(last / first))


def _y(share: float, foot: float) -> float:
    return round(HEIGHT * (1.0 - (share - foot) / (1.0 - foot)), 1)
