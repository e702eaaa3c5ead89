"""Rows of CSV and JSON, read one at a time and by their names, with the line on which each stands."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from cats4ml_client.verifying.manifests import read_bytes
from cats4ml_client.verifying.places import Place, opened
from cats4ml_client.verifying.report import Difference, printable

LONGEST_LINE = 4 * 1024 * 1024
LONGEST_DOCUMENT = 64 * 1024 * 1024
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """A text as it stands in the CSVs of a release: what a spreadsheet would take for a formula has an apostrophe
    before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


@dataclass(frozen=True)
class Line:
    """The cells of one row."""

    file: str
    number: int
    cells: Sequence[str]

    def differs(self, what: str, expected: object = None, found: object = None) -> Difference:
        return Difference(self.file, what, line=self.number, expected=expected, found=found)


class _Rows:
    """The rows of a CSV, each compared with how it should be written, a line of the file at a time."""

    def __init__(self, name: str, text: IO[str]) -> None:
        self._name = name
        self._text = text
        self._raw: list[str] = []
        self._reader = csv.reader(self._lines(), strict=True)

    @property
    def number(self) -> int:
        return self._reader.line_num

    def _lines(self) -> Iterator[str]:
        length = 0
        while line := self._text.readline(LONGEST_LINE + 1):
            length = length + len(line) if self._raw else len(line)
            if length > LONGEST_LINE:
                raise Difference(self._name, "A row is too long.", line=self.number + 1)
            self._raw.append(line)
            yield line

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._reader:
            written = "".join(self._raw)
            self._raw.clear()
            if _WRITER.writerow(row) != written:
                what = "It is not written as it should be: LF ends every row, and quotes stand where they are needed."
                raise Difference(self._name, what, line=self.number, expected=_WRITER.writerow(row), found=written)
            yield row


class _Echo:
    def write(self, text: str) -> str:
        return text


_WRITER: Any = csv.writer(_Echo(), lineterminator="\n")


def csv_lines(place: Place, name: str, columns: Sequence[str], *, more: bool = False) -> Iterator[Line]:
    """The rows of a CSV below its header, which must be these columns (`more`: and may have others after them, which
    then come first of all as a row of their own). Raises `Difference` for a row of another length."""
    with opened(place, name) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        rows = _Rows(name, text)
        try:
            each = iter(rows)
            header = next(each, [])
            if header[: len(columns)] != list(columns) or (not more and len(header) > len(columns)):
                raise Difference(name, "Its columns are others.", line=1, expected=",".join(columns), found=header)
            if more:
                yield Line(name, 1, header[len(columns) :])
            for row in each:
                if len(row) != len(header):
                    raise Difference(
                        name, "A row should have as many cells as the header.", line=rows.number,
                        expected=len(header), found=len(row),
                    )  # fmt: skip
                yield Line(name, rows.number, row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise Difference(name, f"It is no CSV: {error}.", line=rows.number + 1) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def parse_json(data: bytes, file: str, line: int | None = None) -> Any:
    """Raises `Difference` for what is no JSON, strictly."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Difference(file, f"It is no JSON: {error}.", line=line) from None


@dataclass(frozen=True)
class Record:
    """A JSON object whose values are asked for by name and kind."""

    file: str
    line: int | None
    values: dict[str, Any]

    def differs(self, what: str, expected: object = None, found: object = None) -> Difference:
        return Difference(self.file, what, line=self.line, expected=expected, found=found)

    def _of(self, name: str, kind: type | tuple[type, ...], word: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.differs(f"{name} should be {word}.", found=repr(value))
        return value

    def text(self, name: str) -> str:
        value = str(self._of(name, str, "a text"))
        if printable(value) != value:
            raise self.differs(f"{name} holds half a character.", found=value)
        return value

    def whole(self, name: str) -> int:
        value = self._of(name, int, "a whole number")
        if value < 0:
            raise self.differs(f"{name} should not be below zero.", found=value)
        return int(value)

    def flag(self, name: str) -> bool:
        return bool(self._of(name, bool, "true or false"))

    def number(self, name: str) -> float:
        value = self._of(name, (int, float), "a number")
        try:
            return float(value)
        except OverflowError:
            raise self.differs(f"{name} is too large.", found=value) from None

    def number_or_none(self, name: str) -> float | None:
        return self.number(name) if self.values.get(name) is not None else None

    def whole_or_none(self, name: str) -> int | None:
        return self.whole(name) if self.values.get(name) is not None else None

    def object(self, name: str) -> Record:
        return Record(f"{self.file}", self.line, self._of(name, dict, "an object"))

    def list(self, name: str) -> list[Any]:
        return list(self._of(name, list, "a list"))

    def wholes(self, name: str) -> Sequence[int]:
        """A list of whole numbers."""
        values = self._of(name, list, "a list")
        if any(type(one) is not int for one in values):
            raise self.differs(f"{name} should be whole numbers.", found=repr(values))
        return list(values)


def json_lines(place: Place, name: str) -> Iterator[Record]:
    """The objects of a file with one on each line."""
    with opened(place, name) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise Difference(name, "A line is too long.", line=number)
            if not line.endswith(b"\n"):
                raise Difference(name, "Its last line does not end.", line=number)
            value = parse_json(line, name, number)
            if not isinstance(value, dict):
                raise Difference(name, "A line should be one JSON object.", line=number, found=line.decode())
            if json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" != line:
                what = "It is not written as it should be: “, ” and “: ” between values, no escape that isn’t needed."
                raise Difference(name, what, line=number, found=line.decode())
            yield Record(name, number, value)


def document(place: Place, name: str) -> Record:
    """A file that is one JSON object."""
    value = parse_json(read_bytes(place, name, LONGEST_DOCUMENT), name)
    if not isinstance(value, dict):
        raise Difference(name, "It should be one JSON object.")
    return Record(name, None, value)


def a_number(text: str) -> float | None:
    """A finite number as it stands in a CSV; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and text.strip() == text and "_" not in text else None
