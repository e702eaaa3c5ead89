"""How often one person, or one address that nobody signed in from, may ask for what costs much."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from cats4ml.addresses import client_address
from cats4ml.json_cache import count_up

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
SEARCH, PICTURES, FILES, SENT, PAGES = "search", "pictures", "files", "sent", "pages"
KINDS = {
    "pages:explore": SEARCH,
    "pages:explore_like": SEARCH,
    "pages:explore_picture": SEARCH,
    "pages:meaning": SEARCH,
    "pages:picture": PICTURES,
    "review:picture": PICTURES,
    "review:example": PICTURES,
    "pages:data_file": FILES,
    "pages:data_checksums": FILES,
    "pages:release_file": FILES,
    "leaderboard:csv": FILES,
    "evaluations:questions": FILES,
    "console:acts_csv": FILES,
    "console:finders_csv": FILES,
    "console:pairs_csv": FILES,
    "console:study_visits": FILES,
    "console:verdict_rule_csv": FILES,
    "submissions:bad_rows": FILES,
}
# Limits of their own: the API's throttles, and a check that an orchestrator makes as often as it likes.
LEFT_OUT = re.compile(r"^(api|operations):")


def kind_of(view_name: str, method: str | None) -> str | None:
    """Which limit a request counts for; None for what is not limited here."""
    if LEFT_OUT.match(view_name):
        return None
    return KINDS.get(view_name, PAGES) if method in SAFE else SENT


def seconds_to_wait(kind: str, who: str, *, at: float) -> int:
    """Count one request; 0 where it is within its limit, else the seconds until the next may come.

    Two windows beside each other make one that slides: the one before counts by what is left of it. Where Redis is
    away nobody is held up: the site's pages matter more than its limits.
    """
    rate = settings.PAGE_RATES[kind]
    if rate is None:
        return 0
    most, seconds = rate
    window, into = divmod(at, seconds)
    key, former = (f"rate-{kind}-{who}-{int(one)}" for one in (window, window - 1))
    now, before = count_up(key, former, seconds=2 * seconds)
    if now + before * (seconds - into) / seconds <= most:
        return 0
    return max(1, int(seconds - into) + 1)


class Throttle:
    """429 with Retry-After for whoever asks too often (`PAGE_RATES`). To stand behind the one that knows who asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponseBase | None:
        match = request.resolver_match
        assert match is not None, "a view was found"
        kind = kind_of(match.view_name or "", request.method)
        if kind is None:
            return None
        user = request.user
        who = f"u{user.pk}" if user.is_authenticated else client_address(request)
        wait = seconds_to_wait(kind, who, at=time.time())
        return too_many(request, wait) if wait else None


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    """The answer: a page for a browser, a line for anything else."""
    if "text/html" in request.headers.get("Accept", "") and "HX-Request" not in request.headers:
        response = render(request, "too_many.html", {"wait": wait}, status=429)
    else:
        words = _("Too many requests. Try again in %(seconds)d seconds.") % {"seconds": wait}
        response = HttpResponse(f"{words}\n", status=429, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(wait)
    response["Cache-Control"] = "no-store"
    return response
