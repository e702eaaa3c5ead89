"""Which target images of an edition are alike: the same bytes, near perceptual hashes, near embeddings.

A pool may have a million pictures, so that nothing here looks at all pairs of them.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import NamedTuple

import numpy as np
from django.db import connection

from cats4ml.catalog.arrays import half_vectors
from cats4ml.catalog.hiding import HIDDEN_IDS
from cats4ml.catalog.models import Embedding
from cats4ml.challenges.models import Challenge, PoolImage, RosterMember
from cats4ml.challenges.neighbours import EXACT_UP_TO, MOST_DIMENSIONS, ensure_index

# Hashes that differ in at most three bits of 64 agree in at least one of four bands of 16 bits.
HASH_BITS = 3
# Of pictures with one and the same hash, each is compared with this many that come after it.
SAME_HASH_NEXT = 5

_SAME_BYTES = """
SELECT before, image FROM (
    SELECT image.id AS image, lag(image.id) OVER (PARTITION BY image.sha256 ORDER BY image.id) AS before
    FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id
    WHERE pool.challenge_id = %s AND image.sha256 <> ''
) AS chained WHERE before IS NOT NULL
"""

_HASHES = """
WITH hashed AS MATERIALIZED (
    SELECT image.id AS image, image.perceptual_hash AS hash,
           row_number() OVER (PARTITION BY image.perceptual_hash ORDER BY image.id) AS place
    FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id
    WHERE pool.challenge_id = %(challenge)s AND image.perceptual_hash IS NOT NULL
), bands AS MATERIALIZED (
    SELECT image, hash, band, (hash >> (16 * band)) & 65535 AS value
    FROM hashed CROSS JOIN generate_series(0, 3) AS band WHERE place = 1
), near AS (
    SELECT DISTINCT one.image AS first, other.image AS second,
           bit_count((one.hash # other.hash)::bit(64)) AS distance
    FROM bands one JOIN bands other USING (band, value)
    WHERE one.image < other.image AND bit_count((one.hash # other.hash)::bit(64)) <= %(bits)s
), ranked AS (
    SELECT first, second, distance,
           row_number() OVER (PARTITION BY first ORDER BY distance, second) AS by_first,
           row_number() OVER (PARTITION BY second ORDER BY distance, first) AS by_second
    FROM near
)
SELECT first, second, distance, by_first > %(most)s OR by_second > %(most)s FROM ranked
UNION ALL
SELECT one.image, other.image, 0, false FROM hashed one JOIN hashed other
    ON other.hash = one.hash AND other.place BETWEEN one.place + 1 AND one.place + %(next)s
UNION ALL
SELECT image, image, 0, true FROM hashed WHERE place = %(next)s + 2
"""

# Asked of the whole catalogue, and only then of the pool: so the index gives the order, whatever the pool's size.
_NEIGHBOURS = """
SELECT one.image_id, other.image_id, other.cosine
FROM challenges_poolimage pool
JOIN catalog_embedding one ON one.image_id = pool.image_id AND one.classifier_id = {classifier}
CROSS JOIN LATERAL (
    SELECT near.image_id, 1 - (near.vector::halfvec({dimensions}) <=> one.vector::halfvec({dimensions})) AS cosine
    FROM catalog_embedding near
    WHERE near.classifier_id = {classifier}
    ORDER BY near.vector::halfvec({dimensions}) <=> one.vector::halfvec({dimensions})
    LIMIT %(most)s + 2
) AS other
WHERE pool.challenge_id = %(challenge)s AND pool.image_id NOT IN {hidden} AND other.image_id NOT IN {hidden}
    AND other.image_id <> one.image_id AND other.cosine >= %(similarity)s
    AND EXISTS (
        SELECT FROM challenges_poolimage its WHERE its.challenge_id = %(challenge)s AND its.image_id = other.image_id
    )
"""
_VECTORS = """
COPY (
    SELECT one.image_id, one.vector FROM challenges_poolimage pool JOIN catalog_embedding one USING (image_id)
    WHERE pool.challenge_id = {challenge} AND one.classifier_id = {classifier} AND one.image_id NOT IN {hidden}
    ORDER BY one.image_id
) TO STDOUT (FORMAT binary)
"""
# So many pictures at a time are compared with all.
BLOCK = 1_024


class Alike(NamedTuple):
    """Pairs of image ids with a measure; `capped`: images that have more than the pairs that are given."""

    pairs: list[tuple[int, int, float]]
    capped: set[int]


class Embedded(NamedTuple):
    """A classifier that has embeddings of the pool's pictures, with the number of their dimensions."""

    classifier: int
    name: str
    dimensions: int
    images: int


def same_bytes(challenge: Challenge) -> list[tuple[int, int]]:
    """Pictures of the same bytes, each with the next one by id: a chain links them all."""
    with connection.cursor() as cursor:
        cursor.execute(_SAME_BYTES, [challenge.pk])
        return list(cursor.fetchall())


def alike_hashes(challenge: Challenge, *, bits: int, most: int) -> Alike:
    """Pictures whose perceptual hashes differ in at most `bits` (0 to 3) of 64, the nearest `most` of each.

    Of several pictures with one hash the first stands for all before the others' hashes; among themselves each is
    paired with the next five by id.
    """
    values = {"challenge": challenge.pk, "bits": bits, "most": most, "next": SAME_HASH_NEXT}
    with connection.cursor() as cursor:
        cursor.execute(_HASHES, values)
        rows = cursor.fetchall()
    pairs = [(first, second, distance) for first, second, distance, beyond in rows if not beyond]
    return Alike(pairs, {image for first, second, _, beyond in rows if beyond for image in (first, second)})


def embedded_by(challenge: Challenge) -> Embedded | None:
    """The first classifier of the roster in force that has embeddings of target images."""
    pool = PoolImage.objects.filter(challenge=challenge).values("image")
    members = RosterMember.objects.filter(roster=challenge.roster_id).order_by("position")
    for classifier, name in members.values_list("classifier", "classifier__name"):
        rows = Embedding.objects.filter(classifier=classifier, image__in=pool)
        first = rows.first()
        if first is not None:
            return Embedded(classifier, name, len(first.vector), rows.count())
    return None


def near_vectors(
    challenge: Challenge, embedded: Embedded, *, similarity: float, most: int, exact_up_to: int | None = None
) -> Alike:
    """Pictures whose embeddings have a cosine of at least `similarity`, the nearest `most` of each.

    Up to `exact_up_to` pictures (20,000) each is compared with all. Beyond that an index finds the neighbours, and is
    made where it is lacking: it may miss some, the more so where the catalogue has many near-copies out of this pool.
    """
    exact = embedded.images <= (EXACT_UP_TO if exact_up_to is None else exact_up_to)
    if exact or embedded.dimensions > MOST_DIMENSIONS:
        rows = _compared(challenge, embedded, similarity=similarity, most=most)
    else:
        rows = _neighbours(challenge, embedded, similarity=similarity, most=most)
    number = Counter(first for first, _, _ in rows)
    pairs = {(min(first, second), max(first, second)): cosine for first, second, cosine in rows}
    capped = {image for image, found in number.items() if found > most}
    return Alike([(first, second, cosine) for (first, second), cosine in sorted(pairs.items())], capped)


def _compared(
    challenge: Challenge, embedded: Embedded, *, similarity: float, most: int
) -> list[tuple[int, int, float]]:
    """(image, other, cosine) by comparing each with all; one more than `most` where an image has more."""
    body = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(
            _VECTORS.format(hidden=HIDDEN_IDS, challenge=int(challenge.pk), classifier=int(embedded.classifier)), body
        )
    images, vectors = half_vectors(body.getvalue(), dimensions=embedded.dimensions)
    found = []
    for start in range(0, len(images), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1  # itself
        for row in np.flatnonzero(cosines.max(axis=1, initial=-1) >= similarity):
            near = np.flatnonzero(cosines[row] >= similarity)
            nearest = near[np.argsort(-cosines[row, near], kind="stable")][: most + 1]
            found += [(int(images[start + row]), int(images[one]), float(cosines[row, one])) for one in nearest]
    return found


def _neighbours(
    challenge: Challenge, embedded: Embedded, *, similarity: float, most: int
) -> list[tuple[int, int, float]]:
    """The same by the index."""
    ensure_index(embedded.classifier, embedded.dimensions)
    sql = _NEIGHBOURS.format(
        hidden=HIDDEN_IDS, classifier=int(embedded.classifier), dimensions=int(embedded.dimensions)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {"challenge": challenge.pk, "similarity": similarity, "most": most})
        return list(cursor.fetchall())
