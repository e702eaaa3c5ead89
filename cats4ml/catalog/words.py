"""The words by which pictures are found: their titles, and the names of the labels that somebody says are in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from cats4ml.catalog.models import AnnotationKind, Image

CONFIG = "english"
"""PostgreSQL's configuration: for what is written here, and for what is asked (`SearchQuery(…, config=CONFIG)`).

English, for the labels' names are: “dogs” finds “Dog”. Titles in other languages are found by the words as they stand,
nearly: both sides go through the same stemmer."""

IMAGES_AT_ONCE = 5_000

# A name weighs more than a title (A before B): a name was given by a person who looked or a machine that did, a title
# often says where the photographer was.
_WRITE = """
INSERT INTO catalog_imagewords AS there (image_id, words)
SELECT given.image_id, given.words
FROM (
    SELECT image.id AS image_id,
        setweight(to_tsvector(%(config)s::regconfig, coalesce(named.names, '')), 'A')
        || setweight(to_tsvector(%(config)s::regconfig, image.title), 'B') AS words
    FROM catalog_image AS image
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT label.name, ' . ' ORDER BY label.name) AS names
        FROM catalog_annotation AS annotation JOIN catalog_label AS label ON label.id = annotation.label_id
        WHERE annotation.image_id = image.id AND annotation.kind = ANY(%(kinds)s)
    ) AS named ON true
    WHERE image.id = ANY(%(images)s)
) AS given
LEFT JOIN catalog_imagewords AS known USING (image_id)
WHERE known.words IS DISTINCT FROM given.words
ORDER BY given.image_id
ON CONFLICT (image_id) DO UPDATE SET words = EXCLUDED.words
"""


def refresh_words(*, images: QuerySet[Image], follow: Callable[[int], None] | None = None) -> int:
    """Bring the words of these pictures up to date, some thousands at once, by their row ids; may run twice.

    A label's name counts where people said yes or a machine said so, though others deny it: who hunts for errors looks
    for those. Writes only what differs, and returns how many that were. `follow` is told how many pictures are done.
    """
    written = done = last = 0
    while True:
        # Not in one long query: what was written stays should this be interrupted.
        some = list(images.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:IMAGES_AT_ONCE])
        if not some:
            return written
        with transaction.atomic(), connection.cursor() as cursor:
            written += _write_words(cursor, some)
        last = some[-1]
        done += len(some)
        if follow is not None:
            follow(done)


def _write_words(cursor: Any, images: list[int]) -> int:
    kinds = [AnnotationKind.HUMAN_YES.value, AnnotationKind.MACHINE.value]
    cursor.execute(_WRITE, {"config": CONFIG, "kinds": kinds, "images": images})
    return int(cursor.rowcount)
