# the framework calls these methods, and names their arguments
"""What the API reads and writes: JSON and CSV within limits, streamed CSV and JSON lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from cats4ml.api.errors import TooLarge

LINES_AT_A_TIME = 500


def read_body(stream: IO[bytes]) -> bytes:
    """The body of a request. Raises `TooLarge` beyond the limit of an upload, before more is read."""
    data = stream.read(settings.UPLOAD_MAX_BYTES + 1)
    if len(data) > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(
            _("A request may have %(value)s MB. Split it into several.")
            % {"value": settings.UPLOAD_MAX_BYTES // (1024 * 1024)}
        )
    return data


class LimitedJSONParser(JSONParser):
    """JSON in UTF-8, whatever else the request claims, of a size and depth that can be read safely."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = io.BytesIO(read_body(stream))
        try:
            return super().parse(data, media_type, {**(parser_context or {}), "encoding": "utf-8"})
        except RecursionError:
            raise ParseError(_("This JSON is nested too deeply.")) from None


class CSVParser(BaseParser):
    """Hands the bytes on: `read_claims` reads them, as it reads an upload in the browser."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_body(stream)


class _StreamedRenderer(BaseRenderer):
    """Named in the negotiation only: the views stream these formats themselves."""

    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return JSONRenderer().render(data)


class CSVRenderer(_StreamedRenderer):
    media_type = "text/csv"
    format = "csv"


class JSONLinesRenderer(_StreamedRenderer):
    media_type = "application/jsonl"
    format = "jsonl"


class Negotiation(DefaultContentNegotiation):
    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:  # noqa: A002
        """The renderers of `?format=…`; a format that the address does not have is said to be that."""
        offered = list(renderers)
        found = [renderer for renderer in offered if renderer.format == format]
        if not found:
            known = ", ".join(str(renderer.format) for renderer in offered)
            raise NotAcceptable(
                _("This address has no format “%(format)s”. Its formats: %(known)s.")
                % {"format": format[:20], "known": known}
            )
        return found


class AnyAccepted(Negotiation):
    """For pictures: they are what they are, whatever the request says that it accepts."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, str(first.media_type)


def _in_blocks(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines joined into blocks, lest each becomes a packet of its own."""
    while block := list(islice(lines, LINES_AT_A_TIME)):
        yield "".join(block).encode()


def stream_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A CSV with LF and without a byte order mark, quoted where it must be, in constant memory."""

    def blocks() -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        left = iter(rows)
        # Many rows by one call: half the time of an export went into calling for each of them.
        while block := list(islice(left, LINES_AT_A_TIME)):
            writer.writerows(block)
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
        if buffer.tell():
            yield buffer.getvalue().encode()

    return _download(name, "text/csv; charset=utf-8", blocks())


def stream_json_lines(name: str, values: Iterable[Any]) -> StreamingHttpResponse:
    """One JSON object a line."""
    renderer = JSONRenderer()
    lines = (renderer.render(value).decode() + "\n" for value in values)
    return _download(name, "application/jsonl", _in_blocks(lines))


def _download(name: str, content_type: str, blocks: Iterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(blocks, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
