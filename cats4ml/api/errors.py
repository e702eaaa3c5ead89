"""Errors as the API tells them: `{"detail": …}`, or a list of messages for each field."""

from __future__ import annotations

import logging
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError, PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cats4ml.catalog.complaints import ComplaintRefused
from cats4ml.challenges.actions import JoinRefused
from cats4ml.outages import RETRY_SECONDS, passes
from cats4ml.releases.actions import ReleaseRefused
from cats4ml.releases.serving import ReleaseWithdrawn
from cats4ml.review.actions.rights import AlreadyRated, RaterPaused, RatingRefused
from cats4ml.review.pause_words import words_of
from cats4ml.submissions.actions.claims import ClaimRefused
from cats4ml.submissions.actions.disputes import AlreadyDisputed, DisputeRefused
from cats4ml.submissions.claim_files import UnreadableUpload
from cats4ml.submissions.models import Submission

logger = logging.getLogger(__name__)


class Conflict(APIException):
    """What was sent is well-formed, but stands already."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = gettext_lazy("This exists already.")


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = gettext_lazy("The request is too large.")


class Gone(APIException):
    """What was here and is served no more."""

    status_code = status.HTTP_410_GONE
    default_code = "gone"
    default_detail = gettext_lazy("This is gone.")


class Unavailable(APIException):
    """The database is away for a moment; nothing was saved."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = gettext_lazy("The database does not answer. Nothing was saved; try again in a few seconds.")
    wait = RETRY_SECONDS  # `Retry-After`


def translate(error: Exception) -> Exception:
    """The domain's refusals as answers with the sentence that they carry; any other error as it is."""
    if isinstance(error, (AlreadyRated, AlreadyDisputed, ReleaseRefused)):
        return Conflict(str(error))
    if isinstance(error, RaterPaused):
        return PermissionDenied(str(words_of(error.pause)))
    if isinstance(error, (ClaimRefused, ComplaintRefused, DisputeRefused, RatingRefused, JoinRefused)):
        return PermissionDenied(str(error))
    if isinstance(error, UnreadableUpload):
        return ParseError(str(error))
    if isinstance(error, Submission.DoesNotExist):
        return NotFound(_("You have no such submission."))
    return Gone(str(error)) if isinstance(error, ReleaseWithdrawn) else error


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error, as JSON whatever format was asked for. None for a surprise: that one is raised."""
    request = context.get("request")
    if request is not None:
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
    if passes(error):
        logger.error("the database gave up: %s", error)
        error = Unavailable()
    return exception_handler(translate(error), context)
