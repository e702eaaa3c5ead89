"""An edition's data as files: asked for, built once for what the data are, taken up again where a build died.

A row of `DataFile` is the order. Whoever builds holds an advisory lock of the database's on it for as long as their
connection lives: so nobody builds beside them, and a build that died is known by a lock that nobody holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from datetime import datetime, timedelta
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from cats4ml.challenges.data_contents import PoolState, Snapshot, forget_pool_state
from cats4ml.challenges.data_pictures import ZipRefused, instead_of_a_zip, write_pictures
from cats4ml.challenges.data_tables import write_table
from cats4ml.challenges.dispatch import ring_data_file
from cats4ml.challenges.models import Challenge, DataFile, DataFileKind, DataFileState, PoolCount
from cats4ml.locking import Lock, alone

logger = logging.getLogger(__name__)

NAMES = {
    DataFileKind.LABELS: "labels.csv",
    DataFileKind.IMAGES: "images.csv",
    DataFileKind.ANNOTATIONS: "annotations.csv",
    DataFileKind.IDS: "images.txt",
    DataFileKind.PICTURES: "pictures.zip",
}
KINDS_BY_NAME = {name: kind for kind, name in NAMES.items()}
ON_THE_WAY = (DataFileState.WAITING, DataFileState.BUILDING)
OPEN_IMAGES = "openimages"
# What failed is tried again when somebody asks for it after so long: a disk may have been emptied.
RETRY_AFTER = timedelta(minutes=2)
STALLED_AFTER = timedelta(seconds=20)
PROGRESS_EVERY = 20


class Superseded(Exception):
    """Somebody asked for other contents while these were being written."""


def offered(challenge: Challenge) -> list[DataFileKind]:
    """The files that this edition has. The list for Open Images' downloader only where the pictures are of there."""
    first = challenge.pool.order_by().values_list("image__collection", flat=True)[:1]
    from_open_images = OPEN_IMAGES in first
    return [kind for kind in DataFileKind if kind != DataFileKind.IDS or from_open_images]


def listed(*, challenge: Challenge, at: datetime, snapshot: Snapshot) -> list[DataFile]:
    """Every file that the edition has, ordered where it isn't what the data are now.

    The zip of the pictures, which takes as much room as they do, is ordered by `ask_for` alone: until then it is a row
    that is not saved.
    """
    rows = {row.kind: row for row in DataFile.objects.filter(challenge=challenge)}
    shown = []
    for kind in offered(challenge):
        row = rows.get(kind.value)
        if kind != DataFileKind.PICTURES:
            shown.append(ask_for(challenge=challenge, kind=kind, at=at, snapshot=snapshot, row=row))
        elif row is not None and row.contents == snapshot.contents(kind):
            shown.append(row)
        else:
            refusal = _refusal(kind, snapshot.pool)
            state = DataFileState.FAILED if refusal else DataFileState.WAITING
            total = snapshot.pool.pictures
            shown.append(
                DataFile(challenge=challenge, kind=kind, state=state, error=refusal, total=total, requested_at=at)
            )
    return shown


def ask_for(
    *,
    challenge: Challenge,
    kind: DataFileKind,
    at: datetime,
    snapshot: Snapshot | None = None,
    row: DataFile | None = None,
    certain: bool = False,
) -> DataFile:
    """The file as it stands, and ordered where it isn't what the data are now.

    The tables of a small pool are built before this returns. Everything else is built by a worker: the row says how
    far it is. One that failed is ordered again after two minutes, or when the data have changed; one that was refused
    only when the data or the limits have. `row`: as it was just read, if it was. `certain`: look whether the storage
    still has the file.
    """
    snapshot = snapshot or Snapshot(challenge)
    wanted = snapshot.contents(kind)
    row = row or DataFile.objects.get_or_create(challenge=challenge, kind=kind, defaults={"requested_at": at})[0]
    lost = certain and is_ready(row) and not default_storage.exists(str(row.file))
    if row.contents != wanted or lost or _worth_another_try(row, at):
        _order(row, wanted, snapshot.pool, at)
        row.refresh_from_db()
    if row.state in ON_THE_WAY and snapshot.pool.small and kind != DataFileKind.PICTURES:
        build(data_file=row.pk, at=at, wait=True)
        row.refresh_from_db()
    row.challenge = challenge
    return row


def _order(row: DataFile, contents: str, pool: PoolState, at: datetime) -> None:
    """Have the file built, or refuse it. Of several who ask at once one orders it, and the others go by that."""
    kind = DataFileKind(row.kind)
    refusal = _refusal(kind, pool)
    order = {
        "contents": contents,
        "state": DataFileState.FAILED if refusal else DataFileState.WAITING,
        "error": refusal,
        "requested_at": at,
        "done": 0,
        "total": pool.pictures,
    }
    same = DataFile.objects.filter(pk=row.pk, contents=row.contents, state=row.state, requested_at=row.requested_at)
    if same.update(**order) and not refusal and (kind == DataFileKind.PICTURES or not pool.small):
        ring_data_file(row.challenge, row.pk)


