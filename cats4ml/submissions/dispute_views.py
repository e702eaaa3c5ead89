"""A finder disputes how a pair of theirs ended."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.challenges.queries import Viewer
from cats4ml.submissions.actions.disputes import DisputeRefused, dispute_outcome
from cats4ml.submissions.disputing import why_not_disputed
from cats4ml.submissions.forms import DisputeForm
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import submissions_of
from cats4ml.submissions.views import for_finders


@for_finders
@require_http_methods(["GET", "HEAD", "POST"])
def dispute(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, submission_id: int
) -> HttpResponse:
    at = timezone.now()
    claim = with_details(submissions_of(finder)).filter(pk=submission_id).first()
    if claim is None:
        raise Http404(_("You have no such claim."))
    form = DisputeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            dispute_outcome(
                participation=finder, submission_id=submission_id, reason=form.cleaned_data["reason"], at=at
            )
        except DisputeRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Sent. An organiser will look at it, and their answer will stand here."))
            return redirect("pages:mine", slug=challenge.slug)
    [view] = claim_views([claim], {}, at=at)
    objection = why_not_disputed(claim, points=view.points, at=at)
    context = page_context(challenge, viewer, "mine", view=view, form=form, objection=objection)
    return render(request, "submissions/dispute.html", context, status=422 if form.errors else 200)
