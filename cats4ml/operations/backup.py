"""A backup of the whole site as it is at one moment: first the database, then the files, which are only ever added."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from cats4ml.catalog.models import Image
from cats4ml.catalog.storage import UNFINISHED
from cats4ml.challenges.models import DataFile, DataFileState
from cats4ml.heartbeats import BACKUP, beat
from cats4ml.operations.backup_files import (
    CLASSIFIERS,
    DUMP,
    FILES,
    FORMAT,
    PARTIAL,
    PICTURES,
    PREFIX,
    BackupRefused,
    Entry,
    digest_of,
    files_below,
    link_or_copy,
    prune,
    seal,
    write_list,
)
from cats4ml.operations.backup_programs import program, run, server_major
from cats4ml.releases.models import ReleaseFile

Say = Callable[[str], None]


def say_nothing(_text: str) -> None:
    """For whoever listens to nobody."""


@dataclass(frozen=True)
class Made:
    """A backup that was made. `missing`: files that the database names and the storage doesn't have."""

    folder: Path
    manifest: dict[str, Any]
    missing: list[str] = field(default_factory=list)
    pruned: list[Path] = field(default_factory=list)


def is_bucket() -> bool:
    """Whether pictures lie in an object storage, whose own versions and copies are its backup."""
    return "://" in settings.IMAGES_URL


def make_backup(to: Path, *, at: datetime, keep: int = 0, say: Say = say_nothing) -> Made:
    """Write a backup into a new folder below `to`, and remove all but the newest `keep` (0: none is removed).

    It gets its name when it is whole, so that a broken one is never taken for one. Raises `BackupRefused`.
    """
    if not filled_table():
        raise BackupRefused(
            "There is nobody in this database, so it is hardly the site’s. Settings come from the environment: is "
            "DATABASE_URL set as it is for the web server, or CATS4ML_HOME as it is for make run?"
        )
    name = f"{PREFIX}{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    target, scratch = to / name, to / f"{PARTIAL}{name}"
    if target.exists():
        raise BackupRefused(f"{target} is there already.")
    try:
        scratch.mkdir(mode=0o700, parents=True)
        manifest, missing = _write(scratch, at, say)
        scratch.rename(target)
        # Backups lie where no web server looks: that there is one stands in the database.
        connection.close()  # the files may have taken hours; a fresh connection is a sure one
        beat(BACKUP, at)
    except OSError as error:
        raise BackupRefused(f"The backup could not be written to {to}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Made(target, manifest, missing, prune(to, keep=keep) if keep else [])


def filled_table() -> str:
    """A table that only people fill; empty where there is none, or no row in any."""
    for table in ("accounts_user", "challenges_challenge", "catalog_image"):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass(%s)", [table])
                if cursor.fetchone()[0] is None:
                    continue
                cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")  # noqa: S608 - one of ours
                if cursor.fetchone()[0]:
                    return table
        except DatabaseError as error:
            raise BackupRefused(f"The database can’t be read: {error}") from error
    return ""


def _write(folder: Path, at: datetime, say: Say) -> tuple[dict[str, Any], list[str]]:
    major = server_major()
    pg_dump = program("pg_dump", least=major)
    with exported_snapshot() as snapshot:
        say("Dumping the database")
        counts, named, schema = count_rows(), named_files(), applied_migrations()
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        run(pg_dump, [*arguments, f"--file={folder / DUMP}"])
    say("Copying the files")
    entries = write_list(folder / FILES, _copied(folder, named))
    have = {entry.name for entry in entries if entry.part == PICTURES and entry.kept}
    missing = [] if is_bucket() else sorted(set(named) - have)
    manifest = {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "site": settings.SITE_URL,
        "postgres": major,
        "migrations": schema,
        "rows": counts,
        "files": {part: sum(entry.part == part for entry in entries) for part in (PICTURES, CLASSIFIERS)},
        "bytes": sum(entry.bytes for entry in entries if entry.kept),
        "pictures_in": settings.IMAGES_URL if is_bucket() else "the backup",
        "missing": missing,
        "left_out": ["the secret key and all other settings"]
        + (["the bucket with pictures, releases and data files: only their digests are here"] if is_bucket() else []),
        "digests": {name: digest_of(folder / name) for name in (DUMP, FILES)},
    }
    seal(folder, manifest)
    return manifest, missing


@contextmanager
def exported_snapshot() -> Iterator[str]:
    """What is read in this block, and by whoever is given the snapshot's name, is of one moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # the dump may take long
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


def count_rows() -> dict[str, int]:
    """Rows by table, of every table that is ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        tables = [name for (name,) in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - the catalogue's name
            counts[table] = cursor.fetchone()[0]
    return counts


def applied_migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def named_files() -> dict[str, str]:
    """By name in the picture storage, the digest that the database has of it."""
    pictures = Image.objects.exclude(file="").values_list("file", "sha256")
    releases = ReleaseFile.objects.exclude(file="").values_list("file", "sha256")
    data = DataFile.objects.filter(state=DataFileState.READY).values_list("file", "sha256")
    return {name: digest for rows in (pictures, releases, data) for name, digest in rows.iterator()}


def _copied(folder: Path, named: dict[str, str]) -> Iterator[Entry]:
    """Each file with its digest, which is compared with the database's where it has one."""
    if is_bucket():
        for name, digest in sorted(named.items()):
            yield Entry(PICTURES, name, 0, digest, kept=False)
    else:
        yield from _copied_from(Path(settings.IMAGES_URL), folder, PICTURES, named)
    yield from _copied_from(settings.CLASSIFIERS_DIR, folder, CLASSIFIERS, {})


def _copied_from(source: Path, folder: Path, part: str, named: dict[str, str]) -> Iterator[Entry]:
    for name in files_below(source, without=[UNFINISHED]) if source.is_dir() else ():
        target = folder / part / name
        try:
            link_or_copy(source / name, target)
        except FileNotFoundError:
            continue  # a data file that was built anew meanwhile; the database's own names are looked at in the end
        digest = digest_of(target)
        if named.get(name) not in (None, "", digest):
            raise BackupRefused(
                f"{source / name} is not as it was stored: its digest is another than the database’s. Mend or "
                "remove it before you make a backup."
            )
        yield Entry(part, name, target.stat().st_size, digest)
