"""What organisers tell everybody."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cats4ml.challenges.announcements import AnnouncementRefused, announce, take_down
from cats4ml.challenges.models import Announcement, Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.edition_forms import AnnouncementForm
from cats4ml.console.edition_pages import me, step_page
from cats4ml.console.views import for_organisers
from cats4ml.ui.paging import keyset_page

ROWS_A_PAGE = 20


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def announcements(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = AnnouncementForm(request.POST or None)
    if form.is_valid():
        try:
            announce(challenge=challenge, **form.cleaned_data, by=me(request), at=timezone.now())
        except AnnouncementRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("It stands on the challenge page."))
            return redirect("console:announcements", slug=challenge.slug)
    rows = Announcement.objects.filter(challenge=challenge).select_related("by")
    page = keyset_page(request, rows, size=ROWS_A_PAGE)
    return step_page(request, challenge, viewer, "announcements", form, form=form, page=page)


@for_organisers
@require_POST
def announcement_down(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    try:
        gone = take_down(challenge=challenge, pk=pk, by=me(request), at=timezone.now())
    except Announcement.DoesNotExist as nothing:
        raise Http404(_("This challenge has no such announcement.")) from nothing
    messages.success(request, _("Nobody reads it any more.") if gone else _("It was taken down already."))
    return redirect("console:announcements", slug=challenge.slug)
