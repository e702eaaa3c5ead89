"""Claiming pairs in the browser, and the public queue."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.http import challenge_and_viewer, for_role, page_context
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.claims import (
    ClaimRefused,
    check_may_claim,
    retract_submission,
    submit_pairs,
)
from cats4ml.submissions.finder_head import finder_head
from cats4ml.submissions.forms import ClaimForm, UploadForm
from cats4ml.submissions.hints import hit_rates_by_annotation, hit_rates_by_label
from cats4ml.submissions.models import Submission, Upload
from cats4ml.submissions.problems import NEAR_COPY_CLAIMED, Problem
from cats4ml.submissions.queries import first_claims, public_queue
from cats4ml.ui.paging import keyset_page

ROWS_A_PAGE = 50


INVITATION = gettext_lazy("Join the challenge as a participant to claim pairs.")
for_finders = for_role(Role.FINDER, invitation=INVITATION)
for_claimants = for_role(Role.FINDER, invitation=INVITATION, acts=True)


def submit_page(
    request: HttpRequest,
    challenge: Challenge,
    viewer: Viewer,
    finder: Participation,
    *,
    form: ClaimForm | None = None,
    upload_form: UploadForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page on which claims are made, with what was wrong with the form that was sent."""
    image_id = (form["image_id"].value() if form else request.GET.get("image", "")) or ""
    target = shown_pool(challenge).filter(image_key=image_id.replace("\x00", "")).select_related("image")
    labels = list(target_labels(challenge))
    initial = {"image_id": image_id, "label_id": request.GET.get("label", "")}
    refusal = ""
    try:
        check_may_claim(finder, timezone.now())
    except ClaimRefused as error:
        refusal = str(error)
    context = page_context(
        challenge,
        viewer,
        "submit",
        form=form or ClaimForm(initial=initial, labels=labels),
        upload_form=upload_form or UploadForm(),
        target=target.first(),
        image_id=image_id,
        **finder_head(finder),
        label_count=len(labels),
        refusal=refusal,
        uploads=Upload.objects.filter(participation=finder).order_by("-id")[:5],
    )
    return render(request, "submissions/submit.html", context, status=status)


@for_claimants
@require_safe
def submit(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    return submit_page(request, challenge, viewer, finder)


@for_claimants
@require_POST
def submit_pair(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    form = ClaimForm(request.POST, labels=list(target_labels(challenge)))
    if form.is_valid():
        try:
            [checked] = submit_pairs(participation=finder, rows=[form.row()], at=timezone.now())
        except ClaimRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            if checked.problem is None:
                later = (" " + _("Somebody claimed it before you: it costs you nothing.")) if checked.later else ""
                copy = f" {NEAR_COPY_CLAIMED}" if checked.near_copy else ""
                messages.success(request, _("Claimed.") + later + copy)
                return redirect("pages:mine", slug=challenge.slug)
            field = "image_id" if checked.problem == Problem.UNKNOWN_IMAGE else None
            words = f"{checked.problem.label}. {checked.detail} {checked.problem.remedy}"
            form.add_error(field, " ".join(words.split()))
    return submit_page(request, challenge, viewer, finder, form=form, status=422)


@for_finders
@require_POST
def retract(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, submission_id: int
) -> HttpResponse:
    get_object_or_404(Submission, pk=submission_id, participation=finder)
    try:
        retract_submission(participation=finder, submission_id=submission_id, at=timezone.now())
    except ClaimRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("You took the claim back. It costs you nothing."))
    return redirect("pages:mine", slug=challenge.slug)


@for_finders
@require_safe
def hints(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    """What has worked for the participant: of their own settled pairs, and of nobody else's."""
    context = page_context(
        challenge,
        viewer,
        "mine",
        by_label=hit_rates_by_label(finder),
        by_annotation=hit_rates_by_annotation(finder),
        **finder_head(finder),
    )
    return render(request, "submissions/hints.html", context)


@require_safe
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    pairs = public_queue(challenge)
    state = request.GET.get("state", "")
    if state in [one.value for one in PairState]:
        pairs = pairs.filter(state=state)
    page = keyset_page(request, pairs, size=ROWS_A_PAGE)
    claims = first_claims([pair for pair in page.rows if pair.state == PairState.SETTLED])
    for pair in page.rows:
        claim = claims.get(pair.pk)
        pair.submitter = claim.participation.public_name if claim else ""
    counts = {
        row["state"]: row["n"] for row in public_queue(challenge).order_by().values("state").annotate(n=Count("pk"))
    }
    states = [(one, counts.get(one.value, 0)) for one in PairState]
    context = page_context(
        challenge,
        viewer,
        "queue",
        page=page,
        state=state,
        states=states,
        total=sum(counts.values()),
        **finder_head(viewer.finder),
    )
    template = "submissions/_queue.html" if request.htmx else "submissions/queue.html"  # type: ignore[attr-defined]
    return render(request, template, context)
