"""The organiser's pages about control questions, and about what raters are told of a label."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import shown
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.console.control_pages import (
    ControlFileForm,
    ControlForm,
    ExampleForms,
    Figures,
    GuidanceForm,
    control_counts,
    control_figures,
    controls_like,
    example_rows,
    initial_examples,
    rows_of_pairs,
    times_asked,
    unanimous_pairs,
)
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.review.actions.controls import (
    AddedControls,
    CheckedControl,
    ControlRow,
    ControlsRefused,
    add_controls,
    restore_control,
    retire_control,
)
from cats4ml.review.actions.examples import ExamplesRefused, explain_label
from cats4ml.review.models import ControlQuestion, ControlUse, LabelExample
from cats4ml.submissions.limits import limited_upload
from cats4ml.ui.paging import keyset_page, whole_number
from cats4ml.ui.words import figure

CONTROLS_A_PAGE = 30
KEPT = ("show", "after", "before")
PAIRS_A_PAGE = 30
BAD_ROWS_SHOWN = 100
LISTS = (
    ("", gettext_lazy("All"), "all"),
    ("warm_up", gettext_lazy("Warm-up"), "warm_up"),
    ("mixed", gettext_lazy("Mixed in"), "mixed"),
    ("doubtful", gettext_lazy("Doubtful"), "doubtful"),
    ("retired", gettext_lazy("Retired"), "retired"),
)


def kept_in(request: HttpRequest) -> str:
    """What of the address says which list and which page of it is shown."""
    return urlencode([(name, request.GET[name]) for name in KEPT if name in request.GET])


@for_organisers
@require_safe
def controls(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    return _controls_page(request, challenge, viewer)


def _controls_page(
    request: HttpRequest,
    challenge: Challenge,
    viewer: Viewer,
    *,
    form: ControlForm | None = None,
    file_form: ControlFileForm | None = None,
    bad: list[CheckedControl] | None = None,
) -> HttpResponse:
    figures = control_figures(challenge)
    doubtful = [pk for pk, one in figures.items() if one.doubtful]
    show = request.GET.get("show", "")
    counts = control_counts(challenge, doubtful)
    page = keyset_page(request, controls_like(challenge, show, doubtful), size=CONTROLS_A_PAGE)
    asked = times_asked(page.rows)
    for one in page.rows:
        one.figures, one.asked = figures.get(one.pk, Figures()), asked.get(one.pk, 0)
    labels = list(target_labels(challenge))
    context = page_context(
        challenge,
        viewer,
        "console",
        page=page,
        counts=counts,
        lists=[(value, label, counts[name]) for value, label, name in LISTS],
        show=show if show in [value for value, _, _ in LISTS] else "",
        warm_up=challenge.rules.warm_up if challenge.policy else None,
        form=form or ControlForm(labels=labels),
        file_form=file_form or ControlFileForm(),
        bad=(bad or [])[:BAD_ROWS_SHOWN],
        bad_count=len(bad or []),
        kept=kept_in(request),
    )
    refused = (form is not None and form.errors) or (file_form is not None and file_form.errors) or bad
    return render(request, "console/controls.html", context, status=422 if refused else 200)


@for_organisers
@require_POST
def control_add(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = ControlForm(request.POST, labels=list(target_labels(challenge)))
    if form.is_valid():
        try:
            added = _add(request, challenge, [form.row()])
        except ControlsRefused as refusal:
            form.add_error(None, refusal.rows[0].problem)
        else:
            _say_added(request, added)
            return redirect("console:controls", slug=challenge.slug)
    return _controls_page(request, challenge, viewer, form=form)


@limited_upload
@for_organisers
@require_POST
def control_import(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = ControlFileForm(request.POST, request.FILES)
    bad: list[CheckedControl] = []
    if form.is_valid():
        try:
            added = _add(request, challenge, form.rows, only_good=form.cleaned_data["only_good"])
        except ControlsRefused as refusal:
            form.add_error("file", gettext("%(refusal)s The list below says why.") % {"refusal": refusal})
            bad = refusal.rows
        else:
            _say_added(request, added)
            return redirect("console:controls", slug=challenge.slug)
    return _controls_page(request, challenge, viewer, file_form=form, bad=bad)


def _add(
    request: HttpRequest, challenge: Challenge, rows: list[ControlRow], *, only_good: bool = False
) -> AddedControls:
    assert isinstance(request.user, User), "organisers are signed in"
    return add_controls(challenge=challenge, rows=rows, by=request.user, at=timezone.now(), only_good=only_good)


def _say_added(request: HttpRequest, added: AddedControls) -> None:
    parts = [
        ngettext("%(n)s control question added.", "%(n)s control questions added.", added.added)
        % {"n": figure(added.added)}
    ]
    if added.present:
        parts.append(
            ngettext("%(n)s was there already.", "%(n)s were there already.", added.present)
            % {"n": figure(added.present)}
        )
    if added.left_out:
        parts.append(
            ngettext("%(n)s bad row left out.", "%(n)s bad rows left out.", len(added.left_out))
            % {"n": figure(len(added.left_out))}
        )
    messages.success(request, " ".join(parts))


@for_organisers
@require_POST
def control_retire(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    control = _control(challenge, pk)
    retire_control(control=control, by=organiser_of(request), at=timezone.now())
    messages.success(
        request,
        gettext(
            "The question about %(name)s in picture %(image_id)s is retired. It is asked no more, and answers "
            "to it count for nobody’s skill."
        )
        % {"name": control.label.name, "image_id": control.image.image_id},
    )
    return _back(request, challenge)


@for_organisers
@require_POST
def control_restore(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    control = _control(challenge, pk)
    restore_control(control=control, by=organiser_of(request), at=timezone.now())
    messages.success(
        request,
        gettext("The question about %(name)s in picture %(image_id)s is asked again, and answers to it count.")
        % {"name": control.label.name, "image_id": control.image.image_id},
    )
    return _back(request, challenge)


def _back(request: HttpRequest, challenge: Challenge) -> HttpResponse:
    """To the list and the page of it on which the button was pressed."""
    kept = kept_in(request)
    where = reverse("console:reports" if "reports" in request.GET else "console:controls", args=[challenge.slug])
    return redirect(f"{where}?{kept}" if kept else where)


def _control(challenge: Challenge, pk: int) -> ControlQuestion:
    rows = ControlQuestion.objects.select_related("image", "label")
    return get_object_or_404(rows, challenge=challenge, pk=pk)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def controls_from_pairs(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    notice = ""
    if request.method == "POST":
        numbers = [number for number in map(whole_number, request.POST.getlist("pair")) if number is not None]
        chosen = list(unanimous_pairs(challenge).filter(pk__in=numbers[: 2 * PAIRS_A_PAGE]).order_by("pk"))
        use = request.POST.get("use", "")
        if not numbers:
            notice = gettext("Choose at least one pair.")
        elif not chosen:
            notice = gettext(
                "None of these is here any more: they are control questions already, or raters disagree now."
            )
        elif use not in ControlUse.values:
            notice = gettext("Say whether they are for the warm-up or mixed in.")
        else:
            try:
                _say_added(request, _add(request, challenge, rows_of_pairs(chosen, use)))
            except ControlsRefused as refusal:
                notice = refusal.rows[0].problem
            else:
                return redirect("console:controls", slug=challenge.slug)
    page = keyset_page(request, unanimous_pairs(challenge), size=PAIRS_A_PAGE)
    context = page_context(
        challenge, viewer, "console", page=page, uses=ControlUse.choices, chosen_use=ControlUse.MIXED, notice=notice
    )
    return render(request, "console/controls_from_pairs.html", context, status=422 if notice else 200)


@for_organisers
@require_safe
def guidance(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    rows = list(target_labels(challenge).annotate(shown=Count("examples")))
    warm_ups = dict(
        ControlQuestion.objects.filter(challenge=challenge, use=ControlUse.WARM_UP, retired_at=None)
        .order_by()
        .values_list("label")
        .annotate(n=Count("pk"))
    )
    for one in rows:
        one.warm_ups = warm_ups.get(one.label_id, 0)  # type: ignore[attr-defined]
        one.asked = one.question or challenge.question_about(one.label)  # type: ignore[attr-defined]
    missing = sum(not (one.guidance or one.shown) for one in rows)
    context = page_context(challenge, viewer, "console", rows=rows, missing=missing)
    return render(request, "console/controls_guidance.html", context)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def label_guidance(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    target = get_object_or_404(target_labels(challenge), pk=pk)
    every = shown(LabelExample.objects.filter(target=target))
    examples = list(every.select_related("image").order_by("position", "pk"))
    pictures = {one.image.image_id: one.image for one in examples}
    data = request.POST if request.method == "POST" else None
    form = GuidanceForm(data, initial={"question": target.question, "guidance": target.guidance})
    forms_of_examples = ExampleForms(data, initial=initial_examples(examples), prefix="example")
    if request.method == "POST" and form.is_valid() and forms_of_examples.is_valid():
        try:
            explain_label(
                target=target,
                question=form.cleaned_data["question"],
                guidance=form.cleaned_data["guidance"],
                rows=example_rows(forms_of_examples.cleaned_data),
                by=organiser_of(request),
                at=timezone.now(),
            )
        except ExamplesRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, gettext("What raters are told about %(name)s is saved.") % {"name": target.label.name}
            )
            return redirect("console:label_guidance", slug=challenge.slug, pk=pk)
    context: dict[str, Any] = page_context(
        challenge,
        viewer,
        "console",
        target=target,
        form=form,
        examples=forms_of_examples,
        rows=[_with_picture(one, pictures) for one in forms_of_examples],
        own_question=challenge.question_about(target.label),
    )
    if forms_of_examples.is_bound and forms_of_examples.non_form_errors():
        form.add_error(None, gettext("The examples did not arrive whole. Load the page anew, and send it again."))
    bad = form.errors or forms_of_examples.total_error_count()
    return render(request, "console/controls_label.html", context, status=422 if bad else 200)


def _with_picture(form: forms.Form, pictures: dict[str, Any]) -> tuple[forms.Form, Any]:
    return form, pictures.get(str(form["image_id"].value() or ""))
