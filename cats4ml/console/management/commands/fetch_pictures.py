"""``manage.py fetch_pictures``: the pictures of an edition's pool, from the public bucket and the rows' addresses."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.catalog.fetching.run import FetchStopped
from cats4ml.catalog.fetching.sources import BucketMissing
from cats4ml.challenges.models import Challenge
from cats4ml.console.fetching import Came, fetch_pool, write_report
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt

MOST_PARALLEL = 128


class Command(BaseCommand):
    help = (
        "Fetches the pictures of a challenge's pool that aren't in the storage yet. It can be interrupted and run"
        " again: it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", help="the challenge's slug")
        parser.add_argument("--limit", type=int, metavar="N", help="try at most so many pictures")
        parser.add_argument(
            "--parallel", type=int, default=16, metavar="N", help="so many at once (default: %(default)s)"
        )
        parser.add_argument("--retry-failed", action="store_true", help="try again what could not be fetched before")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write a CSV of the pictures that aren't there")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError(f"--limit must be a whole number from 1, not {options['limit']}")
        if not 1 <= options["parallel"] <= MOST_PARALLEL:
            raise CommandError(
                f"--parallel must be a whole number from 1 to {MOST_PARALLEL}, not {options['parallel']}"
            )
        report = options["report"]
        if report is not None and (report.is_dir() or not report.parent.is_dir()):
            raise CommandError(f"{report}: the report can't be written: name a file in a folder that is there")
        ensure_tables(log)
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['challenge']!r}")
        try:
            with signals_interrupt():
                came = fetch_pool(
                    challenge,
                    parallel=options["parallel"],
                    limit=options["limit"],
                    retry_failed=options["retry_failed"],
                    log=log,
                )
        except (FetchStopped, BucketMissing) as error:
            raise CommandError(f"{error}\nWhat was fetched is kept: run the command again to go on.") from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. What was fetched is kept: run the command again to go on.", returncode=130
            ) from None
        finally:
            if options["report"] is not None:
                self._report(challenge, options["report"])
        self.stdout.write(json.dumps(asdict(came)) if options["json"] else _in_words(came))

    def _report(self, challenge: Challenge, path: Path) -> None:
        try:
            write_report(challenge, path)
        except OSError as error:
            raise CommandError(f"{path}: the report can't be written: {error.strerror}") from error


def _in_words(came: Came) -> str:
    lines = [
        f"Challenge {came.challenge}: {came.there:,} of {came.images:,} pictures are there, {came.fetched:,} of them"
        f" ({came.bytes / 1e6:,.1f} MB) came in the last {came.seconds:.1f} s"
    ]
    for one in came.troubles:
        shown = ", ".join(one.first) + (" …" if one.pictures > len(one.first) else "")
        lines.append(f"  {one.reason}: {one.pictures:,} ({shown})")
    if came.troubles:
        lines.append("They are not tried again by themselves: use --retry-failed; --report FILE tells more of each")
    if came.left:
        lines.append(f"{came.left:,} pictures are left: run the command again to go on")
    return "\n".join(lines)
