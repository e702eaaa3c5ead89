"""Keyset paging for pages: newest first, by id. The last page costs what the first one does."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest

LARGEST_ID = 2**63 - 1


class Page(NamedTuple):
    """`rows` of this page; `previous` and `next` are query strings for `_components/_pagination.html`, '' at an end."""

    rows: list[Any]
    previous: str
    next: str


def whole_number(text: str | None) -> int | None:
    """The number in a query string, None where there is none that could be an id."""
    if not text or not text.isascii() or not text.isdecimal() or len(text) > 19:
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None


def keyset_page(request: HttpRequest, rows: QuerySet[Any], *, size: int, ascending: bool = False) -> Page:
    """The page that `?after=ID` or `?before=ID` asks for; other parameters of the address are kept in its links."""
    after, before = whole_number(request.GET.get("after")), whole_number(request.GET.get("before"))
    forward, back = ("pk__gt", "pk__lt") if ascending else ("pk__lt", "pk__gt")
    order = "pk" if ascending else "-pk"
    if before is not None:
        reverse_order = "-pk" if ascending else "pk"
        found: list[Model] = list(rows.filter(**{back: before}).order_by(reverse_order)[: size + 1])
        more_before, shown, more_after = len(found) > size, found[:size][::-1], True
    else:
        start = rows.filter(**{forward: after}) if after is not None else rows
        found = list(start.order_by(order)[: size + 1])
        more_before, shown, more_after = after is not None, found[:size], len(found) > size
    kept = [(name, value) for name, value in request.GET.items() if name not in ("after", "before")]
    previous = f"?{urlencode([*kept, ('before', shown[0].pk)])}" if more_before and shown else ""
    following = f"?{urlencode([*kept, ('after', shown[-1].pk)])}" if more_after and shown else ""
    return Page(shown, previous, following)
