"""An edition's data as files."""

from __future__ import annotations

from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.api.documented import READS, refusal
from cats4ml.api.errors import Conflict
from cats4ml.api.formats import AnyAccepted
from cats4ml.api.serializers import BeingBuiltSerializer, DataFileSerializer
from cats4ml.api.views.base import EditionView
from cats4ml.challenges.data_contents import Snapshot
from cats4ml.challenges.data_files import NAMES, ON_THE_WAY, ask_for, is_ready, is_refused, listed, offered
from cats4ml.challenges.data_http import RETRY_SECONDS, data_file_response
from cats4ml.challenges.models import DataFile, DataFileKind


class BuildFailed(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "build_failed"


class DataFileList(EditionView):
    pagination_class = None  # type: ignore[assignment]  # a handful, told all at once

    @extend_schema(responses={200: DataFileSerializer(many=True), 404: READS[404]})
    def get(self, request: Request, slug: str) -> Response:
        """The files of the challenge's data: labels, images, image-level labels, and more where there is more.

        What is out of date is being built when this answers, but for the zip of the pictures. Ask again until a file is
        `ready`, or just download it.
        """
        rows = listed(challenge=self.challenge, at=timezone.now(), snapshot=Snapshot(self.challenge))
        return Response(DataFileSerializer([self._shown(request, row) for row in rows], many=True).data)

    def _shown(self, request: Request, row: DataFile) -> dict[str, object]:
        address = reverse("api:data_file", args=[self.challenge.slug, row.kind])
        ready = is_ready(row)
        return {
            "kind": row.kind,
            "name": NAMES[DataFileKind(row.kind)],
            "state": row.state,
            "done": row.done,
            "total": row.total,
            "bytes": row.bytes if ready else None,
            "sha256": row.sha256 if ready else None,
            "url": request.build_absolute_uri(address),
            "built_at": row.built_at if ready else None,
            "error": row.error,
        }


class DataFileBytes(EditionView):
    content_negotiation_class = AnyAccepted

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=DataFileKind.values),
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One part, as `bytes=1000-`."),
        ],
        responses={
            (200, "*/*"): OpenApiTypes.BINARY,
            (206, "*/*"): OpenApiTypes.BINARY,
            202: OpenApiResponse(BeingBuiltSerializer, description="It is being built: ask again after `Retry-After`."),
            304: OpenApiResponse(description="The file that `If-None-Match` names is still the one."),
            404: refusal("No such challenge or file, or a draft of somebody else's."),
            409: refusal("There is no such file of so many or so large pictures. `detail` says what to do instead."),
            416: OpenApiResponse(description="The file has no such bytes."),
            503: refusal("It could not be built. `detail` says why; it is tried again."),
        },
    )
    def get(self, request: Request, slug: str, kind: str) -> HttpResponseBase:
        """Download a file, whole or a part of it. Its ETag is `"sha256:…"`, the digest of all its bytes."""
        if kind not in [one.value for one in offered(self.challenge)]:
            raise Http404(_("This challenge has no such file."))
        row = ask_for(challenge=self.challenge, kind=DataFileKind(kind), at=timezone.now(), certain=True)
        if is_ready(row):
            return data_file_response(request, row)
        if row.state in ON_THE_WAY:
            answer = Response(BeingBuiltSerializer(row).data, status=202)
            answer["Retry-After"] = str(RETRY_SECONDS)
            return answer
        if is_refused(row):
            raise Conflict(row.error)
        raise BuildFailed(row.error)
