"""The organiser's pages about finders: who they are, what they claimed, and what an organiser decides of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.challenges.actions import BaselineRefused, set_baseline
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import ActKind, Challenge, OrganiserAct, Participation, Role
from cats4ml.challenges.queries import Viewer
from cats4ml.console.counted import counted, ring
from cats4ml.console.finder_lines import (
    NUMBERS,
    SORTS,
    FinderLine,
    count_finders,
    finder_lines,
    headings,
    sorted_lines,
    team_lines,
)
from cats4ml.console.finder_previews import preview_disqualification, preview_reinstatement
from cats4ml.console.pattern_views import GOOD_FOR
from cats4ml.console.patterns import count_patterns
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.submissions.actions import settlement
from cats4ml.submissions.actions.settlement import SettlementRefused
from cats4ml.submissions.models import Submission
from cats4ml.submissions.presentation import reason_of
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import OUTCOMES, STATES

FINDERS_A_PAGE = 50
CLAIMS_A_PAGE = 25
USUAL = "claims"
ACTS = (ActKind.DISQUALIFIED, ActKind.REINSTATED, ActKind.BASELINE)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("It is kept in the log of what was done, and with every credit that changes."),
        error_messages={"required": gettext_lazy("Say why: this is done only with a reason.")},
    )


class BaselineForm(forms.Form):
    baseline = forms.TypedChoiceField(
        choices=[("yes", gettext_lazy("Out of competition")), ("no", gettext_lazy("Competes"))],
        coerce=lambda word: word == "yes",
    )
    reason = forms.CharField(max_length=500)


@for_organisers
@require_safe
def finders(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    at = timezone.now()
    found = counted("finders", challenge, count_finders, at=at)
    sort = request.GET.get("sort", USUAL)
    if sort.removeprefix("-") not in SORTS:
        sort = USUAL
    words, teams = _searched(request), request.GET.get("by") == "team"
    lines = sorted_lines(_chosen(found.figures if found else (), words=words, teams=teams), sort)
    page = Paginator(lines, FINDERS_A_PAGE).get_page(request.GET.get("page"))
    kept = urlencode({name: value for name, value in (("q", words), ("by", "team" if teams else "")) if value})
    kept = f"{kept}&" if kept else ""
    context = page_context(
        challenge,
        viewer,
        "console",
        counted=found,
        everybody=len(found.figures) if found else 0,
        disqualified=sum(one.disqualified_at is not None for one in found.figures) if found else 0,
        page=page,
        words=words,
        teams=teams,
        sort=sort,
        heads=headings(sort, kept),
        numbers=NUMBERS,
        previous=f"?{kept}sort={sort}&page={page.previous_page_number()}" if page.has_previous() else "",
        next=f"?{kept}sort={sort}&page={page.next_page_number()}" if page.has_next() else "",
    )
    return render(request, "console/finders.html", context)


def _searched(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "").strip()[:100]


def _chosen(lines: tuple[FinderLine, ...], *, words: str, teams: bool) -> list[FinderLine]:
    wanted = words.casefold()
    rows = team_lines(lines) if teams else list(lines)
    return [one for one in rows if wanted in one.name.casefold() or wanted in one.team_name.casefold()]


@for_organisers
@require_safe
def finders_csv(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    found = counted("finders", challenge, count_finders, at=timezone.now())
    if found is None:
        return HttpResponse(
            _("The figures are being counted: ask again in a minute."), status=503, content_type="text/plain"
        )
    reply = HttpResponse(content_type="text/csv; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="{challenge.slug}-finders.csv"'
    writer = csv.writer(reply)
    columns = ("claims", "later", "settled", "false_negatives", "false_positives", "pending", "near_copies", "points")
    writer.writerow(
        ["finder", "team", *columns, "success_rate", "last_active", "disqualified_at", "out_of_competition"]
    )
    for line in sorted_lines(found.figures, "name"):
        moments = (line.last_at, line.disqualified_at)
        last, out = ("" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in moments)
        rate = "" if line.success is None else f"{line.success:.4f}"
        figures = [getattr(line, name) for name in columns]
        baseline_word = "yes" if line.is_baseline else "no"
        writer.writerow([harmless(line.name), harmless(line.team_name), *figures, rate, last, out, baseline_word])
    return reply


def _finder(challenge: Challenge, pk: int) -> Participation:
    everybody = Participation.objects.select_related("user", "team", "challenge__policy")
    return get_object_or_404(everybody, challenge=challenge, role=Role.FINDER, pk=pk)


@for_organisers
@require_safe
def finder(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    one = _finder(challenge, pk)
    claims = Submission.objects.filter(participation=one)
    shown = claims.select_related("pair__image", "pair__label", "pair__policy", "pair__challenge__policy")
    page = keyset_page(request, shown, size=CLAIMS_A_PAGE)
    for claim in page.rows:
        claim.reason = reason_of(claim.pair)
    found = counted("patterns", challenge, count_patterns, at=timezone.now(), good_for=GOOD_FOR)
    context = page_context(
        challenge,
        viewer,
        "console",
        finder=one,
        line=finder_lines(challenge, finder=one)[0],
        states=_by_state(one),
        page=page,
        patterns=found.figures.about(one.pk) if found else None,
        patterns_at=found.at if found else None,
        acts=OrganiserAct.objects.filter(challenge=challenge, kind__in=ACTS, details__participation=one.pk)
        .select_related("by")
        .order_by("-pk"),
    )
    return render(request, "console/finder.html", context)


def _by_state(one: Participation) -> list[tuple[str, str, int]]:
    """How many of their claims stand where: state or outcome, its word, and the number."""
    kept = Submission.objects.filter(participation=one, retracted_at=None).order_by()
    rows = kept.values_list("pair__state", "pair__outcome").annotate(n=Count("pk"))
    counts = {outcome or state: number for state, outcome, number in rows}
    words = {**{key: one.plural for key, one in OUTCOMES.items()}, **STATES}
    found = [(key, word, counts[key]) for key, word in words.items() if key in counts]
    taken_back = Submission.objects.filter(participation=one, retracted_at__isnull=False).count()
    return [*found, ("", _("Retracted"), taken_back)] if taken_back else found


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def disqualify(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What disqualifying a finder would change, and the button that does it."""
    one = _finder(challenge, pk)
    if one.disqualified_at is not None:
        return redirect("console:finder_reinstate", slug=challenge.slug, pk=one.pk)
    return _act_page(
        request, challenge, viewer, one, act=settlement.disqualify_participant, rehearse=preview_disqualification
    )


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def reinstate(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What taking a disqualification back would change, and the button that does it."""
    one = _finder(challenge, pk)
    if one.disqualified_at is None:
        return redirect("console:finder", slug=challenge.slug, pk=one.pk)
    return _act_page(
        request, challenge, viewer, one, act=settlement.reinstate_participant, rehearse=preview_reinstatement
    )


def _act_page(
    request: HttpRequest,
    challenge: Challenge,
    viewer: Viewer,
    one: Participation,
    *,
    act: Callable[..., object],
    rehearse: Callable[..., Any],
) -> HttpResponse:
    form, at, by = ReasonForm(request.POST or None), timezone.now(), organiser_of(request)
    lifts = one.disqualified_at is not None
    if request.method == "POST" and form.is_valid():
        try:
            act(participation=one, reason=form.cleaned_data["reason"], by=by, at=at)
        except SettlementRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _count_anew(challenge)
            words = _("%(name)s is disqualified; the board follows within a second.")
            if lifts:
                words = _("%(name)s takes part again; the board follows within a second.")
            messages.success(request, words % {"name": one.user.public_name})
            return redirect("console:finder", slug=challenge.slug, pk=one.pk)
    try:
        preview = rehearse(participation=one, by=by, at=at)
    except SettlementRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:finder", slug=challenge.slug, pk=one.pk)
    context = page_context(challenge, viewer, "console", finder=one, lifts=lifts, form=form, preview=preview)
    return render(request, "console/finder_act.html", context, status=422 if form.errors else 200)


def _count_anew(challenge: Challenge) -> None:
    for name in ("overview", "finders"):
        ring(name, challenge)


@for_organisers
@require_POST
def baseline(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """Let a finder play out of competition, or compete again."""
    one, form = _finder(challenge, pk), BaselineForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why, in 500 characters at most: who competes is changed only with a reason."))
        return redirect("console:finder", slug=challenge.slug, pk=one.pk)
    try:
        set_baseline(
            participation=one,
            is_baseline=form.cleaned_data["baseline"],
            reason=form.cleaned_data["reason"],
            by=organiser_of(request),
            at=timezone.now(),
        )
    except BaselineRefused as refusal:
        messages.error(request, str(refusal))
    else:
        _count_anew(challenge)
        words = (
            _("%(name)s plays out of competition.") if form.cleaned_data["baseline"] else _("%(name)s competes again.")
        )
        messages.success(request, words % {"name": one.user.public_name})
    return redirect("console:finder", slug=challenge.slug, pk=one.pk)
