"""Data files over HTTP."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from cats4ml.challenges.data_files import NAMES
from cats4ml.challenges.models import DataFile, DataFileKind
from cats4ml.ui.served_files import ServedFile, file_response

RETRY_SECONDS = 2


def data_file_response(request: HttpRequest, row: DataFile) -> HttpResponseBase:
    """The bytes of a file that is ready, whole or the part that is asked for. Its name is the one in CHECKSUMS."""
    name = NAMES[DataFileKind(row.kind)]
    file = ServedFile(stored=str(row.file), name=name, size=row.bytes or 0, sha256=row.sha256, written_at=row.built_at)
    return file_response(request, file)


def not_yet(row: DataFile) -> HttpResponse:
    """For programs: how far the file is, and when to ask again."""
    text = f"Being built: {row.done} of {row.total}. Ask again.\n"
    response = HttpResponse(text, status=202, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept"])
    return response
