"""From where a request comes."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest


def is_this_machine(request: HttpRequest) -> bool:
    """Whether somebody asks from this very machine, and not by way of a proxy on it."""
    if request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("HTTP_FORWARDED"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
