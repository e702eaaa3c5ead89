"""The rows of a part in every format, written as they go by."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cats4ml.releases import layout
from cats4ml.releases.reading import ReleasedPair
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.ui.spreadsheets import harmless

PAIRS_A_ROW_GROUP = 10_000

SCHEMA = pa.schema(
    [
        ("position", pa.int32()),
        ("image_id", pa.string()),
        ("label_id", pa.string()),
        ("label_name", pa.string()),
        ("split", pa.string()),
        ("verdict", pa.string()),
        ("outcome", pa.string()),
        ("hum_yes_rating", pa.int32()),
        ("hum_no_rating", pa.int32()),
        ("hum_dont_know_rating", pa.int32()),
        ("machine_score", pa.int32()),
        ("machine_mean", pa.float64()),
        ("machine_spread", pa.float64()),
        ("machine_voices", pa.int32()),
        ("tally_source", pa.string()),
        ("adjudicated", pa.bool_()),
        ("policy", pa.int32()),
        ("roster", pa.int32()),
        ("prior_yes", pa.float64()),
        ("posterior", pa.float64()),
        ("settled_at", pa.timestamp("us", tz="UTC")),
        ("scores", pa.list_(pa.struct([("classifier", pa.string()), ("score", pa.float64())]))),
    ]
)


def stamp(at: datetime) -> str:
    """A moment as every file of a release writes it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def as_json(pair: ReleasedPair) -> dict[str, Any]:
    """A pair as a line of `pairs.jsonl`, in the order of its keys; `settled_at` is still a moment."""
    return {
        "position": pair.position,
        "image_id": pair.image_id,
        "label_id": pair.label_id,
        "label_name": pair.label_name,
        "split": pair.split,
        "verdict": pair.verdict,
        "outcome": pair.outcome,
        "hum_yes_rating": pair.tally.yes,
        "hum_no_rating": pair.tally.no,
        "hum_dont_know_rating": pair.tally.dont_know,
        "machine_score": int(pair.machine_yes),
        "machine_mean": pair.machine_mean,
        "machine_spread": pair.machine_spread,
        "machine_voices": pair.machine_voices,
        "tally_source": pair.tally_source,
        "adjudicated": pair.adjudicated,
        "policy": pair.policy,
        "roster": pair.roster,
        "prior_yes": pair.prior_yes,
        "posterior": pair.posterior,
        "settled_at": pair.settled_at,
        "scores": pair.scores,
    }


def released_cells(pair: ReleasedPair) -> tuple[object, ...]:
    """A pair as a row of `pairs.csv`."""
    tally = pair.tally
    return (
        pair.image_id,
        pair.label_id,
        pair.label_name,
        tally.yes,
        tally.no,
        tally.dont_know,
        int(pair.machine_yes),
    )


class Csv:
    """A CSV file that is being written, its header first."""

    def __init__(self, path: Path, columns: Sequence[str], files: ExitStack) -> None:
        file = files.enter_context(path.open("w", encoding="utf-8", newline=""))
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)

    def add(self, *rows: Sequence[object]) -> None:
        self._writer.writerows(rows)


class Parquet:
    """Shards of one table, written a group of rows at a time."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._paths = [folder / name for name in names]
        self._waiting: list[dict[str, Any]] = []
        self._shard: pq.ParquetWriter | None = None
        self._in_shard = 0
        (folder / layout.DATA).mkdir()

    def add(self, pair: dict[str, Any]) -> None:
        scores = [{"classifier": key, "score": score} for key, score in pair["scores"].items()]
        self._waiting.append({**pair, "scores": scores})
        if len(self._waiting) == PAIRS_A_ROW_GROUP:
            self._write()

    def close(self) -> None:
        """Write what waits; of a table without rows, a file without a group of rows, which every reader can read."""
        if self._waiting:
            self._write()
        elif self._shard is None and self._paths:
            self._shard = pq.ParquetWriter(self._paths.pop(0), SCHEMA)
        if self._shard is not None:
            self._shard.close()

    def _write(self) -> None:
        if self._shard is None:
            self._shard = pq.ParquetWriter(self._paths.pop(0), SCHEMA)
        self._shard.write_table(pa.Table.from_pylist(self._waiting, schema=SCHEMA))
        self._in_shard += len(self._waiting)
        self._waiting = []
        if self._in_shard == layout.PAIRS_A_SHARD:
            self._shard.close()
            self._shard, self._in_shard = None, 0


class PartTables:
    """All tables of one part that have a row a pair, as a context."""

    def __init__(self, folder: Path, *, part: str, pairs: int, classifiers: Iterable[str]) -> None:
        folder.mkdir(parents=True)
        self._files = ExitStack()
        self._classifiers = tuple(classifiers)
        self._pairs = Csv(folder / layout.PAIRS_CSV, RELEASED_COLUMNS, self._files)
        self._ratings = Csv(folder / layout.RATINGS_CSV, layout.RATING_COLUMNS, self._files)
        self._scores = Csv(
            folder / layout.SCORES_CSV,
            (*layout.SCORE_COLUMNS, *(harmless(key) for key in self._classifiers)),
            self._files,
        )
        lines = (folder / layout.PAIRS_JSONL).open("w", encoding="utf-8", newline="\n")
        self._lines = self._files.enter_context(lines)
        self._parquet = Parquet(folder, layout.shard_names(part, pairs))

    def __enter__(self) -> PartTables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._files:
            self._parquet.close()

    def add(self, pair: ReleasedPair) -> None:
        values = as_json(pair)
        self._parquet.add(values)
        self._lines.write(json.dumps({**values, "settled_at": stamp(pair.settled_at)}, ensure_ascii=False) + "\n")
        self._pairs.add(released_cells(pair))
        scores = [pair.scores.get(key) for key in self._classifiers]
        self._scores.add((pair.image_id, pair.label_id, pair.machine_mean, *scores))
        task = f"{pair.image_id}:{pair.label_id}"
        self._ratings.add(
            *(
                (task, one.worker, one.answer, f"{one.seconds:.3f}", int(one.counted), one.evidence)
                for one in pair.answers
            )
        )
