"""How each kind of table is read in batches, and how a batch is written: all of it at once, and only what differs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from cats4ml.catalog.models import Label
from cats4ml.catalog.openimages.files import CLASS_COLUMNS, CLASSES, HIERARCHY, IMAGES, ROTATION, Form
from cats4ml.catalog.openimages.hierarchy import read_hierarchy, write_hierarchy
from cats4ml.catalog.openimages.records import BadRow, Lines, shown
from cats4ml.catalog.openimages.rows import (
    UNKNOWN_IMAGE,
    Batch,
    ClassRow,
    ImageRow,
    Shares,
    class_row,
    image_judge,
    read_labels,
    read_rows,
)

CLASSES_AT_ONCE = 20_000
IMAGES_AT_ONCE = 20_000
LABELS_AT_ONCE = 50_000


@dataclass
class Written:
    """What one batch came to. `bad` are rows that only the tables could refuse."""

    new: int = 0
    changed: int = 0
    bad: list[BadRow] = field(default_factory=list)


class Kind(NamedTuple):
    """`read` takes the next batch from the lines, `write` puts it into the tables, within the caller's transaction."""

    read: Callable[[Lines], Batch]
    write: Callable[[Any, Batch], Written]


def kind_of(form: Form, *, collection: str, vocabulary: str) -> Kind:
    if form.kind == CLASSES:
        read = partial(read_rows, most=CLASSES_AT_ONCE, width=len(CLASS_COLUMNS), judge=class_row)
        return Kind(read, partial(_write_classes, vocabulary=vocabulary))
    if form.kind == IMAGES:
        judge = image_judge(form.columns)
        read = partial(read_rows, most=IMAGES_AT_ONCE, width=len(form.columns), judge=judge)
        return Kind(read, partial(_write_images, collection=collection, turned=ROTATION in form.columns))
    if form.kind == HIERARCHY:
        return Kind(read_hierarchy, partial(_write_hierarchy, vocabulary=vocabulary))
    labels = dict(Label.objects.filter(vocabulary=vocabulary).values_list("key", "id"))
    read = partial(
        read_labels,
        most=LABELS_AT_ONCE,
        columns=form.columns,
        labels={key.encode(): number for key, number in labels.items()},
        shares=Shares(),
    )
    return Kind(read, partial(_write_labels, collection=collection))


_CLASS_STAGE = "new_classes (key text, name text)"
_CLASS_COPY = "COPY new_classes FROM STDIN WITH (FORMAT csv)"
_CLASS_WRITE = """
WITH written AS (
    INSERT INTO catalog_label AS there (vocabulary, key, name, description)
    SELECT %(vocabulary)s, given.key, given.name, '' FROM new_classes AS given
    LEFT JOIN catalog_label AS known ON known.vocabulary = %(vocabulary)s AND known.key = given.key
    WHERE known.name IS DISTINCT FROM given.name
    ON CONFLICT (vocabulary, key) DO UPDATE SET name = EXCLUDED.name
    RETURNING there.xmax = 0 AS is_new
) SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


def _write_classes(cursor: Any, batch: Batch, *, vocabulary: str) -> Written:
    """The newest description names a label: version 6 gave 385 of them another name."""
    rows: dict[str, ClassRow] = {row.key: row for row in batch.good}
    _empty(cursor, _CLASS_STAGE)
    _copy(cursor, _CLASS_COPY, rows.values())
    cursor.execute(_CLASS_WRITE, {"vocabulary": vocabulary})
    return Written(*cursor.fetchone())


_TEXTS = [name for name in ImageRow._fields if name not in ("original_bytes", "rotation")]
_IMAGE_STAGE = f"new_images ({', '.join(f'{name} text' for name in _TEXTS)}, original_bytes bigint, rotation smallint)"
_IMAGE_COPY = f"""
COPY new_images ({", ".join(ImageRow._fields)}) FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL ({", ".join(_TEXTS)}))
"""
# Columns of the table that no file gives. Listed, for the table has no defaults in the database.
_IMAGE_REST = {
    "collection": "%(collection)s", "uuid": "gen_random_uuid()", "created_at": "statement_timestamp()", "file": "''",
    "sha256": "''", "upright": "''", "thumbnail": "''",
}  # fmt: skip


def _image_write(columns: Sequence[str]) -> str:
    given = ", ".join(f"given.{name}" for name in columns)
    known = ", ".join(f"known.{name}" for name in columns)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns)
    return f"""
    WITH written AS (
        INSERT INTO catalog_image AS there (image_id, {", ".join(columns)}, {", ".join(_IMAGE_REST)})
        SELECT given.image_id, {given}, {", ".join(_IMAGE_REST.values())} FROM new_images AS given
        LEFT JOIN LATERAL (
            SELECT * FROM catalog_image AS held
            WHERE held.collection = %(collection)s AND held.image_id = given.image_id LIMIT 1
        ) AS known ON true
        WHERE (known.id IS NULL OR ({known}) IS DISTINCT FROM ({given})) AND NOT EXISTS (
            SELECT FROM catalog_takedown AS gone
            WHERE gone.collection = %(collection)s AND gone.former_id = given.image_id AND gone.lifted_at IS NULL
        )
        ON CONFLICT (collection, image_id) DO UPDATE SET {updates}
        RETURNING there.xmax = 0 AS is_new
    ) SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
    """  # noqa: S608 - names of columns alone


_WITH_ROTATION = _image_write(ImageRow._fields[1:])
_WITHOUT_ROTATION = _image_write(ImageRow._fields[1:-1])


def _write_images(cursor: Any, batch: Batch, *, collection: str, turned: bool) -> Written:
    """A file without rotations leaves those that are known. What is known of the picture itself stays in any case."""
    rows: dict[str, ImageRow] = {row.image_id: row for row in batch.good}
    _empty(cursor, _IMAGE_STAGE)
    _copy(cursor, _IMAGE_COPY, rows.values())
    _look_rows_up_one_by_one(cursor)
    cursor.execute(_WITH_ROTATION if turned else _WITHOUT_ROTATION, {"collection": collection})
    return Written(*cursor.fetchone())


_LABEL_STAGE = "new_annotations (image_id bigint, label_id bigint, source smallint, confidence real)"
_LABEL_COPY = "COPY new_annotations FROM STDIN"
_LABEL_WRITE = """
WITH written AS (
    INSERT INTO catalog_annotation AS there (image_id, label_id, source, confidence)
    SELECT given.* FROM new_annotations AS given
    LEFT JOIN LATERAL (
        SELECT held.confidence FROM catalog_annotation AS held
        WHERE held.image_id = given.image_id AND held.label_id = given.label_id AND held.source = given.source LIMIT 1
    ) AS known ON true
    WHERE known.confidence IS DISTINCT FROM given.confidence
    ON CONFLICT (image_id, label_id, source) DO UPDATE SET confidence = EXCLUDED.confidence
    RETURNING there.xmax = 0 AS is_new
) SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


