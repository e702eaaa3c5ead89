"""Reads a CSV row by row, in little memory, and collects what is wrong with it, each problem with its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from django.db.models import Model

MOST_SHOWN = 20
# A file without line ends is no table; it must not be read whole to find that out.
LONGEST_LINE = 1024 * 1024


def longest_of(model: type[Model], field: str) -> int:
    """How many characters the field keeps."""
    limit: int | None = getattr(model._meta.get_field(field), "max_length", None)  # noqa: SLF001 - documented
    if limit is None:
        raise ValueError(f"{model.__name__}.{field} has no limit")
    return limit


class TableRefused(Exception):
    """A file can't be used. The text has one line for each problem, with its line in the file and how to mend it."""


class Row(NamedTuple):
    """One row: the line on which it begins, and the wanted columns in the order in which they were asked for."""

    line: int
    cells: tuple[str, ...]


class Problems:
    """What is wrong with a file: all of it counted, the first of it kept in words. `report` hears of all of it, with
    the line and the reason."""

    def __init__(self, path: Path, report: Callable[[int, str], None] = lambda _line, _text: None) -> None:
        self.path = path
        self._report = report
        self.count = 0
        self._texts: list[str] = []

    def add(self, line: int, text: str) -> None:
        self.count += 1
        self._report(line, text)
        if len(self._texts) < MOST_SHOWN:
            self._texts.append(f"{self.path.name} line {line}: {text}")

    def refuse(self) -> None:
        """Raises `TableRefused` if there are any."""
        if not self.count:
            return
        more = self.count - len(self._texts)
        tail = [f"… and {more} more"] if more else []
        noun = "bad row" if self.count == 1 else "bad rows"
        head = f"{self.path}: {self.count} {noun}, so that nothing was written."
        raise TableRefused("\n".join([head, *self._texts, *tail]))


class Table:
    """A CSV with a header, UTF-8 with or without a byte order mark, LF or CRLF, its columns in any order.

    `columns` are those that must be there, `optional` others that may; where they aren't, their cells are empty. What
    else there is is left out, and named in `ignored`. Raises `TableRefused` where
    the file can't be opened, is empty, or has no such header.
    """

    def __init__(self, path: Path, columns: Sequence[str], problems: Problems, *, optional: Sequence[str] = ()) -> None:
        self._path = path
        self._problems = problems
        self._records = self._read()
        header = next((record for record in self._records if any(record.cells)), None)
        if header is None:
            problems.refuse()
            raise TableRefused(f"{path}: the file is empty; its first line should be {','.join(columns)}")
        self._width = len(header.cells)
        self._places = self._find(header, columns, optional)
        self.ignored = [name for name in header.cells if name not in (*columns, *optional)]

    def rows(self) -> Iterator[Row]:
        """The rows below the header. Those with too few or too many fields become problems; blank lines are passed."""
        for line, cells in self._records:
            if not cells:
                continue
            if len(cells) != self._width:
                self._problems.add(line, f"has {len(cells)} fields, the header {self._width}")
            elif any("\0" in cell for cell in cells):
                self._problems.add(line, "has a NUL character in it")
            else:
                yield Row(line, tuple("" if place is None else cells[place] for place in self._places))

    def _find(self, header: Row, columns: Sequence[str], optional: Sequence[str]) -> list[int | None]:
        names = list(header.cells)
        missing = [name for name in columns if name not in names]
        repeated = sorted({name for name in names if name in (*columns, *optional) and names.count(name) > 1})
        if missing or repeated:
            what = [f"no column {', '.join(missing)}"] if missing else []
            what += [f"column {', '.join(repeated)} twice"] if repeated else []
            shown = ",".join(names)[:200]
            wanted = ",".join(columns)
            raise TableRefused(f"{self._path} line {header.line}: {' and '.join(what)} in {shown!r}; wanted: {wanted}")
        return [names.index(name) if name in names else None for name in (*columns, *optional)]

    def _read(self) -> Iterator[Row]:
        """Every record with the line on which it begins; what can't be read is a problem and is passed over."""
        reader = csv.reader(self._lines(), strict=True)
        while True:
            begins = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # An open quote takes in what follows: nobody shall think that one row alone is left out.
                ends = f", up to line {reader.line_num}" if reader.line_num > begins else ""
                self._problems.add(begins, f"can't be read as CSV{ends} ({error})")
                continue
            yield Row(begins, tuple(cells))

    def _lines(self) -> Iterator[str]:
        try:
            with self._path.open("rb") as file:
                number = 0
                while data := file.readline(LONGEST_LINE):
                    number += 1
                    if len(data) == LONGEST_LINE:
                        raise TableRefused(f"{self._path} line {number}: longer than a megabyte; this is no table")
                    yield self._decoded(data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data, number)
        except OSError as error:
            raise TableRefused(f"{self._path}: can't be read: {error.strerror}") from error

    def _decoded(self, data: bytes, number: int) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            if number == 1:
                raise TableRefused(f"{self._path} line 1: is not UTF-8; save the file as CSV in UTF-8") from None
            self._problems.add(number, "is not UTF-8")
            # An empty line is passed over, so that this row has one problem and not two.
            return "\n"
