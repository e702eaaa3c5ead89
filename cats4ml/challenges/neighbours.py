"""The target images whose embeddings lie nearest to a vector, and the index that finds them in a large pool.

The vector may be a picture's own embedding, or what the same classifier makes of words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Cast
from pgvector import HalfVector
from pgvector.django import CosineDistance, HalfVectorField

from cats4ml.catalog.hiding import shown
from cats4ml.catalog.models import Embedding
from cats4ml.challenges.models import Challenge, PoolImage, RosterMember
from cats4ml.locking import Lock, alone

# So many pictures are compared one by one: within a tenth of a second, and without an index.
EXACT_UP_TO = 20_000
# pgvector's largest for an index on halfvec.
MOST_DIMENSIONS = 4_000
# How many the index keeps in view while it searches: more finds more of the true neighbours and takes longer.
SEARCH_WIDTH = 100
# How far it goes on for pictures that are in the pool, where most of what is embedded isn't.
MOST_SCANNED = 60_000
# Beyond this the building of an index goes to and fro between memory and disk, and takes many times as long.
INDEX_MEMORY = "1GB"
_LOOK_SECONDS = 1.0


class NotIndexed(Exception):
    """The pool is too large to be compared picture by picture, and nothing was prepared that finds neighbours."""


class Neighbour(NamedTuple):
    """A target image; `cosine` is 1 for the same direction. It is no machine score, and isn't shown all the same."""

    image: int
    cosine: float


class Seen(NamedTuple):
    """What a classifier's backbone makes of a picture."""

    classifier: int
    vector: list[float]


def seen_by_roster(challenge: Challenge, image_id: int) -> Seen | None:
    """The picture's embedding by the first classifier of the roster in force that has one of it."""
    members = RosterMember.objects.filter(roster=challenge.roster_id).order_by("position")
    order = {classifier: place for place, classifier in enumerate(members.values_list("classifier_id", flat=True))}
    found = Embedding.objects.filter(image=image_id, classifier__in=order).values_list("classifier_id", "vector")
    rows = sorted(found, key=lambda row: order[row[0]])
    return Seen(*rows[0]) if rows else None


def neighbours(
    challenge: Challenge,
    *,
    classifier_id: int,
    vector: list[float],
    limit: int,
    offset: int = 0,
    among: QuerySet[PoolImage] | None = None,
    exact_up_to: int | None = None,
) -> list[Neighbour]:
    """The target images (those of `among`, a part of the pool, where it is given) nearest to `vector`, nearest first.

    By the cosine with the embeddings of this classifier; pictures without one are left out. Among up to `exact_up_to`
    pictures (20,000) the answer is exact. Beyond that an index gives it, which may miss some, and gives fewer than
    `limit` where it would have to go through most of the catalogue. Raises `NotIndexed` where there is no such index.
    """
    pool = shown(PoolImage.objects.filter(challenge=challenge) if among is None else among)
    most = EXACT_UP_TO if exact_up_to is None else exact_up_to
    images = pool.order_by().values_list("image_id", flat=True)
    if not images[most : most + 1]:
        return _compared(list(images), classifier_id, vector, limit=limit, offset=offset)
    if not is_indexed(classifier_id):
        raise NotIndexed(f"classifier {classifier_id} has no index over its embeddings")
    return _by_index(pool, classifier_id, vector, limit=limit, offset=offset)


_COMPARED = """
WITH compared AS MATERIALIZED (
    SELECT image_id, vector::halfvec({dimensions}) <=> %s::halfvec({dimensions}) AS distance
    FROM catalog_embedding WHERE classifier_id = %s AND image_id = ANY(%s)
)
SELECT image_id, distance FROM compared ORDER BY distance, image_id LIMIT %s OFFSET %s
"""


def _compared(
    images: Sequence[int], classifier_id: int, vector: list[float], *, limit: int, offset: int
) -> list[Neighbour]:
    values: list[Any] = [HalfVector(vector).to_text(), classifier_id, list(images), limit, offset]
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED.format(dimensions=len(vector)), values)
        return [Neighbour(image, 1 - distance) for image, distance in cursor.fetchall()]


