"""Claims on their way out: a file read here as the server reads it, and what its report says."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cats4ml_client.output import harmless

# Rows that need no mending: the claim stands already, by this person or by an earlier line of the file.
STANDING = ("own_claim", "repeated")
BAD_ROWS_COLUMNS = ("line", "image_id", "label_id", "rationale", "reason", "how_to_mend")


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
    text = data.decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ",")
    rows = _numbered(reader)
    _, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    if "rationale" not in names:
        return {}
    at = names.index("rationale")
    return {line: cells[at] for line, cells in rows if len(cells) > at}


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    begins = 1
    while True:
        try:
            cells = next(reader)
        except (StopIteration, csv.Error):
            return
        yield begins, cells
        begins = reader.line_num + 1


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