def _worth_another_try(row: DataFile, at: datetime) -> bool:
    """A refused zip isn't: to find out again that the pictures are too large, all of them would have to be packed."""
    return row.state == DataFileState.FAILED and not is_refused(row) and row.requested_at <= at - RETRY_AFTER


def _refusal(kind: DataFileKind, pool: PoolState) -> str:
    if kind != DataFileKind.PICTURES or pool.fits_a_zip:
        return ""
    return f"{pool.pictures:,} pictures are too many for one file. {instead_of_a_zip()}"


def is_ready(row: DataFile) -> bool:
    return row.state == DataFileState.READY


def is_refused(row: DataFile) -> bool:
    """Whether there is no such file of these pictures, however often it is asked for."""
    return row.state == DataFileState.FAILED and row.error.endswith(instead_of_a_zip())


def build(*, data_file: int, at: datetime, wait: bool = False) -> None:
    """Build the file that was ordered. Nothing is done where it isn't on order, or somebody is at it (`wait`: when
    they are through). What goes wrong is kept in the row in words, and nothing half done is left.

    A surprise is raised after that.
    """
    with alone(Lock.DATA_FILE, data_file, wait=wait) as free:
        while free:
            row = DataFile.objects.select_related("challenge").filter(pk=data_file).first()
            if row is None or row.state not in ON_THE_WAY:
                return
            try:
                _build(row, at)
            except Superseded:
                continue
            except ZipRefused as refusal:
                _fail(row, str(refusal))
            except OSError as error:
                logger.warning("%s was not built: %s", row, error)
                _fail(row, f"It could not be written: {error.strerror or error}. It is tried again in two minutes.")
            except Exception:
                _fail(row, "It could not be built; the worker’s log says why. It is tried again in two minutes.")
                raise


def _build(row: DataFile, at: datetime) -> None:
    kind, challenge = DataFileKind(row.kind), row.challenge
    snapshot = Snapshot(challenge)
    contents, total = snapshot.contents(kind), snapshot.pool.pictures
    start = {"state": DataFileState.BUILDING, "contents": contents, "done": 0, "total": total}
    if not _rows_of(row).update(**start):
        raise Superseded
    row.contents, row.state, row.total = contents, DataFileState.BUILDING, total
    with tempfile.TemporaryFile() as file:
        _write(row, file)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"data-files/{challenge.pk}/{row.kind}-{digest}.{NAMES[kind].rpartition('.')[2]}"
        name = _keep(key, file, size)
    old = str(row.file)
    ready = {"file": name, "bytes": size, "sha256": digest, "built_at": at, "state": DataFileState.READY}
    if not _rows_of(row).update(**ready):
        raise Superseded  # its bytes lie under their digest, to be found when they are wanted again
    if old and old != name:
        default_storage.delete(old)


def _write(row: DataFile, file: IO[bytes]) -> None:
    def progress(done: int) -> None:
        if row.kind == DataFileKind.PICTURES and done % PROGRESS_EVERY:
            return
        if not _rows_of(row).update(done=done):
            raise Superseded

    if row.kind == DataFileKind.PICTURES:
        write_pictures(challenge=row.challenge, file=file, progress=progress)
    else:
        write_table(challenge=row.challenge, kind=DataFileKind(row.kind), file=file, progress=progress)
    _rows_of(row).update(done=row.total)
    file.flush()


def _rows_of(row: DataFile) -> QuerySet[DataFile]:
    """The row as long as it is the order that was read: for compare and swap."""
    return DataFile.objects.filter(pk=row.pk, state=row.state, contents=row.contents)


def _keep(key: str, file: IO[bytes], size: int) -> str:
    """Put the bytes into the storage and give their key there. What was cut short before is put there anew."""
    if default_storage.exists(key):
        if default_storage.size(key) == size:
            return key
        default_storage.delete(key)
    file.seek(0)
    try:
        return default_storage.save(key, File(file))
    except BaseException:
        with contextlib.suppress(OSError):
            default_storage.delete(key)
        raise


def _fail(row: DataFile, error: str) -> None:
    _rows_of(row).update(state=DataFileState.FAILED, error=error[:300])


def sweep(*, at: datetime) -> int:
    """Ring for files that are on order and that nobody builds: the message was lost, or the builder died."""
    stalled = DataFile.objects.filter(state__in=ON_THE_WAY, requested_at__lte=at - STALLED_AFTER)
    rung = 0
    for row in stalled.select_related("challenge"):
        with alone(Lock.DATA_FILE, row.pk) as free:
            if not free:
                continue
        ring_data_file(row.challenge, row.pk)
        rung += 1
    return rung


def have_built_anew(*, challenge: Challenge) -> None:
    """Have every file written and counted anew at the next look, for what `Snapshot` can't see in a large pool."""
    DataFile.objects.filter(challenge=challenge).update(contents="")
    PoolCount.objects.filter(challenge=challenge).update(contents="")
    forget_pool_state(challenge)


def checksums(files: list[DataFile]) -> str:
    """The files that are ready as `sha256sum --check` reads them."""
    return "".join(f"{row.sha256}  {NAMES[DataFileKind(row.kind)]}\n" for row in files if is_ready(row))
