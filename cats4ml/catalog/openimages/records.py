"""A stream of bytes, record by record. One that is broken costs itself and nothing of what follows."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

LONGEST_RECORD = 1 << 16
MOST_LINES = 50
_SHOWN = 1000


class BadRow(NamedTuple):
    """A row that is not imported: the line on which it begins, why not, and its text, cut where it is long."""

    line: int
    reason: str
    text: str


class Broken(ValueError):
    """Why a row is not good, in a few words that are the same for all rows with this trouble."""


class Lines:
    """Line after line with its end, at most `LONGEST_RECORD` bytes of each; `offset` and `number` are what is done."""

    def __init__(self, stream: BinaryIO, *, offset: int, number: int) -> None:
        self.offset = offset
        self.number = number
        self._readline = stream.readline
        self._waiting: deque[bytes] = deque()

    def next(self) -> bytes:
        """The next line, and nothing at the end."""
        line = self._waiting.popleft() if self._waiting else self._readline(LONGEST_RECORD)
        if line:
            self.offset += len(line)
            self.number += 1
        return line

    def put_back(self, lines: list[bytes]) -> None:
        """These lines, the last that were given, come again."""
        self._waiting.extendleft(reversed(lines))
        self.offset -= sum(map(len, lines))
        self.number -= len(lines)

    def skip_rest(self) -> None:
        """Go to the end of a line that is too long."""
        while rest := self._readline(LONGEST_RECORD):
            self.offset += len(rest)
            if rest.endswith(b"\n"):
                return


def cells_of(lines: Lines, first: bytes, width: int) -> list[str]:
    """The cells of the record that begins with `first`, the line given last.

    Raises `Broken` where it is no proper record of `width` cells: then it is that one line, and the lines that seemed
    to belong to it come again, for a stray quote must not swallow them.
    """
    if len(first) >= LONGEST_RECORD and not first.endswith(b"\n"):
        lines.skip_rest()
        raise Broken(f"longer than {LONGEST_RECORD:,} bytes")
    if b"\0" in first:
        raise Broken("a NUL byte")
    if b'"' not in first:
        cells = _decoded(first).removesuffix("\n").removesuffix("\r").split(",")
        return _of_width(cells, width)
    taken: list[bytes] = []
    try:
        return _of_width(next(csv.reader(_pulled(lines, first, taken), strict=True)), width)
    except (csv.Error, Broken) as error:
        lines.put_back(taken)
        if isinstance(error, Broken) and not taken:
            raise
        raise Broken("quotes that don't match") from error


def shown(line: bytes) -> str:
    """A line for a report: one that is long is cut, and what is no UTF-8 is written as an escape."""
    return line[:_SHOWN].decode("utf-8", "backslashreplace").replace("\0", "\\0").rstrip("\r\n")


def _pulled(lines: Lines, first: bytes, taken: list[bytes]) -> Iterator[str]:
    yield _decoded(first)
    size = len(first)
    while line := lines.next():
        taken.append(line)
        size += len(line)
        if size > LONGEST_RECORD or len(taken) > MOST_LINES or b"\0" in line:
            raise Broken("quotes that don't match")
        yield _decoded(line)


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise Broken("not UTF-8") from None


def _of_width(cells: list[str], width: int) -> list[str]:
    if len(cells) != width:
        raise Broken("wrong number of columns")
    return cells
