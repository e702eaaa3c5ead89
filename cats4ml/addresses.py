"""Where a request comes from, and where it may be led to."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def client_address(request: HttpRequest) -> str:
    """The client's address as the outermost of our own proxies saw it; without proxies that of the connection.

    What a client itself writes into X-Forwarded-For is never believed: `API_PROXIES` of its entries, from the right,
    are ours. An IPv6 client is its /64, for it has them all. "unknown" for what is no address, which all share.
    """
    ours: int = settings.REST_FRAMEWORK["NUM_PROXIES"]  # type: ignore[assignment]  # a mapping of many things
    passed = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    text = passed[-min(ours, len(passed))] if ours and passed else str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def path_within(text: str) -> str:
    """`text` where it is a path of this site; '' where a browser would leave the site by it."""
    return text if text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None) else ""
