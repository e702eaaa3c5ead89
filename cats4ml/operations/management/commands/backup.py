"""``manage.py backup FOLDER``: the whole site as it is now, to be restored by ``manage.py restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.operations.backup import Made, make_backup
from cats4ml.operations.backup_files import BackupRefused, verify, whole_backups


class Command(BaseCommand):
    help = (
        "Writes the database, pictures, releases, data files and classifiers, as they are at one moment, into a new"
        " folder below FOLDER. The site may run meanwhile. The secret key is not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups are kept")
        parser.add_argument("--keep", type=int, default=0, metavar="N", help="remove all but the newest N afterwards")
        parser.add_argument(
            "--verify", action="store_true", help="make none: read the newest of FOLDER, or FOLDER itself, again"
        )

    def handle(self, **options: Any) -> None:
        folder: Path = options["folder"].expanduser().absolute()
        if options["keep"] < 0:
            raise CommandError("--keep takes a number from 0 on; 0 keeps all.")
        try:
            if options["verify"]:
                self._verify(folder)
            else:
                self._tell(make_backup(folder, at=timezone.now(), keep=options["keep"], say=self.stderr.write))
        except BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal

    def _verify(self, folder: Path) -> None:
        newest = folder if (folder / "manifest.json").exists() else next(reversed(whole_backups(folder)), folder)
        manifest, entries = verify(newest)
        self.stdout.write(
            f"{newest} is whole: made {manifest['made_at']}, {sum(manifest['rows'].values()):,} rows, "
            f"{len(entries):,} files."
        )

    def _tell(self, made: Made) -> None:
        manifest = made.manifest
        files = sum(manifest["files"].values())
        self.stdout.write(f"{made.folder}: {sum(manifest['rows'].values()):,} rows, {files:,} files.")
        for words in manifest["left_out"]:
            self.stdout.write(f"Not in it: {words}.")
        for name in made.missing[:10]:
            self.stdout.write(f"Missing in the storage, and so in the backup: {name}")
        if len(made.missing) > 10:
            self.stdout.write(f"… and {len(made.missing) - 10:,} more, named in its manifest.")
        for path in made.pruned:
            self.stdout.write(f"Removed {path}")
