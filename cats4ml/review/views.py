"""The rater's page: one picture, one question, three answers."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from cats4ml.catalog.http import picture_response
from cats4ml.challenges.http import for_role, page_context
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.challenges.queries import Viewer
from cats4ml.review.actions.answering import cast_rating, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.models import Lease, ReportKind
from cats4ml.review.presentation import card_of, last_answer_of, progress_of
from cats4ml.rules.answers import Answer


class AnswerForm(forms.Form):
    token = forms.UUIDField()
    answer = forms.ChoiceField(choices=[(answer.value, answer.label) for answer in Answer])


class ReportForm(forms.Form):
    token = forms.UUIDField()
    kind = forms.ChoiceField(choices=ReportKind.choices)
    note = forms.CharField(required=False, max_length=500)


for_raters = for_role(Role.RATER, invitation="Join the challenge as a rater to rate pairs.")


def _card(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation, notice: str = ""
) -> HttpResponse:
    """The next question: the whole page, or for htmx the card alone."""
    at = timezone.now()
    try:
        leases = hold_leases(rater=rater, at=at)
    except RatingRefused as refusal:
        messages.error(request, str(refusal))
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(headers={"HX-Redirect": request.build_absolute_uri(f"/challenges/{challenge.slug}/")})
        return redirect("pages:challenge", slug=challenge.slug)
    context = page_context(
        challenge,
        viewer,
        "review",
        card=card_of(challenge, leases),
        progress=progress_of(rater),
        last_answer=last_answer_of(rater, at),
        notice=notice,
    )
    htmx = request.htmx  # type: ignore[attr-defined]
    return render(request, "review/_card.html" if htmx else "review/review.html", context)


def _after(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation, notice: str
) -> HttpResponse:
    """After a change: the next card for htmx; a redirect else, so that a reload sends nothing twice."""
    if request.htmx:  # type: ignore[attr-defined]
        return _card(request, challenge, viewer, rater, notice)
    if notice:
        messages.info(request, notice)
    return redirect("review:review", slug=challenge.slug)


@never_cache
@for_raters
@require_GET
def review(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    return _card(request, challenge, viewer, rater)


@never_cache
@for_raters
@require_POST
def answer(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    form = AnswerForm(request.POST)
    notice = ""
    if not form.is_valid():
        notice = "That answer did not arrive whole. Here is the question again."
    else:
        try:
            cast_rating(
                rater=rater,
                token=form.cleaned_data["token"],
                answer=Answer(form.cleaned_data["answer"]),
                at=timezone.now(),
            )
        except RatingRefused as refusal:
            notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@never_cache
@for_raters
@require_POST
def undo(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    notice = ""
    try:
        undo_rating(rater=rater, at=timezone.now())
    except RatingRefused as refusal:
        notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@never_cache
@for_raters
@require_POST
def report(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    form = ReportForm(request.POST)
    notice = "Choose what is wrong with the picture, then report it."
    if form.is_valid():
        data = form.cleaned_data
        try:
            report_picture(
                rater=rater,
                token=data["token"],
                kind=ReportKind(data["kind"]),
                note=data["note"],
                at=timezone.now(),
            )
            notice = "Thank you. The organisers will look at it, and you won’t be asked about it again."
        except RatingRefused as refusal:
            notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@login_required
@require_GET
def picture(request: HttpRequest, slug: str, token: uuid.UUID) -> HttpResponseBase:
    """The picture of a question, to the rater who holds it and to nobody else."""
    lease = get_object_or_404(Lease, token=token, rater__user=request.user.pk, rater__challenge__slug=slug)
    return picture_response(lease.subject.image)
