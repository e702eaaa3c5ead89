"""What classifiers said of pictures, written into the catalogue. Each of these may run twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from cats4ml.catalog.arrays import ArrayRow, copy_rows
from cats4ml.catalog.models import Embedding, Prediction, ScoringFailure

# The first hash of a picture stands. Rows are locked in one order for everybody.
_HASHES = """
WITH incoming AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS one(image, hash)),
lacking AS (
    SELECT id FROM catalog_image WHERE id IN (SELECT image FROM incoming) AND perceptual_hash IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE catalog_image SET perceptual_hash = incoming.hash
FROM incoming JOIN lacking ON lacking.id = incoming.image WHERE catalog_image.id = lacking.id
"""


@dataclass(frozen=True)
class NewFailure:
    """Why a picture got no number, from one classifier, or with `classifier` None from any."""

    image: int
    classifier: int | None
    reason: str
    detail: str = ""


def record_predictions(rows: Iterable[ArrayRow], *, at: datetime) -> None:
    """Keep these predictions, `values` float32 (outputs,). The first one of an image and a classifier stands."""
    table = Prediction._meta.db_table  # noqa: SLF001 - Django's documented name
    copy_rows(rows, table=table, column="probabilities", kind="real[]", created_at=at)


def record_embeddings(rows: Iterable[ArrayRow], *, at: datetime) -> None:
    """Keep these embeddings, `values` float16 (D,) of length 1. The first one of an image and a classifier stands."""
    table = Embedding._meta.db_table  # noqa: SLF001 - Django's documented name
    copy_rows(rows, table=table, column="vector", kind="halfvec", created_at=at)


def record_hashes(hashes: Mapping[int, int]) -> None:
    """Keep these perceptual hashes, by image, as `signed_hash` gives them. The first one of an image stands."""
    if hashes:
        with connection.cursor() as cursor:
            cursor.execute(_HASHES, [list(hashes), list(hashes.values())])


def signed_hash(text: str) -> int:
    """64 bits in 16 hex digits as PostgreSQL's bigint keeps them: the same bits, the highest one a sign.

    Raises `ValueError` for anything else.
    """
    if len(text) != 16:
        raise ValueError(f"a perceptual hash has 16 hex digits, not {text!r}")
    return int.from_bytes(bytes.fromhex(text), signed=True)


def record_failures(failures: Iterable[NewFailure], *, answered: Collection[tuple[int, int]], at: datetime) -> None:
    """Keep why pictures got no number, the newest reason for each, and forget what was mended since.

    `answered`: (image, classifier) of the numbers that came. A number mends its classifier's failure, and the failure
    of the whole picture.
    """
    new = sorted(failures, key=lambda one: (one.image, one.classifier or 0))
    there = ScoringFailure.objects.filter(image__in={image for image, _ in answered})
    seen = {image for image, _ in answered}
    mended = [
        pk
        for pk, image, classifier in there.values_list("pk", "image_id", "classifier_id")
        if (image, classifier) in answered or (classifier is None and image in seen)
    ]
    if mended:
        ScoringFailure.objects.filter(pk__in=mended).delete()
    rows = [
        ScoringFailure(
            image_id=one.image,
            classifier_id=one.classifier,
            reason=one.reason[:40],
            detail=one.detail[:300],
            created_at=at,
        )
        for one in new
    ]
    ScoringFailure.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["image", "classifier"],
        update_fields=["reason", "detail", "created_at"],
    )
