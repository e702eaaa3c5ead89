"""The data page, and the files that it offers."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from cats4ml.challenges.data_contents import Snapshot
from cats4ml.challenges.data_files import (
    KINDS_BY_NAME,
    NAMES,
    ON_THE_WAY,
    ask_for,
    checksums,
    is_ready,
    is_refused,
    listed,
    offered,
)
from cats4ml.challenges.data_http import data_file_response, not_yet
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge, DataFile, DataFileKind
from cats4ml.challenges.pool_counts import LabelCount, counted
from cats4ml.challenges.pool_words import draws_in_words
from cats4ml.submissions.finder_head import finder_head
from cats4ml.submissions.models import Submission
from cats4ml.ui.words import Translated

ABOUT = Translated(
    {
        DataFileKind.LABELS: gettext_noop("Target labels"),
        DataFileKind.IMAGES: gettext_noop("Target images: author, licence and addresses of each"),
        DataFileKind.ANNOTATIONS: gettext_noop("What people and machines said of them, for every label"),
        DataFileKind.IDS: gettext_noop("Image list for Open Images’ own downloader"),
        DataFileKind.PICTURES: gettext_noop("The pictures themselves, with authors and licences"),
    }
)


@require_safe
def data(request: HttpRequest, slug: str) -> HttpResponse:
    edition, viewer = challenge_and_viewer(request, slug)
    at, snapshot = timezone.now(), Snapshot(edition)
    context = page_context(
        edition, viewer, "data", **_files(edition, listed(challenge=edition, at=at, snapshot=snapshot))
    )
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "pages/_data_files.html", context)
    counts = counted(challenge=edition, at=at, snapshot=snapshot)
    claims = _claims_by_label(edition)
    for target in snapshot.labels:
        target.claims = claims.get(target.label_id, 0)  # type: ignore[attr-defined]
        target.said = counts and counts.by_label.get(target.label_id, LabelCount())  # type: ignore[attr-defined]
    more = {
        "labels": snapshot.labels,
        "pictures": snapshot.pool.pictures,
        "counts": counts,
        "annotated": counts is not None and bool(counts.by_label),
        "draws": draws_in_words(edition),
        **finder_head(viewer.finder),
    }
    return render(request, "pages/data.html", context | more)


def _claims_by_label(edition: Challenge) -> dict[int, int]:
    claims = Submission.objects.filter(pair__challenge=edition, charged=True, retracted_at=None)
    return dict(claims.order_by().values_list("pair__label").annotate(n=Count("pk")))


def _files(edition: Challenge, rows: list[DataFile]) -> dict[str, Any]:
    for row in rows:
        kind = DataFileKind(row.kind)
        row.name, row.about = NAMES[kind], ABOUT[kind]  # type: ignore[attr-defined]
        row.url = reverse("pages:data_file", args=[edition.slug, NAMES[kind]])  # type: ignore[attr-defined]
        row.on_the_way = row.pk is not None and row.state in ON_THE_WAY  # type: ignore[attr-defined]
    return {"files": rows, "moving": any(row.on_the_way for row in rows)}  # type: ignore[attr-defined]


@require_safe
def data_file(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """A file under its permanent address. One that is still being built leads a browser to the page that shows how
    far it is, and tells a program to ask again."""
    edition, _ = challenge_and_viewer(request, slug)
    kind = KINDS_BY_NAME.get(name)
    if kind is None or kind not in offered(edition):
        raise Http404(gettext("This challenge has no such file."))
    row = ask_for(challenge=edition, kind=kind, at=timezone.now(), certain=True)
    return data_file_response(request, row) if is_ready(row) else _unready(request, row)


@require_safe
def data_checksums(request: HttpRequest, slug: str) -> HttpResponse:
    """SHA-256 of the files that are ready. Where a table is still being built, as `data_file`."""
    edition, _ = challenge_and_viewer(request, slug)
    rows = listed(challenge=edition, at=timezone.now(), snapshot=Snapshot(edition))
    for row in rows:
        if row.kind != DataFileKind.PICTURES and not is_ready(row):
            return _unready(request, row)
    response = HttpResponse(checksums(rows), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="CHECKSUMS"'
    response["Cache-Control"] = "private, no-cache"
    return response


def _unready(request: HttpRequest, row: DataFile) -> HttpResponse:
    if request.accepts("text/html") and "text/html" in request.headers.get("Accept", ""):
        return redirect(reverse("pages:data", args=[row.challenge.slug]) + "#files")
    if row.state in ON_THE_WAY:
        return not_yet(row)
    status = 409 if is_refused(row) else 503  # as the API has it
    return HttpResponse(f"{row.error}\n", status=status, content_type="text/plain; charset=utf-8")
