"""In which language and time zone somebody is told something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from django.conf import settings
from django.http import HttpResponseBase
from django.utils import timezone, translation

from cats4ml.ui.zones import zone_of


class Reader(Protocol):
    """Somebody with choices of their own; an empty one is none."""

    language: str
    time_zone: str


def in_english() -> AbstractContextManager[object]:
    """What is written within is kept for everybody to read: in the language of the sources."""
    return translation.override(settings.LANGUAGE_CODE)


def is_language(code: str) -> bool:
    return code in dict(settings.LANGUAGES)


@contextmanager
def told(reader: Reader) -> Iterator[None]:
    """What is written within is for this person, as a mail is: in the language and the time zone that they chose."""
    language = reader.language if is_language(reader.language) else settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(reader.time_zone)):
        yield


SAME_SITE: Literal["Lax"] = "Lax"


def remember(response: HttpResponseBase, language: str) -> None:
    """Keep a choice in the browser, for where nobody is signed in. An empty one is forgotten."""
    if not language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite=SAME_SITE)
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 86400,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=SAME_SITE,
    )
