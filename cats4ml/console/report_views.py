"""The organiser's page of pictures that raters reported: what they said, and whether somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cats4ml.catalog.complaints import reopen_complaints, resolve_complaints
from cats4ml.catalog.models import Image, Label, PictureComplaint, Resolution
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import ActKind, Challenge, PoolImage
from cats4ml.challenges.queries import Viewer
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.review.actions.reports import reopen_reports, resolve_reports
from cats4ml.review.models import PictureReport
from cats4ml.review.queries import reports_of
from cats4ml.ui.paging import keyset_page, whole_number
from cats4ml.ui.words import figure

REPORTS_A_PAGE = 50


@dataclass
class Reported:
    """A picture, and what of it raters reported on this page of reports."""

    image: Image
    reports: list[PictureReport] = field(default_factory=list)

    @property
    def resolved_at(self) -> datetime | None:
        return max((one.resolved_at for one in self.reports if one.resolved_at), default=None)


@for_organisers
@require_safe
def reports(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    every = reports_of(challenge)
    complaints = _complaints_of(challenge)
    is_open, done = every.filter(resolved_at=None), every.filter(resolved_at__isnull=False)
    show_done = request.GET.get("done") == "1"
    rows = (done if show_done else is_open).select_related(
        "pair__image", "pair__label", "control__image", "control__label", "rater__user", "rater__team"
    )
    page = keyset_page(request, rows, size=REPORTS_A_PAGE, ascending=not show_done)
    context = page_context(
        challenge,
        viewer,
        "console",
        page=page,
        pictures=_by_picture(page.rows),
        complaints=_complained(challenge, done=show_done),
        waiting=is_open.count() + complaints.filter(resolved_at=None).count(),
        done=done.count() + complaints.filter(resolved_at__isnull=False).count(),
        show_done=show_done,
    )
    return render(request, "console/reports.html", context)


@dataclass
class Complained:
    """A picture, and what anybody reported of it."""

    image: Image
    complaints: list[PictureComplaint] = field(default_factory=list)


def _complaints_of(challenge: Challenge) -> QuerySet[PictureComplaint]:
    return PictureComplaint.objects.filter(image__in=PoolImage.objects.filter(challenge=challenge).values("image"))


def _complained(challenge: Challenge, *, done: bool) -> list[Complained]:
    """The first so many open ones, the oldest first; or the last that were dealt with."""
    rows = _complaints_of(challenge).filter(resolved_at__isnull=not done).select_related("image", "by", "resolved_by")
    found: dict[int, Complained] = {}
    for one in rows.order_by("-resolved_at" if done else "created_at", "pk")[:REPORTS_A_PAGE]:
        found.setdefault(one.image_id, Complained(one.image)).complaints.append(one)
    return list(found.values())


def _complaints_decide(request: HttpRequest, challenge: Challenge, *, back: bool) -> HttpResponse:
    """Complaints about pictures of this edition: the picture stays, or they wait again."""
    asked = [number for number in map(whole_number, request.POST.getlist("complaint")) if number is not None]
    ids = list(_complaints_of(challenge).filter(pk__in=asked[:REPORTS_A_PAGE]).values_list("pk", flat=True))
    by, at = organiser_of(request), timezone.now()
    with transaction.atomic():
        if back:
            changed = reopen_complaints(ids=ids)
        else:
            changed = resolve_complaints(ids=ids, resolution=Resolution.KEPT, by=by, at=at)
        if changed:
            said = "Opened reports about a picture again" if back else "Let a picture stay that was reported"
            details = {"complaints": [one.pk for one in changed]}
            record_act(challenge=challenge, kind=ActKind.REPORTS, summary=said, details=details, by=by, at=at)
    if changed:
        messages.success(request, _("It is kept."))
    else:
        messages.info(request, _("Nothing has changed: somebody was faster, or no report was named."))
    where = reverse("console:reports", args=[challenge.slug])
    return redirect(f"{where}?done=1" if back else where)


def _by_picture(rows: Iterable[PictureReport]) -> list[Reported]:
    """One entry for each picture, in the order of its first report."""
    found: dict[int, Reported] = {}
    for one in rows:
        image, one.label = _subject(one)  # type: ignore[attr-defined]
        found.setdefault(image.pk, Reported(image)).reports.append(one)
    return list(found.values())


def _subject(report: PictureReport) -> tuple[Image, Label]:
    asked = report.pair or report.control
    assert asked is not None, "a report is about a pair or a control question"
    return asked.image, asked.label


@for_organisers
@require_POST
def reports_decide(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """Mark the reports that a form names as dealt with, or let them wait again: those shown, and no later one."""
    numbers = [number for number in map(whole_number, request.POST.getlist("report")) if number is not None]
    chosen, back = numbers[:REPORTS_A_PAGE], request.POST.get("decision") == "open"
    by, at = organiser_of(request), timezone.now()
    if "complaint" in request.POST:
        return _complaints_decide(request, challenge, back=back)
    if back:
        changed = reopen_reports(challenge=challenge, reports=chosen, by=by, at=at)
    else:
        changed = resolve_reports(challenge=challenge, reports=chosen, by=by, at=at)
    if changed:
        number = len(changed)
        said = ngettext("%(n)s report is dealt with.", "%(n)s reports are dealt with.", number)
        if back:
            said = ngettext("%(n)s report waits again.", "%(n)s reports wait again.", number)
        messages.success(request, said % {"n": figure(number)})
    else:
        messages.info(request, _("Nothing has changed: somebody was faster, or no report was named."))
    where = reverse("console:reports", args=[challenge.slug])
    return redirect(f"{where}?done=1" if back else where)
