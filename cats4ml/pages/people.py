"""What somebody agreed to, and leaving an edition."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.consents import consents_of, leave_challenge
from cats4ml.challenges.models import Participation, Role

MOST_CONSENTS = 200


@login_required
@never_cache
@require_safe
def consents(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    rows = list(consents_of(request.user)[:MOST_CONSENTS])
    parts: dict[int, list[object]] = {}
    for row in rows:
        parts.setdefault(row.participation_id, []).append(row)
    shown = [(group[0].participation, group) for group in parts.values()]  # type: ignore[attr-defined]
    return render(request, "pages/consents.html", {"parts": shown})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one's consent back, after a page that says what that means."""
    assert isinstance(request.user, User)
    mine = Participation.objects.filter(user=request.user, challenge__slug=slug).exclude(role=Role.ORGANISER)
    part = mine.select_related("challenge", "team").first()
    if part is None:
        raise Http404(_("You don’t take part in this challenge."))
    if request.method == "POST":
        if leave_challenge(participation=part, at=timezone.now()):
            messages.success(request, _("You left “%(title)s”.") % {"title": part.challenge.title})
        return redirect("pages:consents")
    return render(request, "pages/leave.html", {"part": part})
