"""``manage.py score_catalog``: an edition's whole pool scored ahead of time, so that claims are scored at once."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.neighbours import ensure_indexes
from cats4ml.console.ahead import AheadRefused, Came, score_ahead
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.workers import WorkersFailed


class Command(BaseCommand):
    help = (
        "Scores every picture of a challenge's pool that isn't scored yet, by the ordinary workers if some listen, else"
        " by workers of its own. It can be interrupted and run again: it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", help="the challenge's slug")
        parser.add_argument("--limit", type=int, metavar="N", help="score at most so many pictures")
        parser.add_argument(
            "--classifiers-dir",
            type=Path,
            default=settings.CLASSIFIERS_DIR,
            metavar="DIR",
            help="the folder of the classifiers' weights, for workers of its own (default: CLASSIFIERS_DIR)",
        )
        parser.add_argument(
            "--embeddings", action="store_true", help="also fetch embeddings of pictures that are scored already"
        )
        parser.add_argument(
            "--retry-failed", action="store_true", help="try again what could not be scored, once its cause is mended"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError(f"--limit must be a whole number from 1, not {options['limit']}")
        ensure_tables(log)
        challenge = Challenge.objects.select_related("roster").filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['challenge']!r}")
        try:
            with signals_interrupt():
                came = score_ahead(
                    challenge,
                    classifiers_dir=options["classifiers_dir"],
                    log=log,
                    limit=options["limit"],
                    embeddings=options["embeddings"],
                    retry_failed=options["retry_failed"],
                )
                log.say("Preparing the search for pictures that are alike.")
                ensure_indexes(wait=True)
        except (AheadRefused, WorkersFailed) as error:
            raise CommandError(f"{error}\nWhat was scored is kept: run the command again to go on.") from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. What was scored is kept: run the command again to go on.", returncode=130
            ) from None
        self.stdout.write(json.dumps(asdict(came)) if options["json"] else _in_words(came))


def _in_words(came: Came) -> str:
    lines = [
        f"Challenge {came.challenge}: {came.scored:,} of {came.images:,} pictures are scored,"
        f" {came.now:,} of them in the last {came.seconds:.1f} s",
    ]
    for one in came.troubles:
        shown = ", ".join(one.first) + (" …" if one.pictures > len(one.first) else "")
        lines.append(f"  {one.reason}: {one.pictures:,} ({shown})")
    if came.troubles:
        lines.append("They are not tried again by themselves: mend the cause, then use --retry-failed")
    if came.left:
        lines.append(f"{came.left:,} pictures are left: run the command again to go on")
    if came.unanswered:
        lines.append(f"{came.unanswered:,} of them got no answer, asked three times: look at the workers' log")
    return "\n".join(lines)
