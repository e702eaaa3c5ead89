"""Pictures that come into a draft's pool by their ids, and a pool that is emptied to be drawn anew."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.data_contents import forget_pool_state
from cats4ml.challenges.models import ActKind, Challenge, PoolDraw, PoolImage, PoolOrder
from cats4ml.challenges.pools import PoolRefused, locked_draft
from cats4ml.ui.words import figure

MOST_IDS = 200_000
SHOWN = 10
COLUMNS = ("image_id", "imageid", "id")


@dataclass(frozen=True)
class Listed:
    """`named` ids were given, each once; `added` pictures are new in the pool; `unknown` ids are in no catalogue."""

    named: int
    added: int
    unknown: tuple[str, ...] = ()


def ids_in(text: str) -> list[str]:
    """The ids of a pasted list or a CSV, each once: with a column `image_id` (or `ImageID`) that column, else
    everything between spaces, commas, semicolons and line ends."""
    text = text.removeprefix("\ufeff")
    first = next(csv.reader(io.StringIO(text[:10_000])), [])
    names = [name.strip().lower() for name in first]
    column = next((names.index(name) for name in COLUMNS if name in names), None)
    if column is None:
        found = re.split(r"[\s,;]+", text)
    else:
        rows = csv.reader(io.StringIO(text))
        next(rows)
        found = [row[column].strip() for row in rows if len(row) > column]
    return list(dict.fromkeys(one for one in found if one))


def add_listed_pictures(
    *,
    challenge: Challenge,
    collection: str,
    ids: Sequence[str],
    by: User | None,
    at: datetime,
    skip_unknown: bool = False,
) -> Listed:
    """Put the pictures of these ids into the pool, all or nothing; those that are there stay.

    Raises `PoolRefused` for an edition that has left the draft, no or too many ids, and ids that the collection doesn't
    have, unless these are to be left out.
    """
    if not ids:
        raise PoolRefused(_("no id is given: paste them, one a line, or choose a CSV with a column image_id"))
    if len(ids) > MOST_IDS:
        raise PoolRefused(
            _("%(ids)s ids are too many at once: give up to %(most_ids)s at a time")
            % {"ids": figure(len(ids)), "most_ids": figure(MOST_IDS)}
        )
    asked = [one for one in ids if "\0" not in one]
    with transaction.atomic(), connection.cursor() as cursor:
        current = locked_draft(challenge)
        cursor.execute(
            "SELECT wanted.id FROM unnest(%s::varchar[]) WITH ORDINALITY wanted(id, place) WHERE NOT EXISTS"
            " (SELECT FROM catalog_image image WHERE image.collection = %s AND image.image_id = wanted.id)"
            " ORDER BY wanted.place",
            [asked, collection],
        )
        unknown = [row[0] for row in cursor.fetchall()]
        if unknown and not skip_unknown:
            shown = ", ".join(one[:40] for one in unknown[:SHOWN]) + (" …" if len(unknown) > SHOWN else "")
            raise PoolRefused(
                _(
                    "%(unknown)s of %(ids)s ids are no pictures of the collection %(collection)s, so that nothing was "
                    "added: %(shown)s. Correct them, or leave out what is unknown"
                )
                % {"unknown": figure(len(unknown)), "ids": figure(len(ids)), "collection": collection, "shown": shown}
            )
        cursor.execute(
            "INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)"
            " SELECT %s, image.id, image.image_id FROM catalog_image image"
            " WHERE image.collection = %s AND image.image_id = ANY(%s) ORDER BY image.image_id ON CONFLICT DO NOTHING",
            [current.pk, collection, asked],
        )
        added = int(cursor.rowcount)
        if added:
            _record(current, collection, len(ids), added, len(unknown), by, at)
        transaction.on_commit(partial(forget_pool_state, challenge))
    return Listed(len(ids), added, tuple(unknown))


def _record(
    challenge: Challenge, collection: str, named: int, added: int, unknown: int, by: User | None, at: datetime
) -> None:
    choice = {"collection": collection, "labels": [], "ids": named}
    PoolDraw.objects.create(
        challenge=challenge, choice=choice, seed="", matching=named - unknown, added=added, by=by, created_at=at
    )
    said = f"Added {added:,} picture{'' if added == 1 else 's'} to the pool by their ids"
    details = {"collection": collection, "ids": named, "added": added, "unknown": unknown}
    record_act(challenge=challenge, kind=ActKind.EDITED, summary=said, by=by, at=at, details=details)


def empty_pool(*, challenge: Challenge, by: User | None, at: datetime) -> int:
    """Take every picture out of a draft's pool, and forget how they were drawn. How many they were.

    Raises `PoolRefused` for an edition that has left the draft, and where claims stand on its pictures.
    """
    try:
        with transaction.atomic():
            current = locked_draft(challenge)
            number = PoolImage.objects.filter(challenge=current).delete()[0]
            PoolDraw.objects.filter(challenge=current).delete()
            PoolOrder.objects.filter(challenge=current, finished_at__isnull=False).delete()
            if number:
                said = f"Emptied the pool of {number:,} picture{'' if number == 1 else 's'}"
                details = {"removed": number}
                record_act(challenge=current, kind=ActKind.EDITED, summary=said, by=by, at=at, details=details)
            with connection.cursor() as cursor:  # now, and not at the commit, where nobody could say it
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.on_commit(partial(forget_pool_state, challenge))
    except IntegrityError as error:
        raise PoolRefused(
            _("claims stand on pictures of this pool, so that nothing was changed: keep it, or make another challenge")
        ) from error
    return number
