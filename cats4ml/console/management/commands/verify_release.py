"""``manage.py verify_release``: reads a release again and says whether it is what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.console.progress import Log
from cats4ml.console.readiness import signals_interrupt
from cats4ml_client.verifying import Unverifiable, verify_release

CAN_NOT_BE = 2  # as a wrong option


class Command(BaseCommand):
    help = (
        "Verifies a release without a database: a folder that `release --out` wrote or that was downloaded, or a zip."
        " Every checksum is compared, every outcome is counted again from the ratings and scores, and the formats are"
        " compared with each other. Exit status 1 where something is wrong, with the first difference. --root is the"
        " digest that `release` printed and that the release’s page shows: with it any rewriting at all is found."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder or the zip")
        parser.add_argument("--root", metavar="DIGEST", help="the release's root digest, from its permanent address")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)

        def progress(what: str, done: int) -> None:
            if log.isatty():
                log.write(f"\r{what}: {done:,} …\033[K")

        try:
            with signals_interrupt():
                report = verify_release(options["path"], root=options["root"], progress=progress)
        except Unverifiable as error:
            raise CommandError(str(error), returncode=CAN_NOT_BE) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted: nothing was verified.", returncode=130) from None
        finally:
            if log.isatty():
                log.write("\r\033[K")
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report.lines()))
        if not report.ok:
            raise CommandError(f"The release is not what it says: {report.differences[0]}")
