"""Each request has an id: in its log lines, in those of the tasks that it rings, in its answer, on a failure's page."""

from __future__ import annotations

import logging
import re
import sys
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import get_template
from django_guid.api import set_guid
from django_guid.context import guid

from cats4ml.outages import RETRY_SECONDS, passes
from scoring.logs import REQUEST_HEADER, TaskNames

# What proxies make: 32 hexadecimal digits, with or without the hyphens of a UUID. Anything else could be anything.
_WELL_FORMED = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class RequestId:
    """Takes over the id that a proxy gave, if it is well-formed, or makes one. The tasks get it by django-guid's
    integration of Celery; django-guid's own middleware takes ids of any length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(REQUEST_HEADER, "")
        known = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        set_guid(known)  # cleared by django-guid when the answer is sent
        response = self.get_response(request)
        response[REQUEST_HEADER] = known
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of a failure, with the id under which the log tells of it. Needs neither database nor session."""
    soon = passes(sys.exc_info()[1])
    page = get_template("500.html").render({"request_id": guid.get(), "soon": soon})
    if not soon:
        return HttpResponse(page, status=500)
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_SECONDS})


class Names(TaskNames):
    """Gives every record the ids of the request and of the task that it was written in."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(record, "request_id", None) or guid.get()
        return super().filter(record)
