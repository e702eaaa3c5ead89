"""The organiser's pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from cats4ml.accounts.models import User
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console import queries
from cats4ml.console.adjudication import needs_expert, open_disputes
from cats4ml.console.agreement import agreement_of
from cats4ml.console.agreement_figures import alpha_in_words
from cats4ml.console.rater_pages import waiting_pauses
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.actions.scores import requeue_unscorable
from cats4ml.submissions.models import Pair
from cats4ml.submissions.presentation import reason_of
from cats4ml.submissions.queries import first_claims
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.plots_dots import number

PAIRS_A_PAGE = 50


def for_organisers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Give the view the challenge and the viewer, who organises it; refuse anybody else."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, slug: str, **kwargs: object) -> HttpResponseBase:
        challenge, viewer = challenge_and_viewer(request, slug)
        if not viewer.is_organiser:
            raise PermissionDenied("Only the organisers of this challenge see its console.")
        return view(request, challenge, viewer, **kwargs)

    return guarded


@for_organisers
@require_GET
def overview(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    at = timezone.now()
    counted = queries.funnel(challenge)
    hourly, raters = queries.ratings_last_hour(challenge, at)
    spent, per_pair = queries.ratings_spent(challenge)
    stalled = queries.stalled_pairs(challenge, at)
    reports = queries.open_reports(challenge)
    disputes = open_disputes(challenge)
    assert isinstance(request.user, User), "organisers are signed in"
    pauses = waiting_pauses(challenge)
    alpha = agreement_of(challenge).alpha
    context = page_context(
        challenge,
        viewer,
        "console",
        at=at,
        funnel=counted,
        outcomes=queries.outcome_counts(challenge).items(),
        hourly=hourly,
        raters=raters,
        spent=spent,
        per_pair=per_pair,
        stalled=stalled.count(),
        oldest_stalled=stalled.first(),
        reports=reports.count(),
        oldest_report=reports.first(),
        paused=pauses.count(),
        oldest_pause=pauses.first(),
        unscored=queries.unscored_labels(challenge),
        ambiguous=needs_expert(challenge, request.user).filter(disputed=False).count(),
        disputes=disputes.count(),
        oldest_dispute=disputes.first(),
        alpha=number(alpha.value) if alpha else "",
        alpha_words=alpha_in_words(alpha),
    )
    return render(request, "console/overview.html", context)


@for_organisers
@require_GET
def pairs(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    rows = Pair.objects.filter(challenge=challenge).select_related("image", "label")
    outcome, state = request.GET.get("outcome", ""), request.GET.get("state", "")
    if outcome in [one.value for one in Outcome]:
        rows = rows.filter(outcome=outcome)
    if state in [one.value for one in PairState]:
        rows = rows.filter(state=state)
    page = keyset_page(request, rows, size=PAIRS_A_PAGE)
    claims = first_claims(page.rows)
    for pair in page.rows:
        claim = claims.get(pair.pk)
        pair.submitter = claim.participation.public_name if claim else ""
        pair.reason = pair.unscorable_reason if pair.state == PairState.UNSCORABLE else reason_of(pair)
    context = page_context(
        challenge, viewer, "console", page=page, outcome=outcome, state=state, outcomes=list(Outcome)
    )
    return render(request, "console/pairs.html", context)


@for_organisers
@require_POST
def requeue(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    number = requeue_unscorable(challenge=challenge, at=timezone.now())
    messages.success(request, f"{number} pair{'' if number == 1 else 's'} sent to the classifiers again.")
    return redirect("console:overview", slug=challenge.slug)