def _write_labels(cursor: Any, batch: Batch, *, collection: str) -> Written:
    wanted = {row.image for row in batch.good}
    _look_rows_up_one_by_one(cursor)
    images = _image_numbers(cursor, collection, wanted)
    bad: list[BadRow] = []
    rows: dict[tuple[int, int, int], float] = {}
    for row in batch.good:
        image = images.get(row.image)
        if image is None:
            bad.append(BadRow(row.line, UNKNOWN_IMAGE, shown(row.text)))
        else:
            rows[image, row.label, row.source] = row.confidence
    if not rows:
        return Written(bad=bad)
    lines = [f"{image}\t{label}\t{source}\t{share!r}\n" for (image, label, source), share in rows.items()]
    _empty(cursor, _LABEL_STAGE)
    cursor.copy_expert(_LABEL_COPY, io.StringIO("".join(lines)))
    cursor.execute(_LABEL_WRITE)
    new, changed = cursor.fetchone()
    return Written(new=new, changed=changed, bad=bad)


def _write_hierarchy(cursor: Any, batch: Batch, *, vocabulary: str) -> Written:
    new, bad = write_hierarchy(batch, vocabulary=vocabulary)
    return Written(new=new, bad=bad)


def _image_numbers(cursor: Any, collection: str, wanted: Iterable[bytes]) -> Mapping[bytes, int]:
    ids = [key.decode() for key in wanted]
    cursor.execute(
        "SELECT image_id, id FROM catalog_image WHERE collection = %s AND image_id = ANY(%s)", [collection, ids]
    )
    return {key.encode(): number for key, number in cursor.fetchall()}


def _empty(cursor: Any, table: str) -> None:
    """Have this connection's own table, with nothing in it whatever the transaction did before."""
    cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ON COMMIT DELETE ROWS")
    cursor.execute(f"TRUNCATE {table.split(maxsplit=1)[0]}")


def _copy(cursor: Any, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    packed = io.StringIO()
    csv.writer(packed).writerows(rows)
    packed.seek(0)
    cursor.copy_expert(statement, packed)


def _look_rows_up_one_by_one(cursor: Any) -> None:
    """Within this transaction: a batch must not read the whole table, whatever the planner thinks of its size. Each row
    is looked up by an index: a `LATERAL … LIMIT 1` is no join to be done in another order."""
    cursor.execute("SET LOCAL enable_seqscan = off")
