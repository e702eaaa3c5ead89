"""The tables among an edition's data files: written by PostgreSQL's COPY, a block of pictures at a time.

Memory stays flat, and after each block somebody can be told how far it has come. Rows are in the order of the pictures'
ids, so that the same data are the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.urls import reverse

from cats4ml.catalog.hiding import HIDDEN_IDS
from cats4ml.catalog.openimages import SOURCES
from cats4ml.challenges.models import Challenge, DataFileKind
from cats4ml.challenges.queries import target_labels
from cats4ml.ui.spreadsheets import FORMULA_STARTS

# Large enough that a block may as well read the whole catalogue, small enough that the bar moves.
PICTURES_A_BLOCK = 50_000
# The sets that Open Images' downloader takes; it refuses a list with any other.
SUBSETS = ("train", "validation", "test", "challenge2018")

Progress = Callable[[int], None]


def _harmless(column: str) -> str:
    """`ui.spreadsheets.harmless` in SQL. Null for an empty text, which COPY would write as two quotes."""
    return f"CASE WHEN ascii({column}) = ANY(%(formulas)s) THEN '''' || {column} ELSE nullif({column}, '') END"


_TEXTS = ("original_url", "landing_url", "license", "author_url", "author", "title")
_BLOCK = f"""
    pool.challenge_id = %(challenge)s AND pool.image_key > %(after)s AND pool.image_key <= %(upto)s
    AND pool.image_id NOT IN {HIDDEN_IDS}
"""
# No value is part of these texts: they are filled in by the driver.
_ROWS = {
    DataFileKind.LABELS: f"""
        SELECT label.key, {_harmless("label.name")}
        FROM challenges_targetlabel target JOIN catalog_label label ON label.id = target.label_id
        WHERE target.challenge_id = %(challenge)s ORDER BY target.position, target.id
    """,  # noqa: S608
    DataFileKind.IMAGES: f"""
        SELECT pool.image_key, nullif(image.subset, ''), {", ".join(_harmless(f"image.{name}") for name in _TEXTS)},
            image.original_bytes, nullif(image.original_md5, ''), {_harmless("image.thumbnail_url")},
            image.rotation || '.0', %(before)s || image.uuid || %(behind)s
        FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id
        WHERE {_BLOCK} ORDER BY pool.image_key
    """,  # noqa: S608
    DataFileKind.ANNOTATIONS: f"""
        SELECT pool.image_key, (%(sources)s::text[])[said.source], label.key, said.confidence
        FROM challenges_poolimage pool
        JOIN catalog_annotation said ON said.image_id = pool.image_id
        JOIN catalog_label label ON label.id = said.label_id
        WHERE {_BLOCK} ORDER BY pool.image_key, label.key COLLATE "C", said.source
    """,  # noqa: S608
    DataFileKind.IDS: f"""
        SELECT image.subset || '/' || pool.image_key
        FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id
        WHERE {_BLOCK} AND image.subset = ANY(%(subsets)s) ORDER BY pool.image_key
    """,  # noqa: S608
}
HEADERS = {
    DataFileKind.LABELS: "LabelName,DisplayName\n",
    DataFileKind.IMAGES: (
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
        "Thumbnail300KURL,Rotation,PictureURL\n"
    ),
    DataFileKind.ANNOTATIONS: "ImageID,Source,LabelName,Confidence\n",
    DataFileKind.IDS: "",
}


def write_table(*, challenge: Challenge, kind: DataFileKind, file: IO[bytes], progress: Progress) -> None:
    """Write a table in UTF-8 with LF, and say after each block how many pictures (or labels) are done."""
    file.write(HEADERS[kind].encode())
    if kind == DataFileKind.LABELS:
        _copy(kind, file, challenge=challenge.pk)
        progress(target_labels(challenge).count())
        return
    done = 0
    for after, upto, number in _blocks(challenge):
        _copy(kind, file, challenge=challenge.pk, after=after, upto=upto)
        done += number
        progress(done)


def _blocks(challenge: Challenge) -> Iterator[tuple[str, str, int]]:
    """The pool in the order of its ids: the id before a block, the last one of it, and how many there are."""
    after = ""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT max(image_key), count(*) FROM (SELECT image_key FROM challenges_poolimage"  # noqa: S608
                f" WHERE challenge_id = %s AND image_key > %s AND image_id NOT IN {HIDDEN_IDS}"
                " ORDER BY image_key LIMIT %s) block",
                [challenge.pk, after, PICTURES_A_BLOCK],
            )
            upto, number = cursor.fetchone()
        if not number:
            return
        yield after, upto, number
        after = upto


def _copy(kind: DataFileKind, file: IO[bytes], **values: Any) -> None:
    nobody = uuid.UUID(int=0)
    before, behind = (settings.SITE_URL + reverse("pages:picture", args=[nobody])).split(str(nobody))
    values |= {
        "formulas": [ord(start) for start in FORMULA_STARTS],
        "subsets": list(SUBSETS),
        "sources": sorted(SOURCES, key=SOURCES.__getitem__),
        "before": before,
        "behind": behind,
    }
    with connection.cursor() as cursor:
        rows = cursor.mogrify(_ROWS[kind], values).decode()
        cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')", file)
