"""What an edition's data are just now, as digests: a file or a count made of them is fresh while its digest is theirs.

A small pool is read whole each time. A large one is known by its pictures' ids, and the catalogue by the imports that
were finished: to read a million rows at each look would take longer than the page may.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max

from cats4ml.catalog.hiding import HIDDEN_IDS
from cats4ml.catalog.models import ImportRun, ImportState
from cats4ml.challenges.models import Challenge, DataFileKind, TargetLabel
from cats4ml.challenges.queries import target_labels

# Part of every digest: another one has every file built anew, where the way in which they are written has changed.
FORMAT = "1"
LARGE_POOL_SECONDS = 20


class PoolState(NamedTuple):
    """How many pictures a pool has, and a number that is another one for other pictures."""

    pictures: int
    ids: str

    @property
    def small(self) -> bool:
        """Small enough to be read at each look, and its tables to be written while somebody waits."""
        return self.pictures <= settings.DATA_AT_ONCE_PICTURES

    @property
    def fits_a_zip(self) -> bool:
        return self.pictures <= settings.DATA_ZIP_PICTURES


def pool_state(challenge: Challenge) -> PoolState:
    """The pool as it is; that of a large one may be 20 seconds old."""
    known = cache.get(_key(challenge))
    if known is not None:
        return PoolState(*known)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(hashint8extended(image_id, 0)::numeric), 0)::text"  # noqa: S608
            f" FROM challenges_poolimage WHERE challenge_id = %s AND image_id NOT IN {HIDDEN_IDS}",
            [challenge.pk],
        )
        state = PoolState(*cursor.fetchone())
    if not state.small:
        cache.set(_key(challenge), tuple(state), timeout=LARGE_POOL_SECONDS)
    return state


def forget_pool_state(challenge: Challenge) -> None:
    """The pool was changed: count it anew at the next look."""
    cache.delete(_key(challenge))


def _key(challenge: Challenge) -> str:
    return f"pool-state-{challenge.pk}"


_IMAGE = """image.subset, image.original_url, image.landing_url, image.license, image.author_url, image.author,
    image.title, image.original_bytes, image.original_md5, image.thumbnail_url, image.rotation, image.uuid"""
_CREDIT = "image.license, image.author_url, image.author, image.title, image.landing_url"
_FROM_IMAGES = "challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id"
_FROM_ANNOTATIONS = "challenges_poolimage pool JOIN catalog_annotation said ON said.image_id = pool.image_id"
# What a row of each file is made of. The columns are ours, no value is part of these texts.
_READ = {
    DataFileKind.IMAGES: (_IMAGE, _FROM_IMAGES),
    DataFileKind.ANNOTATIONS: ("said.label_id, said.source, said.confidence", _FROM_ANNOTATIONS),
    DataFileKind.IDS: ("image.subset", _FROM_IMAGES),
    DataFileKind.PICTURES: (f"image.file, {_CREDIT}", _FROM_IMAGES),
}


class Snapshot:
    """An edition's data as they are when they are first looked at; every part is read once."""

    def __init__(self, challenge: Challenge) -> None:
        self.challenge = challenge
        self._rows: dict[DataFileKind, str] = {}

    @cached_property
    def pool(self) -> PoolState:
        return pool_state(self.challenge)

    @cached_property
    def labels(self) -> list[TargetLabel]:
        return list(target_labels(self.challenge))

    def contents(self, kind: DataFileKind) -> str:
        """A digest of what is in the file of this kind if it is written now."""
        parts = [FORMAT, kind.value]
        if kind == DataFileKind.LABELS:
            parts += [f"{one.label.key}\0{one.label.name}" for one in self.labels]
        else:
            parts.append(self._read(kind, whole=kind == DataFileKind.PICTURES and self.pool.fits_a_zip))
        if kind == DataFileKind.IMAGES:
            parts.append(settings.SITE_URL)
        if kind == DataFileKind.PICTURES:  # with other limits, what was refused is tried again
            parts.append(f"{settings.DATA_ZIP_PICTURES} {settings.DATA_ZIP_BYTES}")
        return _digest(parts)

    def counts(self) -> str:
        """A digest of what the counts by label and the list of authors are made of."""
        read = [self._read(kind) for kind in (DataFileKind.IMAGES, DataFileKind.ANNOTATIONS)]
        return _digest([FORMAT, *(str(one.label_id) for one in self.labels), *read])

    def _read(self, kind: DataFileKind, *, whole: bool = False) -> str:
        if not (self.pool.small or whole):
            return f"{self.pool.ids} {self._imports}"
        if kind not in self._rows:
            columns, tables = _READ[kind]
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) || ' ' ||"  # noqa: S608
                    f" coalesce(sum(hashtextextended(row(pool.image_key, {columns})::text, 0)::numeric), 0)"
                    f" FROM {tables} WHERE pool.challenge_id = %s AND pool.image_id NOT IN {HIDDEN_IDS}",
                    [self.challenge.pk],
                )
                self._rows[kind] = str(cursor.fetchone()[0])
        return self._rows[kind]

    @cached_property
    def _imports(self) -> str:
        """Another text after each import that was finished."""
        done = ImportRun.objects.filter(state=ImportState.FINISHED)
        last = done.aggregate(at=Max("finished_at"), number=Count("pk"))
        return f"{last['number']} {last['at']}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
