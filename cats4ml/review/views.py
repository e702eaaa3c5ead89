"""The rater's page: one picture, one question, three answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cats4ml.catalog.http import picture_response
from cats4ml.challenges.http import View, for_role, page_context
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.challenges.queries import Viewer
from cats4ml.review.actions.answering import cast_rating, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import RaterPaused, RatingRefused, check_may_rate
from cats4ml.review.actions.sensitive import choose_kinds
from cats4ml.review.actions.skipping import skip as skip_question
from cats4ml.review.controls import feedback_on
from cats4ml.review.devices import device_of
from cats4ml.review.models import Lease, Rating, ReportKind
from cats4ml.review.pause_words import words_of
from cats4ml.review.presentation import (
    Told,
    cards_of,
    example_for,
    last_answer_of,
    lately,
    progress_of,
    told_of,
    warm_up_of,
)
from cats4ml.review.sensitive import kinds_to_choose, must_choose
from cats4ml.review.studies import completion_of
from cats4ml.rules.answers import Answer


class AnswerForm(forms.Form):
    token = forms.UUIDField()
    answer = forms.ChoiceField(choices=[(answer.value, answer.label) for answer in Answer])


class SkipForm(forms.Form):
    token = forms.UUIDField()


class ReportForm(forms.Form):
    token = forms.UUIDField()
    kind = forms.ChoiceField(choices=ReportKind.choices)
    note = forms.CharField(required=False, max_length=500)


for_raters = for_role(Role.RATER, invitation=gettext_lazy("Join the challenge as a rater to rate pairs."), acts=True)


def _wants_card(request: HttpRequest) -> bool:
    """Whether the page's script asks, which needs the card alone."""
    return bool(request.htmx)  # type: ignore[attr-defined]


