"""In which time zone an organiser writes and reads dates in forms."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest

COOKIE = "zone"
USUAL = "UTC"


@cache
def zone_names() -> list[str]:
    """The zones that somebody lives in, and UTC."""
    named = (name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [USUAL, *sorted(named)]


def own_zone(request: HttpRequest) -> ZoneInfo:
    """The zone that the form was sent in, else the one that the address asks for, else the browser's own as time.js
    keeps it in a cookie, else UTC."""
    sent = request.POST.get("zone") or request.GET.get("zone") or unquote(request.COOKIES.get(COOKIE, ""))
    return ZoneInfo(sent if sent in zone_names() else USUAL)
