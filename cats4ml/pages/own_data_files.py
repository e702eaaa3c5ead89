"""The file of all that is kept about a person: asked for, written at once or by a worker, gone after a week."""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, OwnData, OwnDataState, User
from cats4ml.accounts.notices import notify
from cats4ml.locking import Lock, alone
from cats4ml.pages.own_data_parts import PARTS, Part

logger = logging.getLogger(__name__)

# Up to so many rows the file is written while the person waits.
ROWS_AT_ONCE = 5_000
KEPT_FOR = timedelta(days=7)


def rows_of(part: Part, user: User) -> QuerySet[Any, dict[str, Any]]:
    """What a part has of this person, oldest first."""
    model = apps.get_model(part.model)
    mine = model._default_manager.filter(**{part.who or "pk": user.pk})  # noqa: SLF001 - Django's documented name
    more = {name: F(source) if isinstance(source, str) else source for name, source in part.more.items()}
    # A column by another name could have the name of one of the table's own: each is read under a name of ours.
    named = {f"c_{name}": column for name, column in {**{name: F(name) for name in part.fields}, **more}.items()}
    rows: QuerySet[Any, dict[str, Any]] = mine.order_by("pk").values(**named)
    return rows


def installed_parts() -> Iterator[Part]:
    for part in PARTS:
        if apps.is_installed(_app(part)):
            yield part


def _app(part: Part) -> str:
    label = part.model.split(".")[0]
    ours = {"account", "socialaccount", "mfa", "usersessions"}
    return f"allauth.{label}" if label in ours else f"cats4ml.{label}"


def write_file(*, user: User, file: IO[bytes], at: datetime) -> None:
    """A zip of one JSON list for each kind of thing, and a text that says what each is. It is written row by row."""
    with translation.override(user.language or settings.LANGUAGE_CODE):
        said = [_("Everything that this site keeps about %(name)s, as of %(at)s.") % _named(user, at), ""]
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            for part in installed_parts():
                with bundle.open(f"{part.file}.json", "w") as entry:
                    number = _write_rows(entry, rows_of(part, user))
                said.append(f"{part.file}.json ({number:,}): {part.words}")
            said += ["", _("Times are in UTC. Pictures and other people’s data are no part of it.")]
            bundle.writestr("README.txt", "\n".join(said) + "\n")


def _named(user: User, at: datetime) -> dict[str, str]:
    return {"name": user.username, "at": f"{at:%Y-%m-%d %H:%M} UTC"}


def _write_rows(entry: IO[bytes], rows: QuerySet[Any, dict[str, Any]]) -> int:
    number = 0
    entry.write(b"[")
    for row in rows.iterator(chunk_size=1_000):
        plain = {name.removeprefix("c_"): value for name, value in row.items()}
        text = json.dumps(plain, cls=DjangoJSONEncoder, ensure_ascii=False)
        entry.write((",\n" if number else "\n").encode() + text.encode())
        number += 1
    entry.write(b"\n]\n")
    return number


def order(*, user: User, at: datetime) -> OwnData:
    """Have the file written: at once where it is small, by a worker else. One that waits is not ordered twice; one that
    is there is made anew."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        row, made = OwnData.objects.get_or_create(user=user, defaults={"requested_at": at})
        if not made and row.state == OwnDataState.WAITING:
            return row
        _delete_file(row)
        row.state, row.file, row.bytes, row.requested_at, row.built_at = OwnDataState.WAITING, "", 0, at, None
        row.save()
    if sum(rows_of(part, user)[:ROWS_AT_ONCE].count() for part in installed_parts()) <= ROWS_AT_ONCE:
        build(own_data=row.pk, at=at, tell=False)
        row.refresh_from_db()
    return row


def build(*, own_data: int, at: datetime, tell: bool = True) -> None:
    """Write the file that was ordered and tell the person. Nothing is done where it is there, or somebody is at it."""
    with alone(Lock.OWN_DATA, own_data) as free:
        row = OwnData.objects.select_related("user").filter(pk=own_data, state=OwnDataState.WAITING).first()
        if not free or row is None:
            return
        # The key is nobody's to guess: the storage may be one that serves whatever it is asked for.
        key = f"own-data/{secrets.token_urlsafe(32)}.zip"
        try:
            with tempfile.TemporaryFile() as file:
                write_file(user=row.user, file=file, at=at)
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                name = default_storage.save(key, File(file))
        except Exception:
            OwnData.objects.filter(pk=row.pk).update(state=OwnDataState.FAILED)
            raise
        done = {"state": OwnDataState.READY, "file": name, "bytes": size, "built_at": at}
        with transaction.atomic():
            still = OwnData.objects.filter(pk=row.pk, state=OwnDataState.WAITING, requested_at=row.requested_at)
            if not still.update(**done):
                default_storage.delete(name)  # the account was deleted meanwhile, or it was ordered anew
            elif tell:
                notify(
                    users=[row.user],
                    kind=NoticeKind.FILES,
                    what="own_data_ready",
                    key=f"own-data-{row.requested_at.isoformat()}",
                    at=at,
                    url=reverse("pages:own_data"),
                )


def sweep(*, at: datetime) -> None:
    """Write what waits, and delete files that have been there long enough."""
    for pk in OwnData.objects.filter(state=OwnDataState.WAITING).order_by("pk").values_list("pk", flat=True):
        try:
            build(own_data=pk, at=at)
        except Exception:
            logger.exception("own data %d could not be put together", pk)
    for row in OwnData.objects.exclude(state=OwnDataState.WAITING).filter(requested_at__lte=at - KEPT_FOR):
        _delete_file(row)
        row.delete()


def forget(*, user: User) -> None:
    """Delete a person's file. Twice is once."""
    for row in OwnData.objects.filter(user=user):
        _delete_file(row)
        row.delete()


def _delete_file(row: OwnData) -> None:
    if row.file:
        default_storage.delete(row.file)
