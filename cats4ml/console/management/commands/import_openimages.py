"""``manage.py import_openimages``: Open Images' published files become labels, images and annotations."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Exists, OuterRef
from django.utils import timezone

from cats4ml.catalog.guarded_http import HttpRefused
from cats4ml.catalog.models import Image, Label
from cats4ml.catalog.openimages import COLLECTION, VOCABULARY
from cats4ml.catalog.openimages.files import KINDS, FileRefused
from cats4ml.catalog.openimages.reports import most_kept
from cats4ml.catalog.openimages.rows import UNKNOWN_IMAGE, UNKNOWN_LABEL
from cats4ml.catalog.openimages.runs import Imported, ImportStopped, import_file
from cats4ml.catalog.openimages.source import MAX_BYTES, Downloaded, fetch, forget
from cats4ml.catalog.words import refresh_words
from cats4ml.challenges.models import PoolImage
from cats4ml.console.progress import Log, Progress
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.tables import longest_of

_DISK = "can't be written: {error}. Make room below {home}, and the same call goes on there."

# What an operator can do about it, by the code of a download that failed or the reason of a row.
_HINTS = {
    "refused_address": ". If you mean it, say --allow-private.",
    "too_large": ". If you mean it, say --max-bytes.",
    UNKNOWN_LABEL: " (import the class descriptions first, or say --only-known)",
    UNKNOWN_IMAGE: " (import the image ids first, or say --only-known)",
}


class Command(BaseCommand):
    help = (
        "Imports a file of Open Images, versions 3 to 7, into the catalogue: class descriptions, image ids, image-level"
        " labels, or the hierarchy of labels; from a path or an address, plain or packed by gzip. Interrupted, the same"
        " call goes on; done again, it changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FILE", help="a path, or an http(s) address, which is downloaded first")
        parser.add_argument("--kind", choices=KINDS, default="", help="refuse the file if it is of another kind")
        parser.add_argument("--collection", default=COLLECTION, type=_name_for(Image, "collection"))
        parser.add_argument("--vocabulary", default=VOCABULARY, type=_name_for(Label, "vocabulary"))
        parser.add_argument(
            "--only-known",
            action="store_true",
            help="pass over rows about images or labels that aren't in the catalogue, instead of calling them bad",
        )
        parser.add_argument(
            "--max-bytes", type=_bytes, default=MAX_BYTES, help="the most that may be downloaded (default: %(default)s)"
        )
        parser.add_argument(
            "--allow-private", action="store_true", help="download from an address in a private network too"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        ensure_tables(log)
        try:
            with signals_interrupt():
                downloaded = self._fetch(options, log)
                imported = self._import(downloaded, options, log)
                words = self._refresh_words(options, log)
                forget(downloaded)
        except (FileRefused, ImportStopped, HttpRefused) as error:
            raise CommandError(f"{error}{_HINTS.get(getattr(error, 'code', ''), '')}") from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted: what was written stays, and the same call goes on there.", returncode=130
            ) from None
        self._tell(imported, words, as_json=options["json"])

    def _fetch(self, options: dict[str, Any], log: Log) -> Downloaded:
        with ExitStack() as stack:
            bars: list[Progress] = []

            def follow(done: int, total: int) -> None:
                if not bars:
                    bars.append(stack.enter_context(Progress(total, "Downloading (bytes)", log)))
                bars[0].to(done)

            try:
                return fetch(
                    source=options["source"],
                    max_bytes=options["max_bytes"],
                    allow_private=options["allow_private"],
                    follow=follow,
                )
            except OSError as error:
                raise ImportStopped(f"The download {_DISK.format(error=error, home=settings.HOME)}") from error

    def _import(self, downloaded: Downloaded, options: dict[str, Any], log: Log) -> Imported:
        path = downloaded.path
        total = path.stat().st_size if path.is_file() else 0
        with Progress(total, "Importing (bytes)", log) as progress:
            return import_file(
                path=path,
                source=options["source"],
                kind=options["kind"],
                collection=options["collection"],
                vocabulary=options["vocabulary"],
                only_known=options["only_known"],
                clock=timezone.now,
                follow=progress.to,
            )

    def _refresh_words(self, options: dict[str, Any], log: Log) -> int:
        """Of the pictures that an edition has: only these are searched."""
        pool = PoolImage.objects.filter(image=OuterRef("pk"))
        images = Image.objects.filter(Exists(pool), collection=options["collection"])
        total = images.count()
        if not total:
            return 0
        with Progress(total, "Words of pictures", log) as progress:
            return refresh_words(images=images, follow=progress.to)

    def _tell(self, imported: Imported, words: int, *, as_json: bool) -> None:
        run = imported.run
        figures = {
            "kind": run.kind,
            "rows": run.rows,
            "new": run.new,
            "changed": run.changed,
            "unchanged": imported.unchanged,
            "bad": run.bad,
            "passed_over": run.passed_over,
        }
        report = run.report if run.report_bytes else None
        if as_json:
            more = {"reasons": run.reasons, "report": report, "resumed_at_line": imported.resumed_at, "words": words}
            self.stdout.write(json.dumps({**figures, **more}))
            return
        if imported.resumed_at:
            self.stdout.write(f"Went on after line {imported.resumed_at:,}; the figures are of the whole file.")
        self.stdout.write(f"{run.source}: {run.kind}")
        for name, number in list(figures.items())[1:]:
            self.stdout.write(f"  {name.replace('_', ' '):<12}{number:>14,}")
        for reason, number in sorted(run.reasons.items()):
            self.stdout.write(f"    {number:>12,}  {reason}{_HINTS.get(reason, '') if run.bad else ''}")
        if report:
            self.stdout.write(f"The bad rows are in {_shown(Path(report))}.")
            if any(number > most_kept(reason) for reason, number in run.reasons.items()):
                self.stdout.write("Of reasons with very many rows it has the first ones.")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _name_for(model: Any, field: str) -> Any:
    longest = longest_of(model, field)

    def checked(text: str) -> str:
        if not text.strip() or len(text) > longest or "\0" in text:
            raise argparse.ArgumentTypeError(f"a name of 1 to {longest} characters, please")
        return text

    return checked


def _bytes(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of bytes, 1 or more, please")
    return int(text)
