"""A picture that is taken down, as far as editions go: their pools, their data files, the log of each."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import shown
from cats4ml.catalog.models import Image
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.data_files import have_built_anew
from cats4ml.challenges.models import ActKind, Challenge, DataFile, DataFileKind, DataFileState, PoolImage
from cats4ml.challenges.organisers import organised_by


def shown_pool(challenge: Challenge) -> QuerySet[PoolImage]:
    """The target images of an edition, without those that are taken down."""
    return shown(PoolImage.objects.filter(challenge=challenge))


def editions_with(image: Image) -> QuerySet[Challenge]:
    """The editions that have a picture in their pool."""
    return Challenge.objects.filter(pk__in=PoolImage.objects.filter(image=image).values("challenge")).order_by("pk")


def may_hide(user: User, image: Image) -> bool:
    """Organisers of an edition that has the picture, and those of the whole site."""
    return user.is_superuser or organised_by(user).filter(pk__in=editions_with(image)).exists()


def follow_in_editions(
    image: Image, *, summary: str, reason: str, by: User | None, at: datetime, **details: Any
) -> int:
    """Give the picture the name in every pool that it has in the catalogue now, withdraw the data files that were made
    before, and write the act into the log of every edition. The caller has a transaction. Returns how many editions."""
    editions = list(editions_with(image))
    PoolImage.objects.filter(image=image).update(image_key=image.image_id)
    for edition in editions:
        withdraw_data_files(edition)
        details = {**details, "image": image.pk}
        record_act(
            challenge=edition,
            kind=ActKind.TAKEDOWN,
            summary=summary[:300],
            reason=reason,
            by=by,
            at=at,
            details=details,
        )
    return len(editions)


def withdraw_data_files(challenge: Challenge) -> None:
    """What was made of the pool before is served no more, and its bytes are deleted once this is committed. The tables
    are made anew when somebody asks for them."""
    rows = DataFile.objects.filter(challenge=challenge).exclude(kind=DataFileKind.LABELS)
    files = [name for name in rows.values_list("file", flat=True) if name]
    rows.exclude(state=DataFileState.FAILED).update(state=DataFileState.WAITING, file="", sha256="", bytes=None)
    have_built_anew(challenge=challenge)
    for name in files:
        transaction.on_commit(partial(default_storage.delete, name), robust=True)
