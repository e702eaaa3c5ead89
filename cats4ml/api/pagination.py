"""Keyset paging: the same cost on the first page and on the last, and no row twice while others are added."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from cats4ml.ui.paging import whole_number


class Pages(CursorPagination):
    """Newest first. A page size or a cursor that can't be is an error of the request, never silently another one."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    ordering: str | tuple[str, ...] = "-id"
    # Rows that share a position (thousands can share a rank) are told apart by an offset within it.
    offset_cutoff = 1_000_000

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        number = whole_number(asked)
        if number is None or not 1 <= number <= self.max_page_size:
            raise ValidationError(
                {
                    "page_size": [
                        _("Ask for 1 to %(max_page_size)s rows a page.") % {"max_page_size": self.max_page_size}
                    ]
                }
            )
        return number

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor of the address. Every ordering begins with a whole number, so a position is one too."""
        refused = ValidationError({"cursor": [_("Take it from “next” or “previous” of a page, or leave it out.")]})
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise refused from None
        if cursor is not None and not _is_usable(cursor):
            raise refused
        return cursor


def _is_usable(cursor: Cursor) -> bool:
    if cursor.position is None:
        return bool(cursor.reverse or cursor.offset)
    return whole_number(str(cursor.position)) is not None


class OldestFirst(Pages):
    ordering = "id"


class ByPosition(Pages):
    ordering = ("position", "id")


class ByPlace(Pages):
    ordering = ("place", "id")
