"""The organiser's overview, and what is done from it by one click."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console import overview_figures as figures
from cats4ml.console.agreement_figures import alpha_in_words
from cats4ml.console.counted import Counted, counted, ring
from cats4ml.console.needs import STALLED_AFTER, needs_of, reports_waiting
from cats4ml.console.watching import Overview, count_overview
from cats4ml.submissions.actions.scores import requeue_unscorable, send_again
from cats4ml.ui.navigation import url_or_empty
from cats4ml.ui.plots_dots import number
from cats4ml.ui.words import figure

LABELS_SHOWN = 12


def for_organisers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Give the view the challenge and the viewer, who organises it; refuse anybody else."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, slug: str, **kwargs: object) -> HttpResponseBase:
        challenge, viewer = challenge_and_viewer(request, slug)
        if not viewer.is_organiser:
            raise PermissionDenied(_("Only the organisers of this challenge see its console."))
        if request.method in ("GET", "HEAD") and not request.headers.get(
            "HX-Request"
        ):  # what has no navigation needs no count
            challenge.waiting = {"reports": reports_waiting(challenge)}  # type: ignore[attr-defined]
        return view(request, challenge, viewer, **kwargs)

    return guarded


def organiser_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "organisers are signed in"
    return request.user


@for_organisers
@require_safe
def overview(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """The page, and for htmx the part of it that renews itself."""
    at = timezone.now()
    needs = needs_of(challenge, organiser_of(request), at)
    found = counted("overview", challenge, count_overview, at=at)
    everything = request.GET.get("labels") == "all"
    context = page_context(
        challenge,
        viewer,
        "console",
        at=at,
        needs=needs,
        releases_url=url_or_empty("console:releases", challenge.slug),
        counted=found,
        everything=everything,
        **(_shown(challenge, found, needs=needs.kinds, everything=everything) if found else {}),
    )
    part = "console/_overview.html" if request.headers.get("HX-Request") else "console/overview.html"
    return render(request, part, context)


def _shown(challenge: Challenge, found: Counted[Overview], *, needs: int, everything: bool) -> dict[str, Any]:
    overview, at = found.figures, found.at
    labels = figures.label_rows(overview.labels)
    headline = figures.headline(challenge, overview, at=at, needs=needs)
    return {
        "overview": overview,
        "funnel": overview.funnel,
        "spent": overview.spent,
        "headline": headline,
        "tells_needs": headline == str(figures.NEEDS_YOU),
        "week_before": figures.week_before(overview),
        "oldest": figures.oldest_in_words(overview),
        "alpha": number(overview.alpha.value) if overview.alpha else "",
        "alpha_words": alpha_in_words(overview.alpha),
        "queue_plot": figures.queue_plot(overview, at=at),
        "forecast_words": figures.forecast_in_words(overview, at=at),
        "agreement_plot": figures.agreement_plot(overview),
        "score_plot": figures.score_plot(overview, threshold=figures.threshold_of(challenge)),
        "found_parts": figures.found_parts(overview),
        "labels": labels if everything else labels[:LABELS_SHOWN],
        "labels_left": max(0, len(labels) - LABELS_SHOWN),
    }


@for_organisers
@require_POST
def requeue(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """Send again what can't be scored, or what has waited too long for its score."""
    at, by = timezone.now(), organiser_of(request)
    if request.POST.get("what") == "stalled":
        sent = send_again(challenge=challenge, stalled_since=at - STALLED_AFTER, at=at, by=by)
    else:
        sent = requeue_unscorable(challenge=challenge, at=at, by=by)
    ring("overview", challenge)
    messages.success(
        request,
        ngettext("%(n)s pair sent to the classifiers again.", "%(n)s pairs sent to the classifiers again.", sent)
        % {"n": figure(sent)},
    )
    return redirect("console:overview", slug=challenge.slug)
