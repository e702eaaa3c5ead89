"""``manage.py control_questions``: adds control questions from a CSV, checked row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.console.control_files import read_controls
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables
from cats4ml.console.tables import MOST_SHOWN, TableRefused
from cats4ml.review.actions.controls import AddedControls, CheckedControl, ControlsRefused, add_controls


class Command(BaseCommand):
    help = (
        "Adds control questions from a CSV with the columns image_id,label_id,truth and, perhaps, use,explanation."
        " Every row is checked first, and nothing is written where one is bad. Rows that are there already change"
        " nothing, so that a file may be given again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="EDITION", help="the challenge's slug")
        parser.add_argument("file", type=Path, metavar="FILE", help="the control questions, a CSV in UTF-8")
        parser.add_argument("--only-good", action="store_true", help="leave bad rows out and add the others")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        ensure_tables(Log(self.stderr))
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['challenge']!r}")
        try:
            added = add_controls(
                challenge=challenge,
                rows=read_controls(options["file"]),
                by=None,
                at=timezone.now(),
                only_good=options["only_good"],
            )
        except TableRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except ControlsRefused as refusal:
            raise CommandError("\n".join([f"{options['file']}: {refusal}", *_reasons(refusal.rows)])) from refusal
        self.stdout.write(json.dumps(_figures(challenge, added)) if options["json"] else _in_words(challenge, added))


def _reasons(rows: list[CheckedControl]) -> list[str]:
    shown = [f"line {one.row.line}: {one.problem}" for one in rows[:MOST_SHOWN]]
    return [*shown, f"… and {len(rows) - MOST_SHOWN} more"] if len(rows) > MOST_SHOWN else shown


def _figures(challenge: Challenge, added: AddedControls) -> dict[str, Any]:
    return {
        "challenge": challenge.slug,
        "added": added.added,
        "present": added.present,
        "left_out": [{"line": one.row.line, "problem": one.problem} for one in added.left_out],
    }


def _in_words(challenge: Challenge, added: AddedControls) -> str:
    first = f"Challenge {challenge.slug}: {added.added:,} control questions added, {added.present:,} were there already"
    if not added.left_out:
        return first
    return "\n".join([f"{first}, {len(added.left_out):,} bad rows left out", *_reasons(added.left_out)])
