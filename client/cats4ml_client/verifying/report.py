"""What a verification found: what was checked, what was not proven, and where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LONGEST = 300


class Unverifiable(Exception):
    """There is nothing to verify at this place. The sentence says what should be there."""


def printable(text: str) -> str:
    """A text that every terminal and file takes: names of files and texts of JSON may hold half a character."""
    return text.encode("utf-8", "backslashreplace").decode()


def shown(value: object) -> str | int | float | bool | None:
    """A value for a report: short, and as it is where it is short already."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = printable(str(value))
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


class Difference(Exception):
    """Something that is not as it should be: in which file, on which line where it has lines, and both values."""

    def __init__(
        self, file: str, what: str, *, line: int | None = None, expected: object = None, found: object = None
    ) -> None:
        super().__init__(what)
        self.file = printable(file)
        self.what = printable(what)
        self.line = line
        self.expected = shown(expected)
        self.found = shown(found)

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
        }

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        values = "" if self.expected is self.found is None else f" Expected {self.expected!r}, found {self.found!r}."
        return f"{where}: {self.what}{values}"


@dataclass
class Counts:
    """How much was read and counted again."""

    files: int = 0
    bytes: int = 0
    pairs: int = 0
    ratings: int = 0
    tallies: int = 0
    verdicts: int = 0
    outcomes: int = 0
    means: int = 0
    images: int = 0
    labels: int = 0
    parquet_rows: int = 0


@dataclass
class Report:
    """The result. `parts`: those that were there. `differences`: the first of each step, in the order in which they
    were found."""

    path: str
    root_digest: str = ""
    root_given: str | None = None
    challenge: str = ""
    version: str = ""
    parts: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    formats: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    not_proven: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        first = self.differences[0].as_dict() if self.differences else None
        return {
            "ok": self.ok,
            "path": self.path,
            "challenge": self.challenge,
            "version": self.version,
            "root_digest": self.root_digest,
            "root_given": self.root_given,
            "parts": self.parts,
            "checked": {**vars(self.counts), "formats": self.formats, "archives": self.archives},
            "not_proven": self.not_proven,
            "first_difference": first,
            "differences": [one.as_dict() for one in self.differences],
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.challenge:
            yield f"{self.challenge}, release {self.version}: {' and '.join(self.parts) or 'no part'}"
        if self.root_digest:
            same = " (as given)" if self.root_given == self.root_digest else ""
            yield f"Root digest {self.root_digest}{same}"
        yield "Checked:"
        yield from (f"  {line}" for line in self._checked())
        if self.not_proven:
            yield "Not proven:"
            yield from (f"  {line}" for line in self.not_proven)
        if self.ok:
            yield "All is as it should be."
            return
        yield "Wrong:"
        yield from (f"  {one}" for one in self.differences)

    def _checked(self) -> Iterator[str]:
        counts = self.counts
        yield f"{counts.files:,} files, {counts.bytes:,} bytes, against MANIFEST.sha256"
        yield (
            f"{counts.pairs:,} pairs, {counts.ratings:,} ratings, {counts.images:,} pictures, {counts.labels:,} labels"
        )
        yield (
            f"counted again: {counts.tallies:,} tallies, {counts.verdicts:,} verdicts, {counts.outcomes:,} outcomes, "
            f"{counts.means:,} machine means"
        )
        if self.formats:
            yield f"compared with each other: {', '.join(self.formats)}"
        if self.archives:
            yield f"archives that hold the same: {', '.join(self.archives)}"
