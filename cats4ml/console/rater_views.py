"""The organiser's pages about raters: who they are, who is paused, and whose answers count."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.challenges.queries import Viewer
from cats4ml.console.one_rater import confusion, course_of, last_answers
from cats4ml.console.rater_pages import (
    SORTS,
    RaterLine,
    RaterState,
    evidence_in_words,
    headings,
    rater_lines,
    sorted_lines,
    waiting_pauses,
)
from cats4ml.console.views import for_organisers
from cats4ml.review.actions.discounts import (
    DiscountRefused,
    decide_about_pause,
    discount_rater,
    lift_discount,
    standing_discount,
)
from cats4ml.review.discount_previews import Fate, Preview, preview_discount, preview_lift
from cats4ml.review.models import PauseDecision, RaterDiscount, RaterPause
from cats4ml.review.trust import PauseRefused, pause_rater
from cats4ml.ui.scatter import Point, Scatter, make_scatter
from cats4ml.ui.words import decimal

RATERS_A_PAGE = 50
MOST_SHOWN = 200
USUAL = "answers"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("It is kept, and stands in the ledger with every credit that changes."),
        error_messages={
            "required": gettext_lazy("Say why: a rater’s answers are taken out or let in only with a reason.")
        },
    )


class NoteForm(forms.Form):
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)


@for_organisers
@require_safe
def raters(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    sort = request.GET.get("sort", USUAL)
    if sort.removeprefix("-") not in SORTS:
        sort = USUAL
    lines = sorted_lines(rater_lines(challenge), sort)
    page = Paginator(lines, RATERS_A_PAGE).get_page(request.GET.get("page"))
    context = page_context(
        challenge,
        viewer,
        "console",
        total=len(lines),
        page=page,
        previous=f"?sort={sort}&page={page.previous_page_number()}" if page.has_previous() else "",
        next=f"?sort={sort}&page={page.next_page_number()}" if page.has_next() else "",
        heads=headings(sort),
        pauses=[(pause, evidence_in_words(pause)) for pause in waiting_pauses(challenge)],
        plot=_speed_and_accuracy(challenge, lines),
        unplotted=sum(not line.controls for line in lines),
    )
    return render(request, "console/raters.html", context)


def _speed_and_accuracy(challenge: Challenge, lines: Sequence[RaterLine]) -> Scatter | None:
    points = [
        Point(
            name=line.name,
            href=reverse("console:rater", args=[challenge.slug, line.rater.pk]),
            seconds=line.seconds,
            share=line.right_share,
            words=_("%(right)s of %(controls)s controls right, %(seconds)s s")
            % {"right": line.right, "controls": line.controls, "seconds": decimal(line.seconds, 1)},
            faint=line.state in (RaterState.ENDED, RaterState.DISCOUNTED),
        )
        for line in lines
        if line.right_share is not None
    ]
    if challenge.policy is None:
        return make_scatter(points)
    rules = challenge.rules
    return make_scatter(points, fast=rules.fast_seconds, least=rules.controls_right_percent / 100)


def _rater(challenge: Challenge, pk: int) -> Participation:
    everybody = Participation.objects.select_related("user", "team", "challenge__policy")
    return get_object_or_404(everybody, challenge=challenge, role=Role.RATER, pk=pk)


@for_organisers
@require_safe
def rater(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    one = _rater(challenge, pk)
    pauses = list(RaterPause.objects.filter(rater=one).select_related("decided_by").order_by("-created_at", "-pk"))
    context = page_context(
        challenge,
        viewer,
        "console",
        rater=one,
        line=next(iter(rater_lines(challenge, rater=one)), None),
        pauses=[(pause, evidence_in_words(pause)) for pause in pauses],
        standing=next((pause for pause in pauses if pause.decision != PauseDecision.RESUMED), None),
        discount=standing_discount(one),
        discounts=RaterDiscount.objects.filter(rater=one).select_related("by", "lifted_by").order_by("-pk"),
        on_controls=confusion(one, by="control__truth"),
        on_verdicts=confusion(one, by="pair__verdict"),
        series=course_of(one),
        last=last_answers(one),
    )
    return render(request, "console/rater.html", context)


@for_organisers
@require_POST
def pause(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    one, form = _rater(challenge, pk), NoteForm(request.POST)
    if form.is_valid():
        pause_rater(rater=one, by=_organiser(request), note=form.cleaned_data["note"], at=timezone.now())
        messages.success(
            request, _("%(public_name)s is asked nothing more until you decide.") % {"public_name": one.public_name}
        )
    else:
        messages.error(request, _("Keep the note below 500 characters."))
    return redirect("console:rater", slug=challenge.slug, pk=one.pk)


@for_organisers
@require_POST
def pause_decide(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    every = RaterPause.objects.select_related("rater__user", "rater__team", "rater__challenge")
    one, form = get_object_or_404(every, rater__challenge=challenge, pk=pk), NoteForm(request.POST)
    decision = request.POST.get("decision", "")
    if decision not in PauseDecision.values or not form.is_valid():
        messages.error(
            request, _("Say whether the rater may go on or has ended, with a note of 500 characters at most.")
        )
        return redirect("console:rater", slug=challenge.slug, pk=one.rater_id)
    try:
        decide_about_pause(
            pause=one,
            decision=PauseDecision(decision),
            by=_organiser(request),
            note=form.cleaned_data["note"],
            at=timezone.now(),
        )
    except (PauseRefused, DiscountRefused) as refusal:
        messages.error(request, str(refusal))
    else:
        words = _("%(name)s rates no more in this challenge.")
        if decision == PauseDecision.RESUMED:
            words = _("%(name)s may go on.")
        messages.success(request, words % {"name": one.rater.public_name})
    if "back" in request.POST:
        return redirect("console:raters", slug=challenge.slug)
    return redirect("console:rater", slug=challenge.slug, pk=one.rater_id)


def _organiser(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "organisers are signed in"
    return request.user


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def discount(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What discounting a rater would change, and the button that does it."""
    one, form = _rater(challenge, pk), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            discount_rater(
                rater=one, reason=form.cleaned_data["reason"], by=_organiser(request), at=timezone.now()
            )  # fmt: skip
        except DiscountRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, _("The answers of %(public_name)s count no more.") % {"public_name": one.public_name}
            )
            return redirect("console:rater", slug=challenge.slug, pk=one.pk)
    if standing_discount(one) is not None:
        return redirect("console:rater_lift", slug=challenge.slug, pk=one.pk)
    return _preview_page(request, challenge, viewer, one, form, lifts=False)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def lift(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What changes where a discounted rater's answers count again, and the button that does it."""
    one, form = _rater(challenge, pk), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lift_discount(rater=one, reason=form.cleaned_data["reason"], by=_organiser(request), at=timezone.now())
        except DiscountRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("The answers of %(public_name)s count again. Decide whether they may go on.")
                % {"public_name": one.public_name},
            )
            return redirect("console:rater", slug=challenge.slug, pk=one.pk)
    if standing_discount(one) is None:
        return redirect("console:rater", slug=challenge.slug, pk=one.pk)
    return _preview_page(request, challenge, viewer, one, form, lifts=True)


def _preview_page(
    request: HttpRequest,
    challenge: Challenge,
    viewer: Viewer,
    one: Participation,
    form: ReasonForm,
    *,
    lifts: bool,
) -> HttpResponse:
    rehearse = preview_lift if lifts else preview_discount
    try:
        preview = rehearse(rater=one, by=_organiser(request), at=timezone.now())
    except DiscountRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:rater", slug=challenge.slug, pk=one.pk)
    context = page_context(
        challenge, viewer, "console", rater=one, lifts=lifts, form=form, **_shown(preview)
    )  # fmt: skip
    return render(request, "console/rater_discount.html", context, status=422 if form.errors else 200)


def _shown(preview: Preview) -> dict[str, object]:
    turned = preview.of(Fate.ENDS_OTHERWISE, Fate.REOPENS, Fate.SETTLES)
    return {
        "counts": preview.counts,
        "total": len(preview.changes),
        "kept": preview.counts[Fate.KEEPS] + preview.counts[Fate.EXPERT],
        "controls": preview.controls,
        "turned": turned[:MOST_SHOWN],
        "more": max(0, len(turned) - MOST_SHOWN),
        "balances": preview.balances,
    }
