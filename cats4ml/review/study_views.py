"""Where a paid crowd's worker comes in: what is asked of them, and one button."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cats4ml.accounts.models import User
from cats4ml.addresses import client_address
from cats4ml.challenges.consents import Confirmed, rater_terms
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.review.models import Study
from cats4ml.review.studies import StudyRefused, Visitor, begin_visit, visit_of, visitor_of
from cats4ml.ui.paging import whole_number

BACKEND = "django.contrib.auth.backends.ModelBackend"


# What this browser began, so that nobody who was paused begins anew under another id.
COOKIE, COOKIE_SALT, COOKIE_SECONDS = "study-visit", "cats4ml.study-visit", 90 * 86_400


class ConsentForm(forms.Form):
    consent_version = forms.IntegerField(min_value=0)
    old_enough = forms.BooleanField(required=False)
    eligible = forms.BooleanField(required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def study(request: HttpRequest, slug: str, study: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    found = get_object_or_404(Study.objects.select_related("challenge__policy"), challenge=challenge, slug=study)
    context = page_context(challenge, viewer, "review", study=found)
    try:
        visitor = visitor_of(found, request.GET)
    except StudyRefused as refusal:
        return _page(request, {**context, "problem": str(refusal)}, status=400)
    if visitor is None:
        return _page(request, {**context, "preview": True})
    user = request.user if isinstance(request.user, User) else None
    if request.method == "POST":
        return _begin(request, context, found, visitor, user)
    if user is not None and visit_of(found, visitor, user) is not None:
        return redirect("review:review", slug=slug)
    return _page(request, {**context, "signed_in": user is not None})


def _begin(
    request: HttpRequest, context: dict[str, Any], found: Study, visitor: Visitor, user: User | None
) -> HttpResponse:
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _page(request, {**context, "problem": "That did not arrive whole. Begin again."}, status=422)
    try:
        visit = begin_visit(
            study=found,
            visitor=visitor,
            consent_version=form.cleaned_data["consent_version"],
            address=client_address(request),
            signed_in=user,
            at=timezone.now(),
            confirmed=Confirmed(old_enough=form.cleaned_data["old_enough"], eligible=form.cleaned_data["eligible"]),
            came_before=_came_before(request),
        )
    except StudyRefused as refusal:
        return _page(request, {**context, "problem": str(refusal), "signed_in": user is not None}, status=422)
    if user is None:
        login(request, visit.rater.user, backend=BACKEND)
    reply = redirect("review:review", slug=found.challenge.slug)
    reply.set_signed_cookie(
        COOKIE,
        str(visit.pk),
        salt=COOKIE_SALT,
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=settings.PRODUCTION,
        samesite="Lax",
    )
    return reply


def _came_before(request: HttpRequest) -> int | None:
    return whole_number(request.get_signed_cookie(COOKIE, default="", salt=COOKIE_SALT, max_age=COOKIE_SECONDS))


def _page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    closed = not context["study"].is_open or not context["challenge"].takes_ratings(timezone.now())
    shown = {**context, "closed": closed, "rater_terms": rater_terms()}
    return render(request, "review/study.html", shown, status=status)
