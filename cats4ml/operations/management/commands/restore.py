"""``manage.py restore FOLDER``: the site as it was when a backup was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.operations.backup_files import BackupRefused
from cats4ml.operations.backup_restore import restore


class Command(BaseCommand):
    help = (
        "Reads a backup whole, and puts its database and files in place of this site's. Web server, workers and clock"
        " must be stopped. Tables are brought to this version afterwards."
    )
    # The database may have no table yet.
    requires_migrations_checks = False
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="one backup, the folder with manifest.json")
        parser.add_argument("--replace", action="store_true", help="remove what is in the database now")

    def handle(self, **options: Any) -> None:
        try:
            done = restore(options["folder"].expanduser().absolute(), replace=options["replace"], say=self.stderr.write)
        except BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Restored {done.rows:,} rows and {done.written:,} files ({done.there:,} were there already)."
        )
        if done.migrated:
            self.stdout.write(f"Brought to this version by {len(done.migrated)} migrations.")
        if done.in_bucket:
            self.stdout.write(
                f"{done.in_bucket:,} files are in the object storage: see that its bucket is as it was then."
            )
        self.stdout.write(
            "Next: give the site the SECRET_KEY that it had (of `make run`: the file secret_key of its CATS4ML_HOME). "
            "Without it everybody signs in anew, and second factors can’t be checked. Then start the web server, the "
            "workers and the clock."
        )
