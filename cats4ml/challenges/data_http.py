"""Data files over HTTP: whole or a part of them, so that a download that broke off goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date

from cats4ml.challenges.data_files import NAMES
from cats4ml.challenges.models import DataFile, DataFileKind

TYPES = {"csv": "text/csv; charset=utf-8", "txt": "text/plain; charset=utf-8", "zip": "application/zip"}
CHUNK = 256 * 1024
RETRY_SECONDS = 2
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Part(NamedTuple):
    """Bytes `first` to `last`, both of them in it."""

    first: int
    last: int


class NoSuchPart(Exception):
    """The file has no such bytes."""


def etag(row: DataFile) -> str:
    return f'"sha256:{row.sha256}"'


def asked_part(header: str, size: int) -> Part | None:
    """The one part that a Range header asks for, None for the whole file: also where the header asks for several or
    can't be read, as RFC 9110 lets a server do. Raises `NoSuchPart`."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.group() == "bytes=-":
        return None
    start, end = found.groups()
    if not start:  # the last so many bytes
        part = Part(max(0, size - int(end)), size - 1)
    else:
        part = Part(int(start), min(int(end), size - 1) if end else size - 1)
        if end and int(end) < int(start):
            return None
    if part.first > part.last:
        raise NoSuchPart
    return part


def data_file_response(request: HttpRequest, row: DataFile) -> HttpResponseBase:
    """The bytes of a file that is ready, with its digest as ETag. Answers Range, If-Range and If-None-Match."""
    size, headers = row.bytes or 0, _headers(row)
    if etag(row) in [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]:
        return HttpResponse(status=304, headers=headers)
    header = request.headers.get("Range", "")
    if request.headers.get("If-Range", etag(row)) != etag(row):
        header = ""  # what the client has is of another file: the whole of this one
    try:
        part = asked_part(header, size)
    except NoSuchPart:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    first, last = part or Part(0, size - 1)
    content = _chunks(str(row.file), first, last - first + 1) if request.method != "HEAD" else iter(())
    response = StreamingHttpResponse(content, status=206 if part else 200, headers=headers)
    response["Content-Type"] = TYPES[NAMES[DataFileKind(row.kind)].rpartition(".")[2]]
    response["Content-Length"] = str(last - first + 1)
    if part:
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _headers(row: DataFile) -> dict[str, str]:
    name = NAMES[DataFileKind(row.kind)]  # as CHECKSUMS has it
    headers = {
        "ETag": etag(row),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return headers | ({"Last-Modified": http_date(row.built_at.timestamp())} if row.built_at else {})


def _chunks(name: str, first: int, length: int) -> Iterator[bytes]:
    """So many bytes from the storage. Raises `Http404` at once, and not amid the answer, where the file is missing."""
    bucket: Any = getattr(default_storage, "bucket", None)
    if bucket is not None:
        # The storage's own file would first fetch all of it: ask the bucket for the part alone.
        key = default_storage._normalize_name(name)  # type: ignore[attr-defined]  # noqa: SLF001 - its prefix
        asked = f"bytes={first}-{first + length - 1}"
        try:
            body = bucket.Object(key).get(**({"Range": asked} if length else {}))["Body"]
        except bucket.meta.client.exceptions.NoSuchKey:
            raise Http404("This file is missing.") from None
        return iter(body.iter_chunks(CHUNK))
    try:
        file = default_storage.open(name, "rb")
    except FileNotFoundError:
        raise Http404("This file is missing.") from None
    return _read(file, first, length)


def _read(file: Any, first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk


def not_yet(row: DataFile) -> HttpResponse:
    """For programs: how far the file is, and when to ask again."""
    text = f"Being built: {row.done} of {row.total}. Ask again.\n"
    response = HttpResponse(text, status=202, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept"])
    return response
