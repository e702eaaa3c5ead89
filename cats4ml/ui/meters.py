"""Geometry of the quota meter and of intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import counted, figure, percentage, share_text


@dataclass(frozen=True)
class QuotaMeter:
    """Lengths are percentages of the whole quota; `this_width` ends at the quota, however large the file is."""

    left: str
    left_number: int
    used_of_total: str
    used_width: str
    this_x: str
    this_width: str
    this_file: str
    what: str
    after: str
    over: str
    spoken: str


def make_quota_meter(*, total: int, used: int, this_file: int, what: str = "") -> QuotaMeter:
    what = what or _("this file")
    left = max(0, total - used)
    fitting = min(this_file, left)
    over = this_file - fitting
    whole = max(total, 1)
    values = {"used": figure(used), "total": figure(total), "left": figure(left), "what": what, "n": figure(fitting)}
    if this_file:
        spoken = _("Quota: %(used)s of %(total)s used, %(left)s left; %(what)s would use %(n)s.")
    else:
        spoken = _("Quota: %(used)s of %(total)s used, %(left)s left.")
    return QuotaMeter(
        left=figure(left),
        left_number=left,
        used_of_total=_("%(used)s of %(total)s used") % values,
        used_width=percentage(used / whole),
        this_x=percentage(used / whole),
        this_width=percentage(fitting / whole),
        this_file=figure(this_file) if this_file else "",
        what=what,
        after=_("%(n)s left after it") % {"n": figure(left - fitting)},
        over=counted(over, "%(n)s row won’t fit in the quota.", "%(n)s rows won’t fit in the quota.") if over else "",
        spoken=spoken % values,
    )


@dataclass(frozen=True)
class Interval:
    low_x: str
    mid_x: str
    high_x: str
    spoken: str


def make_interval(*, low: float, mid: float, high: float, top: float) -> Interval:
    return Interval(
        low_x=percentage(low / top),
        mid_x=percentage(mid / top),
        high_x=percentage(high / top),
        spoken=_("%(mid)s, between %(low)s and %(high)s 95 times in 100")
        % {"mid": share_text(mid), "low": share_text(low), "high": share_text(high)},
    )


@dataclass(frozen=True)
class Part:
    """A part of a whole: '9,412 ready to go'. `tone` names its colour."""

    label: str
    number: int
    tone: str


@dataclass(frozen=True)
class Segment:
    x: str
    width: str
    tone: str


@dataclass(frozen=True)
class Stack:
    """Parts side by side on one bar, empty ones left out of it; `parts` are those with a figure, for the key."""

    segments: tuple[Segment, ...]
    parts: tuple[Part, ...]
    spoken: str


def make_stack(parts: Sequence[Part]) -> Stack:
    whole = max(1, sum(part.number for part in parts))
    segments, before = [], 0
    for part in parts:
        if part.number:
            segments.append(Segment(percentage(before / whole), percentage(part.number / whole), part.tone))
        before += part.number
    spoken = ", ".join(f"{figure(part.number)} {part.label}" for part in parts)
    return Stack(segments=tuple(segments), parts=tuple(parts), spoken=spoken)
