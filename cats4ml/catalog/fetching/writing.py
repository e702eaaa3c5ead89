"""Writes what fetching came to. Each of these may run twice, and beside others: a picture that is there stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from cats4ml.catalog.fetching.picture import Got, NotGot
from cats4ml.catalog.models import FetchFailure
from cats4ml.catalog.pictures import Stored

# Rows are locked in one order for everybody.
_PICTURES = """
WITH incoming AS (
    SELECT * FROM unnest(
        %s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::bigint[], %s::text[], %s::text[]
    ) AS one(image, file, sha256, width, height, hash, thumbnail, upright)
),
lacking AS (
    SELECT id FROM catalog_image WHERE id IN (SELECT image FROM incoming) AND file = '' AND hidden_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE catalog_image SET
    file = incoming.file, sha256 = incoming.sha256, width = incoming.width, height = incoming.height,
    perceptual_hash = COALESCE(perceptual_hash, incoming.hash),
    thumbnail = incoming.thumbnail, upright = incoming.upright
FROM incoming JOIN lacking ON lacking.id = incoming.image WHERE catalog_image.id = lacking.id
"""
_FAILURES = """
INSERT INTO catalog_fetchfailure (image_id, reason, detail, tries, created_at)
SELECT image, reason, detail, 1, %s FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS one(image, reason, detail)
WHERE EXISTS (SELECT FROM catalog_image WHERE id = image AND file = '' AND hidden_at IS NULL)
ORDER BY image
ON CONFLICT (image_id) DO UPDATE SET reason = excluded.reason, detail = excluded.detail,
    tries = LEAST(catalog_fetchfailure.tries + 1, 32767), created_at = excluded.created_at
"""
_DETAIL = 500


def record_stored(pictures: dict[int, Stored]) -> None:
    """Give these images their files, by id, where they have none; what was wrong with them is forgotten."""
    if not pictures:
        return
    rows = [
        (image, one.file, one.sha256, one.width, one.height, one.perceptual_hash, one.thumbnail, one.upright)
        for image, one in sorted(pictures.items())
    ]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_PICTURES, [list(column) for column in zip(*rows, strict=True)])
        FetchFailure.objects.filter(image__in=pictures).exclude(image__file="").delete()


def record_results(results: Sequence[Got | NotGot], *, at: datetime) -> None:
    """Keep the files that came, and why the others did not."""
    record_stored({one.image: one.stored for one in results if isinstance(one, Got)})
    failed = {one.image: one for one in results if isinstance(one, NotGot)}
    if failed:
        columns: list[list[Any]] = [
            list(failed),
            [one.reason for one in failed.values()],
            [one.detail.replace("\0", "�")[:_DETAIL] for one in failed.values()],
        ]
        with connection.cursor() as cursor:
            cursor.execute(_FAILURES, [at, *columns])
