"""Time zones by name: those that people may choose, and the one of whoever looks."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.utils import timezone

COOKIE = "zone"
USUAL = "UTC"


@cache
def zone_names() -> list[str]:
    """The zones that somebody lives in, and UTC."""
    named = (name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [USUAL, *sorted(named)]


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC where there is none."""
    return ZoneInfo(name if name in zone_names() else USUAL)


def own_zone(request: HttpRequest) -> ZoneInfo:
    """The zone that the form was sent in, else the one that the address asks for, else the browser's own as time.js
    keeps it in a cookie, else the one that the person chose for mails, else UTC."""
    browsers = unquote(request.COOKIES.get(COOKIE, ""))
    sent = request.POST.get("zone") or request.GET.get("zone") or browsers or timezone.get_current_timezone_name()
    return zone_of(sent)
