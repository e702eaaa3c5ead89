"""What the data page counts of a pool: rebuilt whole for what the pool is, never incremented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from cats4ml.catalog.hiding import HIDDEN_IDS
from cats4ml.catalog.models import AnnotationKind
from cats4ml.challenges.data_contents import Snapshot
from cats4ml.challenges.dispatch import ring_pool_count
from cats4ml.challenges.models import Challenge, PoolCount
from cats4ml.challenges.queries import target_labels
from cats4ml.locking import Lock, alone

CREDITS = 20


@dataclass(frozen=True)
class LabelCount:
    """Pictures of the pool that people said the label is in, or is not, and that a machine found it in."""

    human_yes: int = 0
    human_no: int = 0
    machine: int = 0


@dataclass(frozen=True)
class Credit:
    author: str
    author_url: str
    license: str
    pictures: int


@dataclass(frozen=True)
class Counted:
    """`by_label` by the label's id; `credits` are the authors of the most pictures, of `authors` in all. `fresh`: it is
    of the pool as it is now."""

    by_label: Mapping[int, LabelCount]
    credits: Sequence[Credit]
    authors: int
    counted_at: datetime
    fresh: bool


def counted(*, challenge: Challenge, at: datetime, snapshot: Snapshot) -> Counted | None:
    """What was counted last, None where nothing ever was. A small pool is counted before this returns where it has
    changed, a large one by a worker."""
    wanted = snapshot.counts()
    row = PoolCount.objects.filter(challenge=challenge).first()
    if row is None or row.contents != wanted:
        if snapshot.pool.small:
            row = count_pool(challenge_id=challenge.pk, at=at)
        else:
            ring_pool_count(challenge)
    return _as_counted(row, fresh=row.contents == wanted) if row is not None else None


def count_pool(*, challenge_id: int, at: datetime) -> PoolCount | None:
    """Count the pool anew, unless what was counted is of the pool as it is. Two counts at once do the work twice and
    say the same. None where somebody else is counting and nothing was counted before."""
    challenge = Challenge.objects.get(pk=challenge_id)
    row = PoolCount.objects.filter(challenge=challenge).first()
    contents = Snapshot(challenge).counts()
    if row is not None and row.contents == contents:
        return row
    with alone(Lock.POOL_COUNT, challenge.pk) as free:
        if not free:
            return row
        most, authors = _credits(challenge)
        values = {
            "contents": contents,
            "by_label": _by_label(challenge),
            "credits": most,
            "authors": authors,
            "counted_at": at,
        }
        return PoolCount.objects.update_or_create(challenge=challenge, defaults=values)[0]


def _by_label(challenge: Challenge) -> dict[str, dict[str, int]]:
    names = {kind.value: kind.name.lower() for kind in AnnotationKind}
    targets = [target.label_id for target in target_labels(challenge)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT said.label_id, said.kind, count(DISTINCT said.image_id)
            FROM catalog_annotation said
            JOIN challenges_poolimage pool ON pool.image_id = said.image_id AND pool.challenge_id = %s
            WHERE said.label_id = ANY(%s) AND said.image_id NOT IN {HIDDEN_IDS} GROUP BY said.label_id, said.kind
            """,  # noqa: S608 - our own words
            [challenge.pk, targets],
        )
        found: dict[str, dict[str, int]] = {}
        for label, kind, number in cursor.fetchall():
            found.setdefault(str(label), {})[names[kind]] = number
    return found


def _credits(challenge: Challenge) -> tuple[list[list[Any]], int]:
    """The authors of the most pictures with their licences, and how many authors there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH credit AS (
                SELECT image.author, image.author_url, image.license, count(*) AS pictures
                FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id
                WHERE pool.challenge_id = %s AND image.hidden_at IS NULL GROUP BY 1, 2, 3
            )
            SELECT author, author_url, license, pictures,
                (SELECT count(*) FROM (SELECT DISTINCT author, author_url FROM credit WHERE author <> '') known)
            FROM credit ORDER BY pictures DESC, author, author_url, license LIMIT %s
            """,
            [challenge.pk, CREDITS],
        )
        rows = cursor.fetchall()
    return [list(row[:4]) for row in rows], rows[0][4] if rows else 0


def _as_counted(row: PoolCount, *, fresh: bool) -> Counted:
    return Counted(
        by_label={int(label): LabelCount(**numbers) for label, numbers in row.by_label.items()},
        credits=[Credit(*one) for one in row.credits],
        authors=row.authors,
        counted_at=row.counted_at,
        fresh=fresh,
    )