def _by_index(
    pool: QuerySet[PoolImage], classifier_id: int, vector: list[float], *, limit: int, offset: int
) -> list[Neighbour]:
    """The same by the index: it gives the order, and each picture is then looked up in the pool."""
    as_indexed = Cast("vector", HalfVectorField(dimensions=len(vector)))
    rows = (
        Embedding.objects.filter(Exists(pool.filter(image_id=OuterRef("image_id"))), classifier=classifier_id)
        .annotate(distance=CosineDistance(as_indexed, HalfVector(vector)))
        .order_by(F("distance"))
        .values_list("image_id", "distance")
    )
    with _searching():
        return [Neighbour(image, 1 - distance) for image, distance in rows[offset : offset + limit]]


@contextmanager
def _searching() -> Iterator[None]:
    """Settings for one search: go on beyond the first look, in strict order, and let the index give that order."""
    wanted = {
        "hnsw.iterative_scan": "strict_order",
        "hnsw.ef_search": str(SEARCH_WIDTH),
        "hnsw.max_scan_tuples": str(MOST_SCANNED),
        # The planner takes a look-up for dearer than it is, and would compare every embedding instead.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + ", ".join(["current_setting(%s, true)"] * len(wanted)),
            list(wanted),
        )
        before = dict(zip(wanted, cursor.fetchone(), strict=True))
        _set_local(wanted)
        yield
        # For a transaction that goes on round this one.
        _set_local({name: value for name, value in before.items() if value})


def _set_local(values: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def index_name(classifier_id: int) -> str:
    """The name by which the first of these indexes were made, for near-copies."""
    return f"near_copies_{int(classifier_id)}"


def is_indexed(classifier_id: int) -> bool:
    """Whether this classifier's embeddings have an index that is whole."""
    with connection.cursor() as cursor:
        name = index_name(classifier_id)
        cursor.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", [name])
        return cursor.fetchone() is not None


def ensure_index(classifier_id: int, dimensions: int, *, wait: bool = True) -> bool:
    """An HNSW index over one classifier's embeddings, made where it is lacking; it takes minutes for many of them.

    Without a transaction round it others go on reading and writing meanwhile. Of two who make it at once one does, and
    the other waits, or without `wait` is told `False`: it isn't there yet.
    """
    while True:
        # Never by a lock that is waited for: making an index waits in turn for whoever waits in the database.
        with alone(Lock.INDEX, classifier_id) as free:
            if free and not is_indexed(classifier_id):
                with transaction.atomic() if connection.in_atomic_block else nullcontext():
                    _make_index(classifier_id, dimensions)
            if free:
                return True
        if not wait:
            return is_indexed(classifier_id)
        time.sleep(_LOOK_SECONDS)


def _make_index(classifier_id: int, dimensions: int) -> None:
    background = "" if connection.in_atomic_block else "CONCURRENTLY"
    name = index_name(classifier_id)
    with connection.cursor() as cursor:
        # One that was interrupted in the making stays behind, unused: it is made anew.
        cursor.execute(f"DROP INDEX {background} IF EXISTS {name}")
        # Several processes would build it in shared memory, of which a container has too little as a rule.
        settings = {"maintenance_work_mem": INDEX_MEMORY, "max_parallel_maintenance_workers": "0"}
        try:
            for setting, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, %s)", [setting, value, connection.in_atomic_block])
            cursor.execute(
                f"CREATE INDEX {background} {name} ON catalog_embedding"
                f" USING hnsw ((vector::halfvec({int(dimensions)})) halfvec_cosine_ops)"
                f" WHERE classifier_id = {int(classifier_id)}"
            )
        finally:
            if not connection.in_atomic_block:  # else they end with it
                for setting in settings:
                    cursor.execute(f"RESET {setting}")


def ensure_indexes(*, wait: bool = False) -> list[int]:
    """Make the index for every classifier of a roster in force, or joint one, with more embeddings than are compared
    one by one. Returns the classifiers that got one. Twice is once."""
    made = []
    for classifier in _searched_classifiers():
        if is_indexed(classifier):
            continue
        rows = Embedding.objects.filter(classifier=classifier).order_by()
        if rows[EXACT_UP_TO : EXACT_UP_TO + 1].exists():
            dimensions = len(rows.values_list("vector", flat=True)[0])
            if dimensions <= MOST_DIMENSIONS and ensure_index(classifier, dimensions, wait=wait):
                made.append(classifier)
    return made


def _searched_classifiers() -> list[int]:
    rosters = Challenge.objects.filter(roster__isnull=False).values("roster")
    members = RosterMember.objects.filter(roster__in=rosters).values_list("classifier_id", flat=True)
    joint = Challenge.objects.filter(joint_classifier__isnull=False).values_list("joint_classifier_id", flat=True)
    return sorted({*members, *joint} - {None})
