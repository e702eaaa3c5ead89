"""Which picture shows what, as people verified it: Open Images' image-level labels, or recorded ratings.

A cell is one picture and one label with a verified yes or a verified no. Whatever nobody looked at is no cell:
unannotated isn't no. Standard library only.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Cell = tuple[str, str]
"""(image id, label key)"""

OPEN_IMAGES_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
VERIFIED = ("verification", "crowdsource-verification")
MACHINE = "machine"
TICK_ROWS = 100_000


class LabelsRefused(ValueError):
    """A file of labels can't be used; the text names it and says how to mend it."""


@dataclass(frozen=True)
class Annotations:
    """The verified cells: True for yes. `notes`: what was left out and how often, in words."""

    cells: dict[Cell, bool]
    notes: tuple[str, ...] = ()


def merged(parts: Sequence[Annotations]) -> Annotations:
    """The cells of all parts; where two say the opposite of a cell it is dropped, with a note."""
    votes = _Votes()
    for part in parts:
        for cell, answer in part.cells.items():
            votes.add(cell, answer=answer)
    notes = tuple(note for part in parts for note in part.notes)
    return votes.annotations("cells on which the sources of labels contradict each other were dropped", notes)


def read_open_images(
    paths: Sequence[Path],
    *,
    wanted: Collection[str] | None = None,
    machine_at: float | None = None,
    tick: Callable[[int], object] = lambda _: None,
) -> Annotations:
    """Open Images' CSVs of image-level labels (v4 to v7): `ImageID,Source,LabelName,Confidence`, in any order.

    A row that people verified counts as yes with confidence 1 and as no with 0. What machines proposed counts only
    with `machine_at`: a confidence of at least that is a yes, where no person verified the cell. `wanted`: these labels
    only. `tick` gets a number of rows now and then. Raises `LabelsRefused` with file and line.
    """
    people, machines, other = _Votes(), set[Cell](), Counter[str]()
    for path in paths:
        for line, (image, source, label, confidence) in _rows(path, OPEN_IMAGES_COLUMNS):
            if line % TICK_ROWS == 0:
                tick(TICK_ROWS)
            if wanted is not None and label not in wanted:
                continue
            sure = _confidence(path, line, confidence)
            if source in VERIFIED and sure in (0.0, 1.0):
                people.add((image, label), answer=sure == 1.0)
            elif source == MACHINE and machine_at is not None and sure >= machine_at:
                machines.add((image, label))
            else:
                other[source] += 1
    left_out = [
        f"{count:,} rows of source {source!r} are no verified yes or no and were left out"
        for source, count in sorted(other.items())
    ]
    found = people.annotations("cells that people verified both as yes and as no were dropped", tuple(left_out))
    fresh = sorted(machines - people.seen)
    if not fresh:
        return found
    note = f"{len(fresh):,} cells are a machine's yes (confidence {machine_at} or more), which no person verified"
    return Annotations({**found.cells, **dict.fromkeys(fresh, True)}, (*found.notes, note))


def read_ratings(folder: Path, *, wanted: Collection[str] | None = None, agreeing: int = 3) -> Annotations:
    """`ratings.csv` (image_id,class_index,rater,answer) of a folder as `manage.py replay` takes it.

    A cell needs at least `agreeing` answers of one kind, and fewer of the other; else it is dropped, with a note.
    """
    path = folder / "ratings.csv"
    tallies: dict[Cell, Counter[str]] = {}
    for line, (image, label, _, answer) in _rows(path, ("image_id", "class_index", "rater", "answer")):
        if answer not in ("yes", "no", "dont_know"):
            raise LabelsRefused(f"{path} line {line}: answer should be yes, no or dont_know, is {answer[:100]!r}")
        if wanted is None or label in wanted:
            tallies.setdefault((image, label), Counter())[answer] += 1
    cells = {
        cell: tally["yes"] > tally["no"]
        for cell, tally in tallies.items()
        if max(tally["yes"], tally["no"]) >= agreeing and tally["yes"] != tally["no"]
    }
    dropped = len(tallies) - len(cells)
    note = f"{dropped:,} of {len(tallies):,} rated pairs have no {agreeing} answers of one kind and were dropped"
    return Annotations(cells, (note,) if dropped else ())


def read_targets(path: Path) -> dict[str, str]:
    """Label key and name out of a text with one key on a line, or a CSV whose first columns are key and name.

    A first line that begins with a column's usual name (`LabelName`, `label`, `key`) is passed over.
    """
    names: dict[str, str] = {}
    for line, row in enumerate(_records(path), start=1):
        key = row[0].strip() if row else ""
        if not key or (line == 1 and key.lower() in ("labelname", "label", "label_id", "key", "class_index")):
            continue
        names[key] = row[1].strip() if len(row) > 1 and row[1].strip() else key
    if not names:
        raise LabelsRefused(f"{path}: has no label; it should have one label's key on each line")
    return names


@dataclass
class _Votes:
    """What was said of each cell; a contradiction is remembered and never becomes an answer."""

    answers: dict[Cell, bool] = field(default_factory=dict)
    contradicted: set[Cell] = field(default_factory=set)

    def add(self, cell: Cell, *, answer: bool) -> None:
        if self.answers.setdefault(cell, answer) is not answer:
            self.contradicted.add(cell)

    @property
    def seen(self) -> set[Cell]:
        return set(self.answers)

    def annotations(self, about_contradictions: str, notes: tuple[str, ...]) -> Annotations:
        kept = {cell: answer for cell, answer in self.answers.items() if cell not in self.contradicted}
        count = len(self.contradicted)
        return Annotations(kept, (*notes, f"{count:,} {about_contradictions}") if count else notes)


def _confidence(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise LabelsRefused(f"{path} line {line}: Confidence should be a number from 0 to 1, is {text[:100]!r}")
    return value


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The wanted columns of each row, with its line. Raises `LabelsRefused` where a column or a field is missing."""
    records = _records(path)
    header = [name.strip() for name in next(records, [])]
    missing = [name for name in columns if name not in header]
    if missing:
        raise LabelsRefused(f"{path}: has no column {', '.join(missing)}; its first line should be {','.join(columns)}")
    places = [header.index(name) for name in columns]
    for line, row in enumerate(records, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise LabelsRefused(f"{path} line {line}: has {len(row)} fields, the header has {len(header)}")
        yield line, [row[place].strip() for place in places]


def _records(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except OSError as error:
        raise LabelsRefused(f"{path}: can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelsRefused(f"{path}: is no CSV in UTF-8: {error}") from error
