"""The Parquet files of a part, where pyarrow is there to read them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from cats4ml_client.verifying.places import Place, opened
from cats4ml_client.verifying.report import Difference

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError:  # the program works without it, and says what it left out
    pa = parquet = None

ROWS = 2000
KINDS = {
    **dict.fromkeys(
        ("image_id", "label_id", "label_name", "split", "verdict", "outcome", "tally_source"), "string"
    ),
    **dict.fromkeys(
        ("position", "hum_yes_rating", "hum_no_rating", "hum_dont_know_rating", "machine_score", "machine_voices",
         "policy", "roster"), "int32",
    ),
    **dict.fromkeys(("machine_mean", "machine_spread", "prior_yes", "posterior"), "double"),
    "adjudicated": "bool",
    "settled_at": "timestamp[us, tz=UTC]",
    "scores": "list<element: struct<classifier: string, score: double>>",
}  # fmt: skip


def can_read() -> bool:
    return parquet is not None


def shards(place: Place, part: str) -> list[str]:
    """The files of a part in order. Raises `Difference` where they are not all there."""
    pattern = re.compile(rf"{part}/data/{part}-(\d{{5}})-of-(\d{{5}})\.parquet")
    found = sorted(name for name in place.names if pattern.fullmatch(name))
    expected = [f"{part}/data/{part}-{at:05}-of-{len(found):05}.parquet" for at in range(len(found))]
    others = sorted(name for name in place.names if name.startswith(f"{part}/data/") and name not in found)
    if not found or found != expected or others:
        raise Difference((others or found or [f"{part}/data"])[0], "The Parquet files are not a whole series.")
    return found


def rows(place: Place, part: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """File, row in it, and values as `pairs.jsonl` has them, of each pair of a part."""
    for name in shards(place, part):
        # Parquet is read from its end: a member of a zip goes to the disk first.
        with opened(place, name) as file, tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            try:
                number = 0
                table = parquet.ParquetFile(copy)
                kinds = {one.name: str(one.type) for one in table.schema_arrow}
                if kinds != KINDS:
                    wrong = sorted(KINDS.items() ^ kinds.items())
                    raise Difference(
                        name, "Its columns are of other kinds.", expected=KINDS.get(wrong[0][0]), found=wrong[0]
                    )
                for batch in table.iter_batches(ROWS):
                    for row in batch.to_pylist():
                        number += 1
                        yield name, number, _as_json(row)
            except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise Difference(name, f"It is no Parquet file that can be read: {error}.") from None


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    at = row.get("settled_at")
    if isinstance(at, datetime):
        row["settled_at"] = f"{at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z"
    scores = row.get("scores")
    if isinstance(scores, list):
        row["scores"] = {one["classifier"]: one["score"] for one in scores}
        if len(row["scores"]) != len(scores):
            raise ValueError("a classifier has two scores of one pair")
    return row
