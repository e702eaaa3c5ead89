"""What somebody reads who asks too often."""

from __future__ import annotations

import math
from collections.abc import Mapping

from allauth.core.internal.ratelimit import parse_rates
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# Which limits a page is under, as allauth names them.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "account_login": ("login",),
    "account_signup": ("signup",),
    "account_reset_password": ("reset_password",),
    "account_reset_password_from_key": ("reset_password_from_key",),
    "account_email": ("manage_email",),
    "account_change_password": ("change_password",),
    "account_set_password": ("change_password",),
    "account_reauthenticate": ("reauthenticate",),
}


def longest_wait(actions: tuple[str, ...]) -> int:
    """Seconds after which the strictest of these limits lets somebody in again, whatever they did."""
    rates = [rate for action in actions for rate in parse_rates(settings.ACCOUNT_RATE_LIMITS.get(action))]
    return math.ceil(max((rate.duration for rate in rates), default=60))


def too_many_requests(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    match = request.resolver_match
    name = (match.view_name if match else "") or ""
    limited = getattr(match, "rate_limited", "")
    seconds = longest_wait((limited,) if limited else ACTIONS.get(name, ()))
    context = {"minutes": math.ceil(seconds / 60)}
    response = render(request, "429.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response
