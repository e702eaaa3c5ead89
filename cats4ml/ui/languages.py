"""In which language and time zone somebody is told something."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils import translation

USUAL = "UTC"


def in_english() -> AbstractContextManager[object]:
    """What is written within is kept for everybody to read: in the language of the sources."""
    return translation.override(settings.LANGUAGE_CODE)


@cache
def zone_names() -> list[str]:
    """The zones that somebody lives in, and UTC."""
    named = (name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [USUAL, *sorted(named)]


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC where there is none."""
    return ZoneInfo(name if name in zone_names() else USUAL)


def language_names() -> list[tuple[str, str]]:
    """The languages of the site, each by its own name."""
    return list(settings.LANGUAGES)
