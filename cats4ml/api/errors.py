"""Errors as the API tells them: `{"detail": …}`, or a list of messages for each field."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cats4ml.challenges.actions import JoinRefused
from cats4ml.review.actions import AlreadyRated, RatingRefused
from cats4ml.submissions.actions.claims import ClaimRefused


class Conflict(APIException):
    """What was sent is well-formed, but stands already."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "This exists already."


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The domain's refusals become answers with the sentence they carry; the rest is the framework's."""
    if isinstance(error, AlreadyRated):
        return exception_handler(Conflict(str(error)), context)
    if isinstance(error, (ClaimRefused, RatingRefused, JoinRefused)):
        return Response({"detail": str(error)}, status=status.HTTP_403_FORBIDDEN)
    return exception_handler(error, context)
