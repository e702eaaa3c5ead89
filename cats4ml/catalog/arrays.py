"""Arrays on their way into PostgreSQL, by binary COPY: as text, a thousand numbers a row take fifty times as long.

The formats are those of PostgreSQL's binary COPY and of the receive functions of `real[]` (`array_recv`) and of
pgvector's `halfvec` (`halfvec_recv`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
_REAL_OID = 700
_ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])


class ArrayRow(NamedTuple):
    """What one classifier says of one picture. `values`: float32 (L,) for `real[]`, float16 (D,) for `halfvec`."""

    image: int
    classifier: int
    values: NDArray[Any]


def real_array(values: NDArray[Any]) -> bytes:
    """A float32 (L,) as `real[]` in binary: one dimension, no nulls, lower bound 1, each element with its length."""
    elements = np.empty(len(values), _ELEMENT)
    elements["bytes"], elements["value"] = 4, values
    return struct.pack("!iiIii", 1, 0, _REAL_OID, len(values), 1) + elements.tobytes()


def half_vector(values: NDArray[Any]) -> bytes:
    """A float16 (D,) as pgvector's `halfvec` in binary."""
    return struct.pack("!HH", len(values), 0) + values.astype(">f2").tobytes()


def half_vectors(copied: bytes, *, dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What a binary COPY of (bigint, halfvec) gave: ids (N,) and vectors float32 (N, dimensions), of length 1.

    Raises `ValueError` where a vector has another number of dimensions.
    """
    parts = [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("bytes", ">i4"), ("dimensions", ">u2")]
    row = np.dtype([*parts, ("unused", ">u2"), ("vector", ">f2", (dimensions,))])
    body = memoryview(copied)[len(_HEADER) : -len(_TRAILER)]
    if len(body) % row.itemsize:
        raise ValueError(f"the embeddings don't all have {dimensions} dimensions")
    rows = np.frombuffer(body, row)
    if not (rows["dimensions"] == dimensions).all():
        raise ValueError(f"the embeddings don't all have {dimensions} dimensions")
    vectors = rows["vector"].astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows["id"].astype(np.int64), vectors / lengths


_TYPES = {"real[]": real_array, "halfvec": half_vector}


def _copy_body(rows: Iterable[ArrayRow], *, encode: Callable[[NDArray[Any]], bytes]) -> io.BytesIO:
    body = io.BytesIO()
    body.write(_HEADER)
    for image, classifier, values in rows:
        array = encode(values)
        body.write(struct.pack("!hiqiqi", 3, 8, image, 8, classifier, len(array)))
        body.write(array)
    body.write(_TRAILER)
    body.seek(0)
    return body


def copy_rows(rows: Iterable[ArrayRow], *, table: str, column: str, kind: str, created_at: datetime) -> None:
    """Insert these rows where the picture and classifier have none; the first one stands.

    `table` has `image_id`, `classifier_id` (unique together), the array `column` of type `kind` (`real[]` or
    `halfvec`) and `created_at`. In one order for everybody, so that two messages about the same pictures can't wait
    for each other.
    """
    ordered = sorted(rows, key=lambda row: row[:2])
    if not ordered:
        return
    incoming = f"incoming_{column}"
    body = _copy_body(ordered, encode=_TYPES[kind])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming}"
            f" (image_id bigint, classifier_id bigint, {column} {kind} STORAGE EXTERNAL)"
            " WITH (toast_tuple_target = 4080) ON COMMIT DELETE ROWS"
        )
        cursor.copy_expert(f"COPY {incoming} FROM STDIN (FORMAT binary)", body)
        cursor.execute(
            f"INSERT INTO {table} (image_id, classifier_id, {column}, created_at)"  # noqa: S608 - names of our own
            f" SELECT image_id, classifier_id, {column}, %s FROM {incoming} ORDER BY image_id, classifier_id"
            " ON CONFLICT (image_id, classifier_id) DO NOTHING",
            [created_at],
        )
        cursor.execute(f"DELETE FROM {incoming}")  # noqa: S608 - for a transaction that goes on
