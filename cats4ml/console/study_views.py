"""The organiser's pages about studies: making one, its link, who came by it, and the list for paying."""

from __future__ import annotations

import csv
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.study_pages import CSV_HEAD, csv_rows, pay_of, studies_of, summary_of, visit_lines
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.review.crowd_ids import kept_for
from cats4ml.review.models import Study, StudyPlatform
from cats4ml.review.studies import Pay, StudyRefused, create_study, open_study, query_of, set_pay

VISITS_A_PAGE = 100


class StudyForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        help_text=gettext_lazy("Whoever comes reads it."),
        error_messages={
            "required": gettext_lazy("Give the study a title."),
            "max_length": gettext_lazy("Keep the title to 120 characters."),
        },
    )
    platform = forms.ChoiceField(label=gettext_lazy("Platform"), choices=StudyPlatform.choices)
    questions = forms.IntegerField(
        label=gettext_lazy("Questions"),
        min_value=1,
        max_value=1_000,
        initial=100,
        help_text=gettext_lazy("Answers that complete it, control questions among them."),
        error_messages={
            "required": gettext_lazy("Say how many answers complete it."),
            "invalid": gettext_lazy("Say how many answers complete it, in figures."),
            "min_value": gettext_lazy("Ask one question at least."),
            "max_value": gettext_lazy("Ask 1,000 questions at most."),
        },
    )
    completion_code = forms.CharField(
        label=gettext_lazy("Completion code"),
        max_length=64,
        help_text=gettext_lazy(
            "The platform gives you one, or takes one that you think of: 4 to 64 letters and digits."
        ),
        error_messages={
            "required": gettext_lazy("Give the code that whoever completes the study gets."),
            "max_length": gettext_lazy("A completion code has 64 letters and digits at most."),
        },
    )


_SUM_ERRORS = {
    "invalid": gettext_lazy("Say how much, in figures: 12.50, say."),
    "min_value": gettext_lazy("Sums of money are above zero."),
    "max_decimal_places": gettext_lazy("Say how much with two places after the point at most."),
    "max_digits": gettext_lazy("Say a smaller sum: below a million."),
    "max_whole_digits": gettext_lazy("Say a smaller sum: below a million."),
}


class PayForm(forms.Form):
    reward = forms.DecimalField(
        label=gettext_lazy("What whoever completes it is paid"),
        required=False,
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        error_messages=_SUM_ERRORS,
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency"),
        required=False,
        max_length=3,
        help_text=gettext_lazy("Three letters: EUR, GBP or USD, say."),
        error_messages={"max_length": gettext_lazy("Give the currency in three letters: EUR, GBP or USD, say.")},
    )
    least_wage = forms.DecimalField(
        label=gettext_lazy("What an hour must be paid at least"),
        required=False,
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        error_messages=_SUM_ERRORS,
        help_text=gettext_lazy("The minimum wage where the workers live is a floor, not a goal."),
    )


@for_organisers
@require_POST
def study_pay(request: HttpRequest, challenge: Challenge, viewer: Viewer, study: str) -> HttpResponse:
    """A form that is refused comes back open, with what was typed."""
    one, form = _study(challenge, study), PayForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        pay = Pay(data["reward"], data["currency"].upper(), data["least_wage"])
        try:
            set_pay(study=one, pay=pay, by=organiser_of(request), at=timezone.now())
        except StudyRefused as refusal:
            # The sums were looked at by the form: what is left is the currency.
            form.add_error("currency", str(refusal))
        else:
            messages.success(request, _("What the study pays is kept."))
            return redirect("console:study", slug=challenge.slug, study=one.slug)
    return _study_page(request, challenge, viewer, one, pay_form=form, status=422)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def studies(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = StudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User), "organisers are signed in"
        data = form.cleaned_data
        platform = StudyPlatform(data.pop("platform"))
        try:
            made = create_study(challenge=challenge, platform=platform, by=request.user, at=timezone.now(), **data)
        except StudyRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The study is open. Paste its link where you recruit."))
            return redirect("console:study", slug=challenge.slug, study=made.slug)
    context = page_context(challenge, viewer, "console", studies=studies_of(challenge), form=form)
    return render(request, "console/studies.html", context, status=422 if form.errors else 200)


def _study(challenge: Challenge, slug: str) -> Study:
    return get_object_or_404(Study.objects.select_related("created_by"), challenge=challenge, slug=slug)


@for_organisers
@require_safe
def study(request: HttpRequest, challenge: Challenge, viewer: Viewer, study: str) -> HttpResponse:
    one = _study(challenge, study)
    sums = {"reward": one.reward, "currency": one.currency, "least_wage": one.least_wage}
    return _study_page(request, challenge, viewer, one, pay_form=PayForm(initial=sums))


def _study_page(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, one: Study, *, pay_form: PayForm, status: int = 200
) -> HttpResponse:
    lines = visit_lines(one)
    page = Paginator(lines[::-1], VISITS_A_PAGE).get_page(request.GET.get("page"))
    context = page_context(
        challenge,
        viewer,
        "console",
        study=one,
        link=request.build_absolute_uri(reverse("review:study", args=[challenge.slug, one.slug])) + query_of(one),
        summary=summary_of(lines),
        kept_days=kept_for().days,
        pay=pay_of(one, lines),
        pay_form=pay_form,
        page=page,
        previous=f"?page={page.previous_page_number()}" if page.has_previous() else "",
        next=f"?page={page.next_page_number()}" if page.has_next() else "",
    )
    return render(request, "console/study.html", context, status=status)


@for_organisers
@require_POST
def study_open(request: HttpRequest, challenge: Challenge, viewer: Viewer, study: str) -> HttpResponse:
    one = _study(challenge, study)
    assert isinstance(request.user, User), "organisers are signed in"
    try:
        open_study(study=one, is_open=request.POST.get("open") == "yes", by=request.user, at=timezone.now())
    except StudyRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:study", slug=challenge.slug, study=one.slug)
    closed = _("The study is closed: nobody else is let in, and who is in may finish.")
    messages.success(request, _("The study is open again.") if one.is_open else closed)
    return redirect("console:study", slug=challenge.slug, study=one.slug)


@for_organisers
@require_safe
@never_cache
def study_visits(request: HttpRequest, challenge: Challenge, viewer: Viewer, study: str) -> HttpResponse:
    """Who came, by the platform's own ids, and whom to pay: for organisers alone."""
    one = _study(challenge, study)
    name = f"{challenge.slug}-{one.slug}-visits.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    writer = csv.writer(response)
    writer.writerow(CSV_HEAD)
    writer.writerows(csv_rows(visit_lines(one)))
    return response
