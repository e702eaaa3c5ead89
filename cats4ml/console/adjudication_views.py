"""The organiser's pages of ambiguous pairs: a list, and one pair at a time, answered before anything else is seen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.challenges.queries import Viewer
from cats4ml.console.adjudication import (
    ROWS_A_PAGE,
    Filters,
    Order,
    decided_by_experts,
    filtered,
    needs_expert,
    next_after,
)
from cats4ml.console.views import for_organisers
from cats4ml.review.actions.taking_back import take_back_decision
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import (
    MAX_REASON,
    AdjudicationRefused,
    adjudicate,
    check_impartial,
)
from cats4ml.submissions.disputing import waiting_disputes
from cats4ml.submissions.models import Adjudication, Pair
from cats4ml.submissions.presentation import reason_of
from cats4ml.submissions.queries import valid_claims
from cats4ml.ui.words import OUTCOMES, inside, sentence

QUICK_REASONS = (
    ("shown", gettext_noop("The picture shows it clearly.")),
    ("absent", gettext_noop("It is nowhere in the picture.")),
    ("alike", gettext_noop("What the picture shows only looks like it.")),
    ("likeness", gettext_noop("It is a drawing, a toy or a statue of it.")),
    ("guidance", gettext_noop("The guidance for the label says so.")),
    ("unclear", gettext_noop("It is too small, too dark or too much hidden to tell.")),
)


class DecisionForm(forms.Form):
    """An expert's verdict, and why: by a ready reason, in their own words, or both."""

    verdict = forms.ChoiceField(
        choices=[(one.value, one.value) for one in Verdict],
        error_messages={"required": gettext_lazy("Answer the question first: yes, no, or can’t tell.")},
    )
    quick = forms.ChoiceField(choices=QUICK_REASONS, required=False)
    words = forms.CharField(max_length=MAX_REASON, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        why = [dict(QUICK_REASONS).get(data.get("quick", ""), ""), data.get("words", "").strip()]
        data["reason"] = " ".join(filter(None, why))
        if not data["reason"] and "words" not in self.errors:
            self.add_error(
                "words", gettext("Say why: choose a reason or write one. Whoever claimed the pair reads it.")
            )
        return data


@for_organisers
@require_safe
def queue(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    assert isinstance(request.user, User), "organisers are signed in"
    filters = Filters.of(request.GET)
    waiting, decided = needs_expert(challenge, request.user), decided_by_experts(challenge, request.user)
    found = filtered(decided if filters.decided else waiting, filters)
    start = (filters.page - 1) * ROWS_A_PAGE
    rows = list(found.select_related("image", "label")[start : start + ROWS_A_PAGE + 1])
    labels = list(
        waiting.order_by("label__name", "label__key")
        .values("label__key", "label__name")
        .annotate(number=Count("pk"))
        .values_list("label__key", "label__name", "number")
    )
    context = page_context(
        challenge,
        viewer,
        "console",
        filters=filters,
        rows=rows[:ROWS_A_PAGE],
        previous=f"?{filters.query(page=filters.page - 1)}" if filters.page > 1 else "",
        following=f"?{filters.query(page=filters.page + 1)}" if len(rows) > ROWS_A_PAGE else "",
        labels=labels,
        waiting=sum(number for *_, number in labels),
        disputed=waiting.filter(disputed=True).count(),
        decided=decided.count(),
        first=rows[0].pk if rows and not filters.decided else None,
        kept=filters.query(),
        orders=list(Order),
    )
    if filters.decided:
        _add_last_words(context["rows"])
    return render(request, "console/adjudicate.html", context)


def _add_last_words(pairs: list[Pair]) -> None:
    """To each of these pairs, as `last`, the line of the log that holds its decision; as `reason`, why it ended so."""
    lines = Adjudication.objects.filter(pair__in=pairs).order_by("pair_id", "-pk").distinct("pair_id")
    last = {line.pair_id: line for line in lines.select_related("by")}
    for pair in pairs:
        pair.last, pair.reason = last.get(pair.pk), reason_of(pair)  # type: ignore[attr-defined]


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """One pair. What machines, raters and claimants say of it is not in the page before it is asked for (`?see=1`)."""
    one = _decidable(request, challenge, pk)
    if isinstance(one, HttpResponse):
        return one
    assert isinstance(request.user, User), "organisers are signed in"
    filters = Filters.of(request.GET)
    following = next_after(filtered(needs_expert(challenge, request.user), filters), pk)
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            done = adjudicate(
                pair_id=pk,
                verdict=Verdict(form.cleaned_data["verdict"]),
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
        except AdjudicationRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _tell(request, one, done)
            return redirect(_address(challenge, following, filters))
    see = bool(one.adjudicated_reason) or "see" in request.GET
    context = page_context(
        challenge,
        viewer,
        "console",
        **_question(challenge, one),
        form=form,
        quick_reasons=[(key, gettext(words)) for key, words in QUICK_REASONS],
        most=MAX_REASON,
        following=following,
        kept=filters.query(),
        see=see,
        **(_facts(one) if see else {}),
    )
    fragment = request.htmx and see  # type: ignore[attr-defined]
    template = "console/_adjudicate_facts.html" if fragment else "console/adjudicate_pair.html"
    return render(request, template, context, status=422 if form.errors else 200)


@for_organisers
@require_POST
def take_back(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    get_object_or_404(Pair, pk=pk, challenge=challenge)
    assert isinstance(request.user, User), "organisers are signed in"
    try:
        one = take_back_decision(pair_id=pk, reason=request.POST.get("reason", ""), by=request.user, at=timezone.now())
    except AdjudicationRefused as refusal:
        messages.error(request, str(refusal))
    else:
        if one.state != PairState.SETTLED:
            messages.success(
                request, gettext("The decision is taken back: the answers left are too few, more raters are asked.")
            )
            return redirect("console:adjudicate", slug=challenge.slug)
        messages.success(request, gettext("The decision is taken back: the raters’ verdict counts again."))
    return redirect("console:adjudicate_pair", slug=challenge.slug, pk=pk)


def _decidable(request: HttpRequest, challenge: Challenge, pk: int) -> Pair | HttpResponse:
    """The settled pair, or where to go instead for whoever had a part in it."""
    rows = Pair.objects.select_related("image", "label", "policy", "challenge__policy")
    one = rows.filter(pk=pk, challenge=challenge).first()
    if one is None:
        raise Http404(gettext("There is no such pair."))
    assert isinstance(request.user, User), "organisers are signed in"
    try:
        check_impartial(one, request.user)
    except AdjudicationRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:adjudicate", slug=challenge.slug)
    return one


def _question(challenge: Challenge, one: Pair) -> dict[str, Any]:
    target = TargetLabel.objects.get(challenge=challenge, label=one.label_id)
    return {
        "pair": one,
        "question": target.question or challenge.question_about(one.label),
        "guidance": target.guidance,
        "disputed": waiting_disputes(challenge).filter(submission__pair=one).exists(),
        "settled": one.state == "settled",
    }


def _facts(one: Pair) -> dict[str, Any]:
    claims = one.submissions.filter(valid_claims()).exclude(rationale="").order_by("pk")
    return {
        "reason": reason_of(one),
        "rationales": list(claims.values_list("rationale", flat=True)[:5]),
        "disputes": list(waiting_disputes(one.challenge).filter(submission__pair=one)),
        "log": list(one.adjudications.select_related("by").order_by("-pk")),
    }


def _tell(request: HttpRequest, before: Pair, done: Pair) -> None:
    how = {"yes": gettext("yes"), "no": gettext("no"), "undecided": gettext("can’t tell")}[done.verdict]
    ended = inside(OUTCOMES[done.outcome].word)
    messages.success(
        request,
        gettext("%(name)s, %(image_id)s: %(how)s. It counts as %(ended)s now.")
        % {"name": sentence(before.label.name), "image_id": before.image.image_id, "how": how, "ended": ended},
    )


def _address(challenge: Challenge, pk: int | None, filters: Filters) -> str:
    """The next pair's page, or the list where there is no next."""
    if pk is None:
        where = reverse("console:adjudicate", args=[challenge.slug])
    else:
        where = reverse("console:adjudicate_pair", args=[challenge.slug, pk])
    query = filters.query()
    return f"{where}?{query}" if query else where
