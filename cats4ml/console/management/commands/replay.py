"""``manage.py replay``: recorded votes on real pictures, played through claims, workers, ratings and verdicts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.editions import EditionRefused, check_new_slug
from cats4ml.challenges.models import Challenge
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.replay_data import ReplayData, read_replay
from cats4ml.console.replay_edition import Stage, next_slug, set_stage
from cats4ml.console.replaying import BACKENDS, Figures, ReplayFailed, play, what_is_left, write_scores
from cats4ml.console.rosters import RosterRefused, read_entries, vocabulary_of
from cats4ml.console.tables import TableRefused
from cats4ml.console.workers import WorkersFailed
from cats4ml.rules.verdicts import Outcome


class Command(BaseCommand):
    help = (
        "Plays recorded votes through the platform. The folder holds images.csv (image_id,file), classes.csv"
        " (class_index,name), ratings.csv (image_id,class_index,rater,answer: yes, no or dont_know) and the pictures."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of recorded votes and pictures")
        parser.add_argument("--roster", type=Path, required=True, metavar="FILE", help="the classifiers, a TOML file")
        parser.add_argument(
            "--classifiers-dir", type=Path, required=True, metavar="DIR2", help="the folder of the classifiers' weights"
        )
        parser.add_argument("--challenge", metavar="SLUG", help="the new challenge's slug (default: replay-<number>)")
        parser.add_argument(
            "--quorum", type=int, metavar="N", help="answers that a pair needs (default: as many as most pairs have)"
        )
        parser.add_argument(
            "--backend",
            metavar="NAME",
            help=f"what computes the scores: {', '.join(BACKENDS)} (default: as SCORING_BACKEND says, else auto)",
        )
        parser.add_argument(
            "--scores",
            type=Path,
            metavar="FILE",
            help="write each scored pair's machine mean there, as compare_rules reads it with --machine",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        if options["quorum"] is not None and not 1 <= options["quorum"] <= 99:
            raise CommandError(f"--quorum must be a whole number from 1 to 99, not {options['quorum']}")
        backend = _backend_of(options["backend"])
        if options["scores"] is not None and not options["scores"].parent.is_dir():
            raise CommandError(f"--scores: there is no folder {options['scores'].parent}")
        ensure_tables(log)
        with signals_interrupt():
            data, stage = self._prepare(options, log)
            figures = self._play(stage, data, options["classifiers_dir"], backend, log)
            if options["scores"] is not None:
                _write_scores(stage.challenge, options["scores"])
        self.stdout.write(json.dumps(asdict(figures)) if options["json"] else _in_words(figures))

    def _prepare(self, options: dict[str, Any], log: Log) -> tuple[ReplayData, Stage]:
        """Check all that was given, and only then make the edition."""
        try:
            slug = options["challenge"] or next_slug()
            check_new_slug(slug)
            data = read_replay(options["folder"])
            entries = read_entries(
                options["roster"],
                classifiers_dir=options["classifiers_dir"],
                classes=options["folder"] / "classes.csv",
            )
            vocabulary = vocabulary_of([entry.card for entry in entries], needed=data.classes)
            quorum = options["quorum"] or data.usual_quorum
            log.say(
                f"Challenge {slug}: {len(data.pairs):,} pairs of {len(data.pictures):,} rated images,"
                f" {len(data.ratings):,} answers of {len(data.raters):,} raters, quorum {quorum}."
            )
            return data, set_stage(
                data=data, entries=entries, vocabulary=vocabulary, slug=slug, quorum=quorum, at=timezone.now(), log=log
            )
        except (EditionRefused, TableRefused, RosterRefused) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted: nothing was made.", returncode=130) from None

    def _play(self, stage: Stage, data: ReplayData, classifiers_dir: Path, backend: str, log: Log) -> Figures:
        try:
            return play(stage=stage, data=data, classifiers_dir=classifiers_dir, backend=backend, log=log)
        except (WorkersFailed, ReplayFailed) as error:
            raise CommandError(f"{error}\n{what_is_left(stage.challenge)}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {what_is_left(stage.challenge)}", returncode=130) from None


def _write_scores(challenge: Challenge, path: Path) -> None:
    try:
        write_scores(challenge, path)
    except OSError as error:
        raise CommandError(f"{path}: can't be written: {error.strerror}; the replay itself is whole") from error


def _backend_of(named: str | None) -> str:
    """The backend that the option names, else the environment. Raises `CommandError` for one that there isn't."""
    source = "SCORING_BACKEND" if named is None else "--backend"
    backend = (os.environ.get("SCORING_BACKEND") or BACKENDS[0]) if named is None else named
    if backend not in BACKENDS:
        raise CommandError(f"{source} must be one of {', '.join(BACKENDS)}, not {backend!r}")
    return backend


def _in_words(figures: Figures) -> str:
    lines = [
        f"Challenge {figures.challenge}:"
        f" {figures.images:,} images, {figures.pairs:,} pairs, {figures.ratings:,} ratings",
        *(f"  {Outcome(outcome).label:<15} {count:>9,}" for outcome, count in figures.outcomes.items()),
        f"  {'Unscorable':<15} {figures.unscorable:>9,}",
        f"  {'In review':<15} {figures.in_review:>9,}",
        f"  {'Near threshold':<15} {len(figures.near_threshold):>9,}",
        f"Scored in {figures.scoring_seconds:.1f} s, rated in {figures.rating_seconds:.1f} s",
        *(f"  {line['rank']:>3}. {line['name']}: {line['points']:,} points" for line in figures.standings),
    ]
    if figures.not_asked:
        lines.append(
            f"{figures.not_asked:,} recorded answers had no place: their pair was unscorable or had its quorum"
        )
    return "\n".join(lines)
