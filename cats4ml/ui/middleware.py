"""Pages in the language and the time zone of whoever reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from cats4ml.ui.languages import is_language
from cats4ml.ui.zones import zone_of

# What is written for people. A picture or a file of data is the same in every language, and caches may know it.
WRITTEN = ("text/html", "text/plain", "application/json")


class ReadersLanguage:
    """The language: the one that the person chose, else the browser's cookie, else what the browser asks for. The time
    zone: the one that the person chose, else UTC; programs always get UTC. Stands behind the authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Who has no session costs no query.
        reader: Any = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        chosen = getattr(reader, "language", "")
        language = chosen if is_language(chosen) else translation.get_language_from_request(request)
        zone = "" if request.path.startswith("/api/") else getattr(reader, "time_zone", "")
        with translation.override(language), timezone.override(zone_of(zone)):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith(WRITTEN) and "public" not in response.get("Cache-Control", ""):
            response.setdefault("Content-Language", language)
            patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response
