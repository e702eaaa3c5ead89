"""The file with the bad rows: a CSV, each with its line and the reason."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cats4ml.catalog.openimages.records import BadRow
from cats4ml.catalog.openimages.rows import UNKNOWN_IMAGE, UNKNOWN_LABEL
from cats4ml.ui.spreadsheets import harmless

HEADER = ("line", "reason", "row")
MOST_KEPT = 100_000
MOST_UNKNOWN_KEPT = 1_000


def most_kept(reason: str) -> int:
    """How many rows with one reason the report holds; the others are counted. Who imports the labels of some images
    out of a file of all would else find the disk full of rows that are well."""
    return MOST_UNKNOWN_KEPT if reason in (UNKNOWN_IMAGE, UNKNOWN_LABEL) else MOST_KEPT


def write_report(path: Path, *, at: int, bad: Iterable[BadRow], already: Mapping[str, int]) -> int:
    """Put these rows into the report after its first `at` bytes; what came after them is of a batch that was not
    finished, and goes. `already` has the number of earlier rows by reason. On the disk when this returns.

    Returns the length of the report then. No file is made where there is nothing to write.
    """
    if at > (path.stat().st_size if path.exists() else 0):
        at = 0  # somebody removed it meanwhile
    counts = dict(already)
    text = io.StringIO()
    writer = csv.writer(text)
    if at == 0:
        writer.writerow(HEADER)
    begun = text.tell()
    for line, reason, row in bad:
        counts[reason] = counts.get(reason, 0) + 1
        if counts[reason] <= most_kept(reason):
            writer.writerow([line, reason, harmless(row)])
    if text.tell() == begun:
        return at
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.getvalue().encode()
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(at)
        file.seek(at)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return at + len(content)