def rater_page(view: Callable[..., HttpResponse]) -> View:
    """A view of the rater's page: never kept by a cache, for raters alone. Whoever signed out meanwhile signs in again
    and comes back to the question, whatever was sent; the script is told so, for it keeps the answer."""

    def within(
        request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation, **kwargs: object
    ) -> Any:
        return view(request, challenge, viewer, rater, **kwargs)

    guarded = for_raters(within)

    @never_cache
    @wraps(view)
    def decorated(request: HttpRequest, slug: str, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return guarded(request, slug=slug, **kwargs)
        entrance = redirect_to_login(reverse("review:review", args=[slug]), login_url=reverse("account_login"))
        if _wants_card(request):
            return HttpResponse(status=401, headers={"HX-Redirect": entrance.url})
        return entrance

    return decorated


def _draw(request: HttpRequest, challenge: Challenge, viewer: Viewer, **shown: Any) -> HttpResponse:
    context = page_context(challenge, viewer, "review", **shown)
    return render(request, "review/_card.html" if _wants_card(request) else "review/review.html", context)


def _refused(request: HttpRequest, challenge: Challenge, viewer: Viewer, refusal: RatingRefused) -> HttpResponse:
    """Whoever may not rate now: a page of its own for a pause, the challenge's page for anything else."""
    if isinstance(refusal, RaterPaused):
        return _draw(request, challenge, viewer, pause=words_of(refusal.pause))
    messages.error(request, str(refusal))
    place = reverse("pages:challenge", args=[challenge.slug])
    return HttpResponse(headers={"HX-Redirect": place}) if _wants_card(request) else redirect(place)


def _card(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation, notice: str = ""
) -> HttpResponse:
    """The next question: the whole page, or the card alone."""
    at = timezone.now()
    try:
        leases = hold_leases(rater=rater, at=at)
    except RatingRefused as refusal:
        return _refused(request, challenge, viewer, refusal)
    if not _wants_card(request):
        # What was to be told after a redirect, or on the way here: a line above the question, which covers nothing.
        notice = " ".join([notice, *map(str, messages.get_messages(request))]).strip()
    warm_up, answers = warm_up_of(rater), lately(rater)
    card, following = [*cards_of(challenge, leases[:2]), None, None][:2]
    return _draw(
        request,
        challenge,
        viewer,
        card=card,
        completion=None if card else completion_of(rater),
        following=following,
        lease_seconds=challenge.rules.lease_seconds,
        warm_up=warm_up,
        progress=progress_of(rater, warm_up, answers),
        last_answer=last_answer_of(rater, answers, at),
        notice=notice,
    )


def _after(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation, notice: str
) -> HttpResponse:
    """After a change: the next card for the script; a redirect else, so that a reload sends nothing twice."""
    if _wants_card(request):
        return _card(request, challenge, viewer, rater, notice)
    if notice:
        messages.info(request, notice)
    return redirect("review:review", slug=challenge.slug)


def _told(request: HttpRequest, challenge: Challenge, viewer: Viewer, told: Told) -> HttpResponse:
    return _draw(request, challenge, viewer, told=told)


@rater_page
@require_safe
def review(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    """The question. Before somebody's first one of a warm-up: what this is. After an answer of it: what is true."""
    if token := _uuid(request.GET.get("told", "")):
        rating = Rating.objects.filter(rater=rater, lease__token=token).select_related("control").first()
        told = told_of(challenge, rating) if rating else None
        if told:
            return _told(request, challenge, viewer, told)
    if "kinds" in request.GET or must_choose(rater):
        first = rater.sensitive_kinds is None
        return _draw(request, challenge, viewer, sensitive_kinds=kinds_to_choose(rater), first_choice=first)
    if "begin" not in request.GET and not Lease.objects.filter(rater=rater).exists():
        warm_up = warm_up_of(rater)
        if warm_up.is_under_way:
            try:
                check_may_rate(rater, timezone.now())
            except RatingRefused as refusal:
                return _refused(request, challenge, viewer, refusal)
            return _draw(request, challenge, viewer, intro=warm_up)
    return _card(request, challenge, viewer, rater)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@rater_page
@require_POST
def answer(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    form = AnswerForm(request.POST)
    if not form.is_valid():
        notice = _("That answer did not arrive whole. Here is the question again.")
        return _after(request, challenge, viewer, rater, notice)
    try:
        rating = cast_rating(
            rater=rater,
            token=form.cleaned_data["token"],
            answer=Answer(form.cleaned_data["answer"]),
            at=timezone.now(),
            device=device_of(request.POST.get("device", ""), request.headers.get("User-Agent", "")),
        )
    except RatingRefused as refusal:
        return _after(request, challenge, viewer, rater, str(refusal))
    if feedback_on(rating) is None:
        return _after(request, challenge, viewer, rater, "")
    if not _wants_card(request):
        return redirect(f"{reverse('review:review', args=[challenge.slug])}?told={rating.lease.token}")
    told = told_of(challenge, rating)
    assert told is not None, "there is feedback on it"
    return _told(request, challenge, viewer, told)


@rater_page
@require_POST
def undo(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    notice = ""
    try:
        undo_rating(rater=rater, at=timezone.now())
    except RatingRefused as refusal:
        notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@rater_page
@require_POST
def skip(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    form = SkipForm(request.POST)
    notice = ""
    if not form.is_valid():
        notice = _("That did not arrive whole. Here is the question again.")
    else:
        try:
            skip_question(rater=rater, token=form.cleaned_data["token"], at=timezone.now())
        except RatingRefused as refusal:
            notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@rater_page
@require_POST
def report(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    form = ReportForm(request.POST)
    notice = _("Choose what is wrong with the picture, then report it.")
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
            notice = _("Thank you. The organisers will look at it, and you won’t be asked about it again.")
        except RatingRefused as refusal:
            notice = str(refusal)
    return _after(request, challenge, viewer, rater, notice)


@rater_page
@require_POST
def kinds(request: HttpRequest, challenge: Challenge, viewer: Viewer, rater: Participation) -> HttpResponse:
    """Which kinds of sensitive pictures this rater will see: at any time another choice."""
    choose_kinds(part=rater, kinds=request.POST.getlist("kind"), at=timezone.now())
    return redirect("review:review", slug=challenge.slug)


@login_required
@require_safe
def picture(request: HttpRequest, slug: str, token: uuid.UUID) -> HttpResponseBase:
    """The picture of a question, to the rater who holds it and to nobody else."""
    leases = Lease.objects.select_related("pair__image", "control__image")
    lease = get_object_or_404(leases, token=token, rater__user=request.user.pk, rater__challenge__slug=slug)
    return picture_response(lease.subject.image, request)


@login_required
@require_safe
def example(request: HttpRequest, slug: str, example_id: int) -> HttpResponseBase:
    """The small picture of an example, to the edition's raters and to nobody else."""
    found = example_for(request.user.pk, slug, example_id)
    if found is None:
        raise Http404(_("There is no such example."))
    return picture_response(found.image, request, small=True)
