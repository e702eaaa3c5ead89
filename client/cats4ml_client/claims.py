"""Claims on their way out: a file read here as the server reads it, and what its report says."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cats4ml_client.output import harmless

# Rows that need no mending: the claim stands already, by this person or by an earlier line of the file.
STANDING = ("own_claim", "repeated")
BAD_ROWS_COLUMNS = ("line", "image_id", "label_id", "rationale", "reason", "how_to_mend")
# What spreadsheets write, and the site takes.
DELIMITERS = (",", ";", "\t")
SEPARATOR = re.compile('"?sep=([,;\t])"?[,;]*(?:\r\n|\r|\n)', re.IGNORECASE)
BYTE_ORDER_MARKS = (  # UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Report:
    """The server's report of each row. `standing`: refused, for the claim stands already; `bad`: to be mended."""

    sent: dict[str, Any]

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return list(self.sent["accepted"])

    @property
    def standing(self) -> list[dict[str, Any]]:
        return [row for row in self.sent["refused"] if row["problem"] in STANDING]

    @property
    def bad(self) -> list[dict[str, Any]]:
        return [row for row in self.sent["refused"] if row["problem"] not in STANDING]

    @property
    def own_claims(self) -> list[dict[str, Any]]:
        return [row for row in self.standing if row["problem"] == "own_claim"]

    def reasons(self) -> list[tuple[int, str, str, str, str]]:
        """Of each kind of problem: how many rows, its code, the first of its messages, the lines, how to mend it."""
        kinds = Counter(row["problem"] for row in self.bad)
        told = []
        for problem, number in kinds.most_common():
            rows = [row for row in self.bad if row["problem"] == problem]
            told.append((number, problem, rows[0]["message"], _lines(rows), rows[0]["remedy"]))
        return told


def _lines(rows: list[dict[str, Any]], most: int = 8) -> str:
    shown = ", ".join(str(row["line"]) for row in rows[:most])
    return f"{'line' if len(rows) == 1 else 'lines'} {shown}{' …' if len(rows) > most else ''}"


def rationales(data: bytes) -> dict[int, str]:
    """The rationale of each row of a file, by the line on which the row begins, so that bad rows can be written whole.

    The server alone says what is wrong with a file: what can't be read here is left out.
    """
    text = _decoded(data)
    lines = iter(io.StringIO(text, newline=""))
    named = SEPARATOR.match(text)
    if named:
        next(lines)
    first = next(iter(io.StringIO(text, newline="")), "")
    delimiter = named[1] if named else next((one for one in DELIMITERS if one in first), ",")
    rows = _numbered(csv.reader(lines, delimiter=delimiter), begins=2 if named else 1)
    _, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    if "rationale" not in names:
        return {}
    at = names.index("rationale")
    return {line: cells[at] for line, cells in rows if len(cells) > at}


def _decoded(data: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _numbered(reader: Any, *, begins: int) -> Iterator[tuple[int, list[str]]]:
    before = begins - 1
    while True:
        try:
            cells = next(reader)
        except (StopIteration, csv.Error):
            return
        yield begins, cells
        begins = before + reader.line_num + 1


def write_bad_rows(path: Path, report: Report, why: dict[int, str]) -> int:
    """Write the rows to mend in the columns of the site's own list, which can be sent again as it is.

    Returns how many there are; with none, the file has its header alone.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(BAD_ROWS_COLUMNS)
        for row in report.bad:
            texts = (harmless(text) for text in (row["image_id"], row["label_id"], why.get(row["line"], "")))
            writer.writerow([row["line"], *texts, row["message"], row["remedy"]])
    return len(report.bad)
