"""What every page of an edition begins with."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer, viewer_of, visible_challenges


def challenge_and_viewer(request: HttpRequest, slug: str) -> tuple[Challenge, Viewer]:
    """The edition of this address and what the person looking is in it; 404 for a draft of somebody else's."""
    everything = visible_challenges(request.user).select_related("policy", "roster")
    challenge = get_object_or_404(everything, slug=slug)
    viewer = viewer_of(challenge, request.user)
    if challenge.policy is None and not viewer.is_organiser:
        raise Http404("This edition has no policy yet.")
    return challenge, viewer


def page_context(challenge: Challenge | None, viewer: Viewer | None, nav: str, **more: Any) -> dict[str, Any]:
    return {"challenge": challenge, "viewer": viewer, "nav": nav, **more}
