"""From where a request comes."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Whom a request is from, for counting: read as the API's throttles do, past as many proxies as are ours."""
    proxies: int = settings.REST_FRAMEWORK["NUM_PROXIES"]  # type: ignore[assignment]  # a mapping of many things
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if proxies else ""
    parts = [part.strip() for part in forwarded.split(",") if part.strip()]
    said = parts[-min(proxies, len(parts))] if parts else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:  # a socket of this machine has no address
        return "0.0.0.0"  # noqa: S104


def is_this_machine(request: HttpRequest) -> bool:
    """Whether somebody asks from this very machine, and not by way of a proxy on it."""
    if request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("HTTP_FORWARDED"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
