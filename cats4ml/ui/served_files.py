"""Files over HTTP: whole or a part of them, so that a download that broke off goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from django.utils.translation import gettext as _

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "zip": "application/zip",
}
PLAIN = "text/plain; charset=utf-8"
# For what everybody may have and nobody may change any more. It may be withdrawn, though: so caches ask again after an
# hour, and get a 304.
AN_HOUR = "public, max-age=3600"
ASK_AGAIN = "private, no-cache"
CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class ServedFile:
    """A file that lies in the storage under `stored` and is handed out as `name`. `written_at`, where that is known,
    is told; `caching` is the Cache-Control."""

    stored: str
    name: str
    size: int
    sha256: str
    written_at: datetime | None = None
    caching: str = ASK_AGAIN

    @property
    def etag(self) -> str:
        return f'"sha256:{self.sha256}"'

    @property
    def content_type(self) -> str:
        return TYPES.get(self.name.rpartition(".")[2], PLAIN)

    @property
    def headers(self) -> dict[str, str]:
        headers = {
            "ETag": self.etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": self.caching,
            "Content-Disposition": f'attachment; filename="{self.name}"',
            "X-Content-Type-Options": "nosniff",
        }
        return headers | ({"Last-Modified": http_date(self.written_at.timestamp())} if self.written_at else {})


class Part(NamedTuple):
    """Bytes `first` to `last`, both of them in it."""

    first: int
    last: int


class NoSuchPart(Exception):
    """The file has no such bytes."""


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


def file_response(request: HttpRequest, file: ServedFile) -> HttpResponseBase:
    """The bytes of a file, with its digest as ETag. Answers Range, If-Range and If-None-Match, and HEAD."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if file.etag in known or known == ["*"]:
        return HttpResponse(status=304, headers=file.headers)
    header = request.headers.get("Range", "")
    if request.headers.get("If-Range", file.etag) != file.etag:
        header = ""  # what the client has is of another file: the whole of this one
    try:
        part = asked_part(header, file.size)
    except NoSuchPart:
        return HttpResponse(status=416, headers={**file.headers, "Content-Range": f"bytes */{file.size}"})
    first, last = part or Part(0, file.size - 1)
    content = _chunks(file.stored, first, last - first + 1) if request.method != "HEAD" else iter(())
    response = StreamingHttpResponse(content, status=206 if part else 200, headers=file.headers)
    response["Content-Type"] = file.content_type
    response["Content-Length"] = str(last - first + 1)
    if part:
        response["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return response


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
            raise Http404(_("This file is missing.")) from None
        return iter(body.iter_chunks(CHUNK))
    try:
        file = default_storage.open(name, "rb")
    except FileNotFoundError:
        raise Http404(_("This file is missing.")) from None
    return _read(file, first, length)


def _read(file: Any, first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
