"""``manage.py replay_credits``: the board rebuilt from answers and scores, and compared with what is kept."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.challenges.models import Challenge
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables
from cats4ml.leaderboard.replaying import Replay, replay_credits


class Command(BaseCommand):
    help = (
        "Rebuilds every credit of a challenge from its evidence (classifiers' outputs and raters' answers, verdict,"
        " outcome, points, first valid claim) and the board from these, and compares them with the ledger and the board"
        " as they are kept. Writes nothing. Exit status 1, and the first difference, where they are not equal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", help="the challenge's slug")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        ensure_tables(Log(self.stderr))
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['challenge']!r}")
        replay = replay_credits(challenge)
        self.stdout.write(json.dumps(asdict(replay)) if options["json"] else _in_words(challenge, replay))
        if not replay.equal:
            sys.exit(1)


def _in_words(challenge: Challenge, replay: Replay) -> str:
    read = f"{replay.pairs:,} pairs, {replay.credits:,} entries of the ledger, {replay.standings:,} lines of the board"
    lines = [f"Challenge {challenge.slug}: {read}"]
    if replay.first_difference is not None:
        lines.append(f"NOT equal. The first difference: {replay.first_difference['message']}")
    else:
        lines.append("Equal: every credit and every line is what its evidence says")
    if replay.means_not_kept:
        lines.append(
            f"The means of {replay.means_not_kept:,} pairs were taken at their word: what classifiers said is not kept"
        )
    return "\n".join(lines)
