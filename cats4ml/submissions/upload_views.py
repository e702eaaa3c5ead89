"""A file of claims in the browser: checked, submitted, watched, taken back."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.challenges.queries import Viewer
from cats4ml.submissions.actions.claims import ClaimRefused, keep_upload, retract_upload, submit_upload
from cats4ml.submissions.finder_head import finder_head
from cats4ml.submissions.forms import UploadForm
from cats4ml.submissions.limits import limited_upload
from cats4ml.submissions.models import Upload, UploadRow, UploadState
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.views import ROWS_A_PAGE, for_claimants, for_finders, submit_page
from cats4ml.submissions.waits import UploadProgress, upload_progress
from cats4ml.ui.meters import Part
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import about, figure

BAD_ROWS_HEADER = ("line", "image_id", "label_id", "rationale", "reason", "how_to_mend")


@limited_upload
@for_claimants
@require_POST
def upload_file(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        name = form.cleaned_data["file"].name or "claims.csv"
        try:
            kept = keep_upload(participation=finder, filename=name, rows=form.rows, at=timezone.now())
        except ClaimRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("submissions:upload", slug=challenge.slug, upload_id=kept.uuid)
    return submit_page(request, challenge, viewer, finder, upload_form=form, status=422)


@for_finders
@require_safe
def upload(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, upload_id: uuid.UUID
) -> HttpResponse:
    """What the check found, or, once it is submitted, how far its claims are: the answer to htmx is that alone."""
    one = get_object_or_404(Upload, uuid=upload_id, participation=finder)
    if request.htmx and one.state == UploadState.SUBMITTED:  # type: ignore[attr-defined]
        return render(request, "submissions/_upload_progress.html", _progress_context(challenge, viewer, one))
    context = {**_progress_context(challenge, viewer, one), **_rows_context(request, one), **finder_head(finder)}
    return render(request, "submissions/upload.html", context)


def _progress_context(challenge: Challenge, viewer: Viewer, one: Upload) -> dict[str, object]:
    if one.state != UploadState.SUBMITTED:
        return page_context(challenge, viewer, "submit", upload=one)
    progress = upload_progress(one, challenge, timezone.now())
    wait = "" if progress.seconds is None else about(progress.seconds)
    return page_context(
        challenge, viewer, "submit", upload=one, progress=progress, wait=wait, parts=progress_parts(progress)
    )


def progress_parts(progress: UploadProgress) -> list[Part]:
    """The bar of a file's claims: what is furthest first."""
    parts = [
        Part(gettext("settled"), progress.settled, "text"),
        Part(gettext("in review"), progress.in_review, "ag"),
        Part(gettext("in line for a score"), progress.queued, "rest"),
    ]
    if progress.unscorable:
        parts.append(Part(gettext("can’t be scored"), progress.unscorable, "none"))
    if progress.retracted:
        parts.append(Part(gettext("taken back"), progress.retracted, "none"))
    return parts


def _rows_context(request: HttpRequest, one: Upload) -> dict[str, object]:
    counts = {
        row["problem"]: row["n"] for row in one.rows.values("problem").annotate(n=Count("pk")).order_by("-n", "problem")
    }
    reasons = [(Problem(code), number) for code, number in counts.items() if code]
    chosen = request.GET.get("reason", "")
    rows = one.rows.exclude(problem="")
    if chosen in Problem.values:
        rows = rows.filter(problem=chosen)
    page = keyset_page(request, rows, size=ROWS_A_PAGE, ascending=True)
    for row in page.rows:
        row.reason = Problem(row.problem)
    good, bad = counts.get("", 0), sum(number for _, number in reasons)
    later = one.rows.filter(problem="", later=True).count()
    return {
        "total": good + bad,
        "good": good,
        "bad": bad,
        "later": later,
        "charged": good - later,
        "near_copies": one.rows.filter(problem="", near_copy=True).count(),
        "verdict_parts": [Part(gettext("ready to go"), good, "accent"), Part(gettext("set aside"), bad, "none")],
        "reasons": reasons,
        "chosen": chosen,
        "page": page,
    }


@for_claimants
@require_POST
def upload_submit(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, upload_id: uuid.UUID
) -> HttpResponse:
    one = get_object_or_404(Upload, uuid=upload_id, participation=finder)
    try:
        submit_upload(upload=one, at=timezone.now())
    except ClaimRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("submissions:upload", slug=challenge.slug, upload_id=upload_id)


@for_finders
@require_POST
def upload_retract(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, upload_id: uuid.UUID
) -> HttpResponse:
    one = get_object_or_404(Upload, uuid=upload_id, participation=finder)
    number = retract_upload(upload=one, at=timezone.now())
    if number:
        messages.success(
            request,
            ngettext(
                "You took %(n)s claim back. They cost you nothing.",
                "You took %(n)s claims back. They cost you nothing.",
                number,
            )
            % {"n": figure(number)},
        )
    else:
        messages.info(request, gettext("Nothing was left to take back: every pair of this file has a score."))
    return redirect("submissions:upload", slug=challenge.slug, upload_id=upload_id)


class _Echo:
    """A file that hands each line straight on, so that a CSV can be streamed."""

    def write(self, line: str) -> str:
        return line


@for_finders
@require_safe
def upload_bad_rows(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, upload_id: uuid.UUID
) -> HttpResponseBase:
    """The rows that were set aside, as a CSV that can be mended and sent again as it is."""
    one = get_object_or_404(Upload, uuid=upload_id, participation=finder)
    writer = csv.writer(_Echo(), lineterminator="\n")
    lines = (writer.writerow(row) for row in _bad_rows(one))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="bad-rows.csv"'
    return response


def _bad_rows(one: Upload) -> Iterator[tuple[object, ...]]:
    yield BAD_ROWS_HEADER
    bad = UploadRow.objects.filter(upload=one).exclude(problem="").order_by("line")
    for row in bad.iterator(chunk_size=2000):
        problem = Problem(row.problem)
        texts = (harmless(text) for text in (row.image_id, row.label_id, row.rationale))
        yield row.line, *texts, f"{problem.label}. {row.detail}".strip(), problem.remedy
