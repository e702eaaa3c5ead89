"""``manage.py import_release``: a CSV of released columns becomes a settled challenge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.editions import EditionRefused
from cats4ml.console.importing import ImportRefused, import_release
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.tables import TableRefused
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, VerdictRule


class Command(BaseCommand):
    help = f"Makes a settled challenge out of a published release: a CSV with the columns {','.join(RELEASED_COLUMNS)}."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the released CSV")
        parser.add_argument("--challenge", required=True, metavar="SLUG", help="the new challenge's slug")
        parser.add_argument(
            "--verdict-rule",
            choices=[rule.value for rule in VerdictRule],
            default=VerdictRule.MAJORITY.value,
            help="what the raters' answers say together (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        ensure_tables(log)
        # The release is public as a whole, so that nothing of it can be held out any more.
        policy = Policy(verdict_rule=options["verdict_rule"], heldout_percent=0)
        try:
            with signals_interrupt():
                result = import_release(
                    path=options["file"],
                    slug=options["challenge"],
                    policy=policy,
                    at=timezone.now(),
                    log=log,
                )
        except (EditionRefused, TableRefused, ImportRefused) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted: nothing was imported.", returncode=130) from None
        if options["json"]:
            self.stdout.write(json.dumps({"pairs": result.pairs, "outcomes": result.outcomes}))
            return
        self.stdout.write(
            f"Challenge {result.challenge.slug}: {result.pairs:,} pairs, settled by {policy.verdict_rule}"
        )
        for outcome, count in result.outcomes.items():
            self.stdout.write(f"  {Outcome(outcome).label:<15} {count:>9,}")
