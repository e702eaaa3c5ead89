"""Releases that hold a picture which was taken down: withdrawn, with a tombstone for each of its rows, and made anew
without it.

A withdrawn release keeps its page, its digests and what classifiers scored on it; its files are served no more, and
their bytes are deleted once there is another release in its stead. `replace` does the rest step by step: each may run
twice, and a sweep goes on where a worker died.
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Collection, Mapping
from datetime import datetime

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Takedown
from cats4ml.challenges.models import Challenge
from cats4ml.releases import layout, storage
from cats4ml.releases.actions import ReleaseRefused, free_heldout, publish, request_release
from cats4ml.releases.models import FROZEN, ON_THE_WAY, Release, ReleaseFile, ReleasePair, ReleaseState, Tombstone

logger = logging.getLogger(__name__)


def releases_with(takedown: Takedown) -> QuerySet[Release]:
    """The frozen releases that hold the picture, withdrawn or not, and those whose changelog may name it."""
    rows = ReleasePair.objects.filter(pair__image=takedown.image_id)
    named = Q(former__in=rows.values("release"), frozen_at__lte=takedown.created_at)
    return Release.objects.filter(Q(pk__in=rows.values("release")) | named, state__in=FROZEN).order_by("number", "pk")


def withdraw_releases(takedown: Takedown, *, reason: str, at: datetime) -> list[Release]:
    """Serve no file any more of the releases that hold the picture, and write down a tombstone for each of its rows.
    Twice is once. Returns those that were withdrawn now. `reason` is read by everybody."""
    done = []
    for release in releases_with(takedown).select_related("challenge"):
        with transaction.atomic():
            locked = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
            _bury(locked, takedown)
            if locked.withdrawn_at is None:
                locked.withdrawn_at, locked.withdrawn_reason = at, reason
                locked.save(update_fields=["withdrawn_at", "withdrawn_reason"])
                done.append(locked)
    return done


def _bury(release: Release, takedown: Takedown) -> None:
    rows = list(ReleasePair.objects.filter(release=release, pair__image=takedown.image_id).order_by("position"))
    if not rows or Tombstone.objects.filter(release=release, position=rows[0].position).exists():
        return
    digests = _row_digests(release, {row.position for row in rows})
    Tombstone.objects.bulk_create(
        (
            Tombstone(
                release=release,
                position=row.position,
                split=row.split,
                image_sha256=hashlib.sha256(takedown.former_id.encode()).hexdigest(),
                row_sha256=digests.get(row.position, ""),
                kind=takedown.kind,
                taken_down_at=takedown.created_at,
            )
            for row in rows
        ),
        ignore_conflicts=True,
    )


def _row_digests(release: Release, positions: set[int]) -> Mapping[int, str]:
    """The SHA-256 of these rows of the table of both parts, whose first row is position 1. Empty where it is gone."""
    file = ReleaseFile.objects.filter(release=release, path=layout.PAIRS_CSV).first()
    if file is None:
        return {}
    found = {}
    try:
        with default_storage.open(str(file.file), "rb") as stored:
            rows = csv.reader(io.TextIOWrapper(stored, encoding="utf-8", newline=""))
            for position, cells in enumerate(rows):
                if position in positions:
                    line = io.StringIO()
                    csv.writer(line, lineterminator="").writerow(cells)
                    found[position] = hashlib.sha256(line.getvalue().encode()).hexdigest()
    except FileNotFoundError:
        return {}
    return found


def replacement_of(release: Release) -> Release | None:
    """The newest published release of the edition that is not withdrawn."""
    return replacements_of([release]).get(release.challenge_id)


def replacements_of(releases: Collection[Release]) -> dict[int, Release]:
    """The same for the editions of several releases, by their numbers. One query."""
    rows = Release.objects.filter(state=ReleaseState.PUBLISHED, withdrawn_at=None)
    newest = rows.filter(challenge__in={one.challenge_id for one in releases}).order_by("challenge", "-number")
    return {one.challenge_id: one for one in newest.distinct("challenge")}


def withdrawn_and_there(challenge: Challenge) -> QuerySet[Release]:
    """The withdrawn releases of an edition whose bytes are still in the storage."""
    return Release.objects.filter(challenge=challenge, withdrawn_at__isnull=False, purged_at=None).order_by("number")


def replace(challenge: Challenge, *, by: User | None, at: datetime) -> bool:
    """Take the next step towards a release in the stead of those that were withdrawn: order it, publish it, delete the
    old bytes. Twice is once. Whether all is done; if not, ask again later.

    What was published is published again at once where the new release tells of no pair that the old one had not; else
    an organiser looks at it first.
    """
    old = list(withdrawn_and_there(challenge))
    if not old:
        return True
    published = [one for one in old if one.published_at is not None]
    if published and not _is_replaced(challenge, published[-1], by, at):
        return False
    for one in old:
        _purge(one, at)
    return True


def _is_replaced(challenge: Challenge, old: Release, by: User | None, at: datetime) -> bool:
    """Whether a whole release stands in the stead of this one, or none can be made."""
    later = Release.objects.filter(challenge=challenge, number__gt=old.number, withdrawn_at=None)
    if later.filter(state__in=ON_THE_WAY).exists():
        return False
    ready = later.filter(state__in=FROZEN, frozen_at__gte=old.withdrawn_at).order_by("number").first()
    if ready is None and later.filter(state=ReleaseState.FAILED, replaces__isnull=False).exists():
        return False  # an organiser tries it again: the page of releases says why it failed
    if ready is None:
        return not _order(challenge, old, by, at)
    if ready.replaces_id is not None and ready.state == ReleaseState.READY and not _is_more(ready, old):
        publish(release=ready, by=by, at=at)
        if old.freed_at is not None:
            free_heldout(release=ready, by=by, at=at)
    return True


def _order(challenge: Challenge, old: Release, by: User | None, at: datetime) -> bool:
    """Whether a release was ordered. Where nothing is settled any more there is nothing to release."""
    try:
        ordered = request_release(challenge=challenge, notes=old.notes, by=by, at=at, replaces=old)
    except ReleaseRefused as refusal:
        logger.warning("%s: no release in the stead of %s: %s", challenge.slug, old.version, refusal)
        return False
    logger.info("%s: release %s is made in the stead of %s", challenge.slug, ordered.version, old.version)
    return True


def _is_more(new: Release, old: Release) -> bool:
    """Whether the new release has a pair that the old one had not."""
    held = ReleasePair.objects.filter(release=old).values("pair")
    return ReleasePair.objects.filter(release=new).exclude(pair__in=held).exists()


def _purge(release: Release, at: datetime) -> None:
    """Delete the bytes; the rows with their digests stay."""
    storage.remove(storage.prefix_of(release.challenge, release.version))
    Release.objects.filter(pk=release.pk, purged_at=None).update(purged_at=at)
