"""The pairs of a part: each is read from every format at once, and counted again from what it rests on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cats4ml_client.verifying import parquet
from cats4ml_client.verifying.pair_rows import (
    PAIR_KEYS,
    RELEASED_COLUMNS,
    Row,
    check_label,
    check_released_cells,
    check_scores_cells,
    check_terms,
)
from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.ratings import RatingsByPair
from cats4ml_client.verifying.reading import Line, Record, csv_lines, json_lines
from cats4ml_client.verifying.recount_pair import check_machines, check_people
from cats4ml_client.verifying.report import Counts, Difference
from cats4ml_client.verifying.tables import Keys, Tables

SCORE_COLUMNS = ("image_id", "label_id", "machine_mean")
OUTCOMES_IN_WORDS = {
    "false_negative": "False negative",
    "false_positive": "False positive",
    "agreement": "Agreement",
    "ambiguous": "Ambiguous",
}
TALLIED = (*OUTCOMES_IN_WORDS, "adjudicated", "imported")


@dataclass
class Found:
    """What the pairs of a part were. `labels`: their outcomes by label; `answers`: how many pairs have so many that
    count."""

    pairs: int = 0
    ratings: int = 0
    counted: int = 0
    without_mean: int = 0
    unweighed: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TALLIED, 0))
    images: Keys = field(default_factory=Keys)
    keys: Keys = field(default_factory=Keys)
    workers: set[str] = field(default_factory=set)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    answers: Counter[int] = field(default_factory=Counter)
    classifiers: Sequence[str] = ()
    last_settled: str = ""


@dataclass(frozen=True)
class Released:
    """One pair: its place in the whole release, and its released cells."""

    position: int
    cells: Sequence[str]
    line: Line


def pairs_of(place: Place, tables: Tables, found: Found, counts: Counts) -> Iterator[Released]:
    """Read the part and check it, pair by pair. Raises the first `Difference`."""
    names = {kind: tables.path(f"{kind}") for kind in ("pairs.csv", "pairs.jsonl", "scores.csv", "ratings.csv")}
    lines = csv_lines(place, names["pairs.csv"], RELEASED_COLUMNS)
    scores = csv_lines(place, names["scores.csv"], SCORE_COLUMNS, more=True)
    classifiers = found.classifiers = next(scores).cells
    ratings = RatingsByPair(place, names["ratings.csv"], found.workers)
    stored = parquet.rows(place, tables.part) if parquet.can_read() else None
    former = 0
    for record in json_lines(place, names["pairs.jsonl"]):
        row = check_terms(record, tables)
        if row.position <= former:
            raise record.differs("Positions should rise.", expected=f"more than {former}", found=row.position)
        former = row.position
        line = _next(lines, names["pairs.csv"], row.position)
        check_released_cells(row, line)
        check_scores_cells(row, _next(scores, names["scores.csv"], row.position), classifiers)
        votes = ratings.of(row)
        check_people(row, votes, counts)
        check_machines(row, counts)
        check_label(row, tables)
        if stored is not None:
            _check_parquet(record, next(stored, None), tables.part, counts)
        _count(found, row, len(votes.counted), votes.all)
        yield Released(row.position, line.cells, line)
    for rest, name in ((lines, names["pairs.csv"]), (scores, names["scores.csv"])):
        more = next(rest, None)
        if more is not None:
            raise more.differs(f"{name} has a row more than pairs.jsonl.", found=",".join(more.cells))
    ratings.end()
    more_rows = next(stored, None) if stored is not None else None
    if more_rows is not None:
        raise Difference(more_rows[0], "It has a row more than pairs.jsonl.", line=more_rows[1])
    counts.pairs += found.pairs
    counts.ratings += found.ratings


def _next(lines: Iterator[Line], name: str, position: int) -> Line:
    line = next(lines, None)
    if line is None:
        raise Difference(name, "It has fewer rows than pairs.jsonl.", expected=f"the pair at position {position}")
    return line


def _check_parquet(record: Record, stored: tuple[str, int, dict[str, Any]] | None, part: str, counts: Counts) -> None:
    if stored is None:
        raise Difference(f"{part}/data", "The Parquet files have fewer rows than pairs.jsonl.", expected=record.line)
    name, number, values = stored
    if list(values) != list(PAIR_KEYS):
        raise Difference(name, "Its columns are others.", expected=",".join(PAIR_KEYS), found=",".join(values))
    for key in PAIR_KEYS:
        if values[key] != record.values[key]:
            raise Difference(
                name, f"{key} is not that of {record.file}, line {record.line}.", line=number,
                expected=record.values[key], found=values[key],
            )  # fmt: skip
    counts.parquet_rows += 1


def _count(found: Found, row: Row, counted: int, ratings: int) -> None:
    found.pairs += 1
    found.ratings += ratings
    found.counted += counted
    found.without_mean += row.mean is None
    found.unweighed += row.policy.rule == "weighted" and not row.imported and row.prior_yes is None
    found.kinds[row.outcome] += 1
    found.kinds["adjudicated"] += row.adjudicated
    found.kinds["imported"] += row.imported
    found.labels[row.label_id][row.outcome] += 1
    found.answers[row.tally.all] += 1
    found.last_settled = max(found.last_settled, row.record.text("settled_at"))
    found.images.add(row.image_id)
    found.keys.add(row.image_id, row.label_id)
