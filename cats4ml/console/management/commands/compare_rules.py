"""``manage.py compare_rules``: what verdict rules cost in ratings and how often they err, on recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.console.progress import Log, Progress
from cats4ml.console.readiness import signals_interrupt
from cats4ml.console.rule_data import Recordings, read_recordings
from cats4ml.console.rule_references import REFERENCES, aggregate, is_installed, reference_name
from cats4ml.console.tables import TableRefused
from cats4ml.rules.comparison import CONTENDERS, Comparison, Question, compare_on, results_of

LEAST_REPLICATES = 20


class Command(BaseCommand):
    help = (
        "Compares verdict rules on recorded answers, without a database. The folder holds ratings.csv and"
        " gold_ratings.csv (image_id,class_index,rater,answer: yes, no or dont_know) and gold.csv"
        " (image_id,class_index,expert_yes,expert_no,expert_dont_know). On `pairs` the reference is the majority of all"
        " recorded answers, on `controls` that of the experts. ratings: mean answers a verdict; error: wrong ÷ all;"
        " undecided: undecided ÷ all; credited_error: adverse pairs that the reference denies ÷ adverse pairs."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of recorded answers")
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random orders (default: 0)")
        parser.add_argument(
            "--replicates",
            type=int,
            default=40,
            metavar="N",
            help=f"how often each question is asked anew, at least {LEAST_REPLICATES} (default: 40)",
        )
        parser.add_argument(
            "--machine",
            type=Path,
            metavar="FILE",
            help="what machines say, image_id,class_index,machine_mean: then credited_error is counted",
        )
        parser.add_argument(
            "--without-references", action="store_true", help="spare the time that crowd-kit's references take"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        if options["replicates"] < LEAST_REPLICATES:
            raise CommandError(f"--replicates must be {LEAST_REPLICATES} or more, not {options['replicates']}")
        try:
            with signals_interrupt():
                recordings = read_recordings(options["folder"], machine=options["machine"])
                if recordings.left_out:
                    log.say(
                        f"{recordings.left_out:,} questions of gold.csv are left out: the experts were even, or no"
                        " rater answered."
                    )
                references = [] if options["without_references"] else installed_references(log)
                figures = _compare(recordings, options["replicates"], options["seed"], log, references=references)
        except TableRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:
            raise CommandError("Interrupted: nothing was compared.", returncode=130) from None
        self.stdout.write(json.dumps(figures) if options["json"] else _in_words(figures))


def installed_references(log: Log) -> list[str]:
    """The references that can be had here; where there are none `log` says how to have them."""
    if is_installed():
        return list(REFERENCES)
    log.say("crowd-kit is not installed: its references are null. To have them: pip install -e '.[compare]'")
    return []


def _compare(
    recordings: Recordings, replicates: int, seed: int, log: Log, *, references: Sequence[str]
) -> dict[str, dict[str, Any]]:
    parts = {"pairs": recordings.pairs, "controls": recordings.controls}
    figures: dict[str, dict[str, Any]] = {}
    with Progress(len(parts) * (replicates + len(references)), "Comparing", log) as progress:
        for part, questions in parts.items():
            figures[part] = _part(part, questions, recordings, references, replicates, seed, progress)
    return figures


def _part(
    part: str,
    questions: Sequence[Question],
    recordings: Recordings,
    references: Sequence[str],
    replicates: int,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    played = Comparison()
    for comparison in compare_on(
        questions,
        controls=recordings.controls,
        replicates=replicates,
        seed=seed,
        base_rate_of_controls=part == "controls",
    ):
        played = comparison
        progress.add()
    for method in references:
        aggregate(questions, method=method, comparison=played)
        progress.add()
    names = [one.name for one in CONTENDERS] + [reference_name(method) for method in REFERENCES]
    return {name: results_of(played, name, seed=seed) for name in names}


def _in_words(figures: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for part, rules in figures.items():
        lines.append(f"{part:<40} {'ratings':>8} {'error':>7} {'95%':>15} {'undecided':>10} {'credited error':>15}")
        lines += [_line(name, found) for name, found in rules.items()]
    return "\n".join(lines)


def _line(name: str, found: Mapping[str, Any] | None) -> str:
    if found is None:
        return f"  {name:<38} {'–':>8}"
    low, high = found["ci95"]["error"]
    credited = "–" if found["credited_error"] is None else f"{found['credited_error']:.3f}"
    return (
        f"  {name:<38} {found['ratings']:>8.2f} {found['error']:>7.4f} {f'{low:.3f} to {high:.3f}':>15}"
        f" {found['undecided']:>10.4f} {credited:>15}"
    )
