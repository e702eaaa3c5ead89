"""The log of what organisers did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cats4ml.api.formats import stream_csv
from cats4ml.challenges.edition_settings import EVERY_DATE
from cats4ml.challenges.models import ActKind, Challenge, OrganiserAct
from cats4ml.challenges.queries import Viewer
from cats4ml.console.edition_pages import step_page
from cats4ml.console.views import for_organisers
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.spreadsheets import harmless

ROWS_A_PAGE = 50
COLUMNS = ("id", "at", "kind", "summary", "reason", "by", "details")
MOST_VALUE = 400
# As `challenges.acts.difference` writes one down.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d")


def _asked(request: HttpRequest, challenge: Challenge) -> tuple[str, QuerySet[OrganiserAct]]:
    kind = request.GET.get("kind", "")
    rows = OrganiserAct.objects.filter(challenge=challenge).select_related("by")
    return (kind, rows.filter(kind=kind)) if kind in ActKind.values else ("", rows)


@for_organisers
@require_safe
def acts(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    kind, rows = _asked(request, challenge)
    page = keyset_page(request, rows, size=ROWS_A_PAGE)
    for row in page.rows:
        row.changes = changes_in(row.details)
        row.said = row.details.get("text", "")  # an announcement
    there = set(OrganiserAct.objects.filter(challenge=challenge).order_by().values_list("kind", flat=True).distinct())
    kinds = [(one.value, one.label) for one in ActKind if one.value in there or one.value == kind]
    return step_page(request, challenge, viewer, "acts", page=page, kind=kind, kinds=kinds)


@for_organisers
@require_safe
def acts_csv(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponseBase:
    _, rows = _asked(request, challenge)
    return stream_csv(f"{challenge.slug}-acts.csv", COLUMNS, _rows(rows.order_by("pk")))


def _rows(rows: QuerySet[OrganiserAct]) -> Iterator[list[object]]:
    for row in rows.iterator(chunk_size=1_000):
        details = json.dumps(row.details, ensure_ascii=False, sort_keys=True)
        texts = [row.summary, row.reason, row.by.public_name if row.by else "", details]
        yield [row.pk, row.created_at.isoformat(), row.kind, *(harmless(text) for text in texts)]


def changes_in(details: dict[str, Any]) -> list[tuple[str, str | datetime, str | datetime]]:
    """By field what it was and what it became, where an act says so: words, or a moment."""
    return [
        (str(EVERY_DATE.get(name, name.replace("_", " "))), _shown(value["before"]), _shown(value["after"]))
        for name, value in details.items()
        if isinstance(value, dict) and set(value) == {"before", "after"}
    ]


def _shown(value: object) -> str | datetime:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = _("nothing") if value is None or value == "" else str(value)
    if MOMENT.fullmatch(text):
        return datetime.fromisoformat(text)
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]} …"
