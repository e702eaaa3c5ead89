"""``manage.py import_folder``: a folder of pictures with its tables becomes a draft edition."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.challenges.editions import EditionRefused
from cats4ml.console.folder_data import BadRow, FolderData, read_folder
from cats4ml.console.folder_import import ImportStopped, check_edition, known_digests, taken_down, write_folder
from cats4ml.console.progress import Log, Progress
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.tables import MOST_SHOWN, TableRefused
from cats4ml.ui.spreadsheets import harmless

GO_ON = "What was imported is kept: run the command again to go on."


class Command(BaseCommand):
    help = (
        "Makes a draft challenge of a folder with pictures, images.csv (image_id,file and what is known of it),"
        " labels.csv (label_id,label_name) and, if you like, annotations.csv (image_id,label_id,confidence)."
        " All of it is checked before anything is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder")
        parser.add_argument("--challenge", required=True, metavar="SLUG", help="the slug of a new challenge or a draft")
        parser.add_argument("--title", default="", help="the new challenge's title (default: the slug)")
        parser.add_argument("--vocabulary", default="", metavar="NAME", help="of the label ids (default: the slug)")
        parser.add_argument("--skip-bad", action="store_true", help="go on without the bad rows")
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="write a CSV of all bad rows with line and reason"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        ensure_tables(log)
        slug, vocabulary = options["challenge"], options["vocabulary"] or options["challenge"]
        try:
            with signals_interrupt():
                check_edition(slug=slug, vocabulary=vocabulary)
                data = self._read(options["folder"], slug, log)
                if options["report"] is not None:
                    _write_report(options["report"], data.bad)
                _check(data, skip_bad=options["skip_bad"])
                with Progress(len(data.images), "Importing", log) as bar:
                    came = write_folder(data, slug=slug, title=options["title"], vocabulary=vocabulary, bar=bar)
        except (EditionRefused, TableRefused) as error:
            raise CommandError(str(error)) from error
        except ImportStopped as error:
            raise CommandError(f"{error}\n{GO_ON}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {GO_ON}", returncode=130) from None
        if options["json"]:
            self.stdout.write(json.dumps(asdict(came)))
            return
        self.stdout.write(
            f"Challenge {came.challenge}: {came.labels:,} labels, {came.images:,} pictures ({came.new:,} new),"
            f" {came.annotations:,} annotations; {came.bad:,} bad rows left out"
        )

    def _read(self, folder: Path, slug: str, log: Log) -> FolderData:
        if not folder.is_dir():
            raise CommandError(f"{folder}: there is no such folder")
        with Progress(0, "Checking", log) as bar:

            def tell(done: int, total: int) -> None:
                bar.total = total
                bar.to(done)

            known = partial(known_digests, slug)
            return read_folder(folder, known=known, tell=tell, gone=taken_down(slug))


def _check(data: FolderData, *, skip_bad: bool) -> None:
    """Raises `CommandError` where there are bad rows that nobody wants to skip, or nothing else."""
    if data.bad and not skip_bad:
        shown = [f"{row.file} line {row.line}: {row.reason}" for row in data.bad[:MOST_SHOWN]]
        more = len(data.bad) - len(shown)
        tail = [f"… and {more:,} more; --report FILE lists them all"] if more else []
        noun = "bad row" if len(data.bad) == 1 else "bad rows"
        head = f"{len(data.bad):,} {noun}, so that nothing was written. Mend them, or leave them out with --skip-bad."
        raise CommandError("\n".join([head, *shown, *tail]))
    if not (data.images and data.labels):
        raise CommandError("There is no good row of a picture or none of a label, so that nothing was written.")


def _write_report(path: Path, bad: Sequence[BadRow]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file", "line", "reason"])
            writer.writerows([row.file, row.line, harmless(row.reason)] for row in bad)
    except OSError as error:
        raise CommandError(f"{path}: the report can't be written: {error.strerror}") from error
