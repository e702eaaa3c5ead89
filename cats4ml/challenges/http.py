"""What every page of an edition begins with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cats4ml.challenges.consents import why_asked_anew
from cats4ml.challenges.models import Challenge, Role
from cats4ml.challenges.queries import Viewer, viewer_of, visible_challenges, with_releases

View = Callable[..., HttpResponseBase]


def challenge_and_viewer(request: HttpRequest, slug: str) -> tuple[Challenge, Viewer]:
    """The edition of this address and what the person looking is in it; 404 for a draft of somebody else's."""
    everything = with_releases(visible_challenges(request.user)).select_related("policy", "roster")
    challenge = everything.filter(slug=slug).first()
    if challenge is None:
        raise Http404(_("There is no such challenge."))
    viewer = viewer_of(challenge, request.user)
    for part in (viewer.finder, viewer.rater):
        if part is not None:
            part.challenge = challenge  # with its policy: nothing asks for it again
    if challenge.policy is None and not viewer.is_organiser:
        raise Http404(_("This edition has no policy yet."))
    return challenge, viewer


def for_role(role: Role, *, invitation: str | Promise, acts: bool = False) -> Callable[[View], View]:
    """Give a view the challenge, the viewer and their participation in this role; send anybody else to join first.

    `acts`: it leads to a claim or an answer, so that whoever left, or agreed to another text than is in force, is sent
    to agree to it.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, **kwargs: object) -> HttpResponseBase:
            challenge, viewer = challenge_and_viewer(request, slug)
            participation = viewer.rater if role == Role.RATER else viewer.finder
            if participation is None:
                messages.info(request, str(invitation))
                return redirect("pages:join", slug=slug)
            if acts and why_asked_anew(participation):
                return _to_the_text(request, slug)
            return view(request, challenge, viewer, participation, **kwargs)

        return guarded

    return decorate


def _to_the_text(request: HttpRequest, slug: str) -> HttpResponse:
    """The join page says itself why somebody is asked anew. A script that waits for a part of a page goes there too."""
    address = reverse("pages:join", args=[slug])
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def page_context(challenge: Challenge | None, viewer: Viewer | None, nav: str, **more: Any) -> dict[str, Any]:
    """`asks_anew`: what a line above the page asks of who takes part before they go on; see `_asks_anew`."""
    asks_anew = _asks_anew(viewer, nav) if viewer is not None else ""
    return {"challenge": challenge, "viewer": viewer, "nav": nav, "asks_anew": asks_anew, **more}


def _asks_anew(viewer: Viewer, nav: str) -> str:
    """“changed” where somebody agreed to another text than is in force: on every page but the console's, before they
    lose time on a claim. “left” where they took their consent back: only where they look for pictures. Else ''."""
    for part in (viewer.finder, viewer.rater):
        if part is not None and nav != "console" and why_asked_anew(part):
            return "changed" if part.left_at is None else ("left" if nav == "explore" else "")
    return ""
