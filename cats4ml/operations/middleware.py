"""What stands around every request: the answers to machines, and the measuring of the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cats4ml.operations import exposition, metrics, probes

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz/": probes.healthz,
    "/readyz/": probes.readyz,
    "/metrics": exposition.metrics,
}


class Probes:
    """Answers those machines before everything else: they know neither the site's host name nor TLS, and no session,
    throttle or database may stand between them and the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = PROBES.get(request.path_info)
        if answer is None or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        return answer(request)


class DatabaseTime:
    """A wrapper of statements that adds up how long they took, in seconds, and how many there were."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.statements = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began
            self.statements += 1


class Measured:
    """Counts requests by view, method and status, and what they took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        database = DatabaseTime()
        with metrics.REQUESTS_NOW.track_inprogress(), connection.execute_wrapper(database):
            response = self.get_response(request)
        match = request.resolver_match
        view = match.view_name or "unnamed" if match else "none"
        method = request.method if request.method in METHODS else "other"
        metrics.REQUESTS.labels(view, method, str(response.status_code)).inc()
        metrics.REQUEST_SECONDS.labels(view, method).observe(time.perf_counter() - began)
        metrics.DATABASE_SECONDS.labels(view).inc(database.seconds)
        metrics.DATABASE_STATEMENTS.labels(view).inc(database.statements)
        return response
