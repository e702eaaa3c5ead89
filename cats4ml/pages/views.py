"""Pages that compose several apps."""

from __future__ import annotations

import uuid
from functools import lru_cache

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cats4ml.accounts.addresses import is_verified
from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import was_taken_down
from cats4ml.catalog.http import picture_response, taken_down_response
from cats4ml.catalog.models import Image
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.consents import finder_terms, rater_terms, why_asked_anew
from cats4ml.challenges.editions import may_make_editions
from cats4ml.challenges.http import challenge_and_viewer, for_role, page_context
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, PoolImage, Role
from cats4ml.challenges.queries import Viewer, visible_challenges
from cats4ml.pages.challenge_page import announced, challenge_context
from cats4ml.pages.forms import JoinForm
from cats4ml.releases.queries import released
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.finder_head import finder_head
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import first_claimants, submissions_of, upload_of
from cats4ml.submissions.waits import waits_of
from cats4ml.ui.paging import keyset_page

CLAIMS_A_PAGE = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The list of editions; where there is only one, that edition's page, unless who looks may make another."""
    challenges = list(visible_challenges(request.user)[:100])
    only_one = len(challenges) == 1 and challenges[0].status != ChallengeStatus.DRAFT
    if only_one and not may_make_editions(request.user):
        return redirect("pages:challenge", slug=challenges[0].slug)
    context = {
        "challenges": announced(challenges),
        "challenge": None,
        "nav": "",
        "makes_editions": may_make_editions(request.user),
    }
    return render(request, "pages/home.html", context)


@require_safe
def challenge(request: HttpRequest, slug: str) -> HttpResponse:
    edition, viewer = challenge_and_viewer(request, slug)
    if edition.policy is None:
        messages.info(request, _("This edition has no policy yet: its page has no rules to show."))
        return redirect("console:overview", slug=slug)
    context = challenge_context(edition, viewer, at=timezone.now())
    context["latest"] = released(edition).first() if edition.is_released else None  # type: ignore[attr-defined]  # annotated
    return render(request, "pages/challenge.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    edition, viewer = challenge_and_viewer(request, slug)
    assert isinstance(request.user, User)
    at = timezone.now()
    part = viewer.finder or viewer.rater
    asked_anew = ""
    if part is not None:
        asked_anew = why_asked_anew(part)
    before = Role(part.role) if part is not None and asked_anew else None
    initial = {"consent_version": edition.consent_version, "role": before or request.GET.get("role", Role.FINDER.value)}
    form = JoinForm(request.POST or None, user=request.user, challenge=edition, at=at, role=before, initial=initial)
    if request.method == "POST" and form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            join_challenge(
                challenge=edition,
                user=request.user,
                role=role,
                consent_version=form.cleaned_data["consent_version"],
                at=at,
                team=form.cleaned_data.get("team"),
                confirmed=form.confirmed,
            )
        except JoinRefused as refusal:
            form.add_error(None, str(refusal))
            form.ask_again(edition.consent_version)
        else:
            return redirect("review:review" if role == Role.RATER else "pages:explore", slug=slug)
    context = page_context(
        edition,
        viewer,
        "challenge",
        form=form,
        part=part,
        asked_anew=asked_anew,
        rater_terms=rater_terms(),
        finder_terms=finder_terms(),
        teams_fixed=edition.fixes_teams(at),
        verified=is_verified(request.user),
    )
    return render(request, "pages/join.html", context, status=422 if form.errors else 200)


@for_role(Role.FINDER, invitation=gettext_lazy("Join the challenge as a participant to claim pairs."))
@require_safe
def mine(request: HttpRequest, edition: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    upload = upload_of(finder, request.GET.get("file", ""))
    everything = submissions_of(finder) if upload is None else submissions_of(finder).filter(upload=upload)
    claims = everything
    state = request.GET.get("state", "")
    if state in [one.value for one in PairState]:
        claims = claims.filter(pair__state=state, retracted_at=None)
    page = keyset_page(request, with_details(claims), size=CLAIMS_A_PAGE)
    at = timezone.now()
    counts = everything.order_by().values("pair__state").annotate(n=Count("pk", filter=Q(retracted_at=None)))
    numbers = {row["pair__state"]: row["n"] for row in counts}
    context = page_context(
        edition,
        viewer,
        "mine",
        page=page,
        views=claim_views(page.rows, first_claimants(page.rows), waits_of(edition, page.rows, at), at=at),
        upload=upload,
        **finder_head(finder),
        state=state,
        states=[(one, numbers.get(one.value, 0)) for one in PairState if numbers.get(one.value) or one.value == state],
        moving=any(numbers.get(one, 0) for one in (PairState.QUEUED, PairState.IN_REVIEW)),
        provisional=edition.rules.provisional_seconds,
    )
    htmx = request.htmx  # type: ignore[attr-defined]
    return render(request, "pages/_submissions.html" if htmx else "pages/mine.html", context)


@lru_cache(maxsize=1)
def _pictures() -> QuerySet[Image]:
    """The question alone, never an answer: what a picture is served by, and `for_all`, whether an edition that has left
    the draft has it. A page asks for many, and composing this would take longer than asking it."""
    open_to_all = PoolImage.objects.filter(image=OuterRef("pk")).exclude(challenge__status=ChallengeStatus.DRAFT)
    return Image.objects.only("file", "upright", "thumbnail", "hidden_at").annotate(for_all=Exists(open_to_all))


def may_see_picture(request: HttpRequest, image: Image) -> bool:
    """A picture is seen by whoever may see an edition that has it in its pool: an open one's by everybody, a draft's by
    its organisers."""
    if image.for_all:  # type: ignore[attr-defined]  # annotated
        return True
    editions = PoolImage.objects.filter(image=image).values("challenge")
    return visible_challenges(request.user).filter(pk__in=editions).exists()


@require_safe
def picture(request: HttpRequest, image_uuid: uuid.UUID) -> HttpResponseBase:
    image = _pictures().filter(uuid=image_uuid).first()
    if image is None or image.hidden_at is not None:
        if was_taken_down(image_uuid):
            return taken_down_response(request)
        raise Http404(_("There is no such picture."))
    if not may_see_picture(request, image):
        return HttpResponse("This picture is not public.", status=404, content_type="text/plain; charset=utf-8")
    return picture_response(image, request, small=request.GET.get("size") == "small")
