"""A site from its backup: all of it or a sentence that says why not."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from cats4ml.heartbeats import BACKUP, beat
from cats4ml.operations.backup import Say, count_rows, filled_table, is_bucket, say_nothing
from cats4ml.operations.backup_files import CLASSIFIERS, DUMP, PICTURES, BackupRefused, Entry, digest_of, verify
from cats4ml.operations.backup_programs import program, run, server_major


@dataclass(frozen=True)
class Restored:
    """What a restored site has: rows, files that were written, and files that were there already."""

    rows: int
    written: int
    there: int
    migrated: list[str]
    in_bucket: int


def restore(folder: Path, *, replace: bool = False, say: Say = say_nothing) -> Restored:
    """Put a backup's database and files in place of this site's, and bring the tables to this version.

    Everything is looked at before anything is changed. Raises `BackupRefused`: for a damaged backup, for one of a newer
    version, for a database with people in it unless it is to be replaced, and while somebody else uses the database.
    """
    say("Reading the backup")
    manifest, entries = verify(folder)
    _check_version(manifest)
    if is_bucket() != any(not entry.kept for entry in entries) and entries:
        say("Pictures lie elsewhere than they did when the backup was made; see what it says of them below.")
    pg_restore = program("pg_restore", least=max(server_major(), int(manifest["postgres"])))
    if int(manifest["postgres"]) > server_major():
        raise BackupRefused(
            f"The backup is of PostgreSQL {manifest['postgres']}, and this server is {server_major()}: an older server "
            "can’t load it."
        )
    _check_target(replace=replace)
    say("Putting the files in place")
    written, there = _put_files(folder, entries)
    say("Loading the database")
    _empty_database()
    connection.close()
    run(pg_restore, ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
                     f"--dbname={connection.settings_dict['NAME']}", str(folder / DUMP)])  # fmt: skip
    rows = count_rows()
    if rows != manifest["rows"]:
        wrong = sorted(name for name in {*rows, *manifest["rows"]} if rows.get(name) != manifest["rows"].get(name))
        raise BackupRefused(f"The database was loaded, but these tables have not as many rows as then: {wrong}")
    before = set(manifest["migrations"])
    say("Bringing the tables to this version")
    call_command("migrate", verbosity=0, interactive=False)
    cache.clear()  # what was counted of the former data
    beat(BACKUP, datetime.fromisoformat(manifest["made_at"]))  # which the dump itself could not know
    return Restored(
        rows=sum(rows.values()),
        written=written,
        there=there,
        migrated=sorted(_known_migrations() - before),
        in_bucket=sum(not entry.kept for entry in entries),
    )


def _known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


def _check_version(manifest: dict[str, Any]) -> None:
    unknown = sorted(set(manifest["migrations"]) - _known_migrations())
    if unknown:
        raise BackupRefused(
            f"The backup is of a newer version of this software: of its migrations {len(unknown)} are not known here, "
            f"{unknown[0]} for one. Install that version, and restore then."
        )


def _check_target(*, replace: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        others = cursor.fetchone()[0]
        if others:
            raise BackupRefused(
                f"{others} other connections use this database. Stop the web server, the workers and the clock first."
            )
    if not replace and (filled := filled_table()):
        raise BackupRefused(
            f"This database is not empty: {filled} has rows. Restore into an empty one, or say --replace (with make: "
            "REPLACE=yes), which removes all that is in it."
        )


def _empty_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def _put_files(folder: Path, entries: Iterable[Entry]) -> tuple[int, int]:
    """Every file at its place, each in one step; those that are there as they were are left."""
    homes = {CLASSIFIERS: settings.CLASSIFIERS_DIR}
    if not is_bucket():
        homes[PICTURES] = Path(settings.IMAGES_URL)
    written = there = 0
    for entry in entries:
        if not entry.kept or entry.part not in homes:
            continue
        target = entry.inside(homes[entry.part])
        if target.is_file() and digest_of(target) == entry.sha256:
            there += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            shutil.copyfile(entry.inside(folder / entry.part), part)
            os.replace(part, target)  # noqa: PTH105 - the name may be long-lived elsewhere
        except OSError as error:
            part.unlink(missing_ok=True)
            raise BackupRefused(f"{target} could not be written: {error.strerror or error}.") from error
        written += 1
    return written, there
