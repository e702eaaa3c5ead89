"""The organiser's page of near-copies: two pictures side by side, why they are proposed, and what they are."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import shown as of_shown_pictures
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, ChallengeStatus, CopyDecision, NearCopy
from cats4ml.challenges.near_copies import NearCopyRefused, decide
from cats4ml.challenges.queries import Viewer
from cats4ml.console.views import for_organisers
from cats4ml.ui.paging import keyset_page

PAIRS_A_PAGE = 20
KEPT = ("decision", "after", "before")


@for_organisers
@require_safe
def near_copies(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    every = NearCopy.objects.filter(challenge=challenge)
    rows = of_shown_pictures(of_shown_pictures(every, "first"), "second")
    counts = dict(rows.order_by().values_list("decision").annotate(n=Count("pk")))
    chosen = request.GET.get("decision", CopyDecision.PROPOSED)
    if chosen not in CopyDecision.values:
        chosen = CopyDecision.PROPOSED
    shown = rows.filter(decision=chosen).select_related("first", "second", "decided_by")
    page = keyset_page(request, shown, size=PAIRS_A_PAGE, ascending=True)
    context = page_context(
        challenge,
        viewer,
        "console",
        page=page,
        chosen=chosen,
        decisions=[(one, counts.get(one.value, 0)) for one in CopyDecision],
        undecided=counts.get(CopyDecision.PROPOSED, 0),
        total=sum(counts.values()),
        is_draft=challenge.status == ChallengeStatus.DRAFT,
        kept=_kept(request),
        goes_on="decided" in request.GET,
    )
    return render(request, "console/near_copies.html", context)


@for_organisers
@require_POST
def near_copy_decide(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    proposal = get_object_or_404(NearCopy.objects.select_related("first", "second"), challenge=challenge, pk=pk)
    assert isinstance(request.user, User), "organisers are signed in"
    decision = request.POST.get("decision", "")
    if decision not in CopyDecision.values:
        messages.error(request, _("Say whether the two are near-copies or different."))
    else:
        try:
            decide(proposal, CopyDecision(decision), request.user, timezone.now())
        except NearCopyRefused as refusal:
            messages.error(request, str(refusal))
    return redirect(f"{reverse('console:near_copies', args=[challenge.slug])}?{_kept(request, decided='1')}")


def _kept(request: HttpRequest, **more: str) -> str:
    """What of the address says which list and which page of it is shown."""
    return urlencode([*((name, request.GET[name]) for name in KEPT if name in request.GET), *more.items()])
