"""``manage.py evaluate``: how classifiers fare on a release, in the database or in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.catalog.models import Classifier
from cats4ml.console.evaluating import have_seen
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.console.workers import WorkersFailed
from cats4ml.releases.evaluating import Missing, compare_with, count, read_folder
from cats4ml.releases.evaluation_runs import advance
from cats4ml.releases.evaluation_shown import by_label_shown, compared_shown, shown
from cats4ml.releases.evaluations import EvaluationRefused, hand_in, members_run_here, names_of, run_here
from cats4ml.releases.models import Evaluation, EvaluationState, Release
from cats4ml.releases.predictions import PredictionsRefused, read_predictions
from cats4ml.rules.evaluation import Kind


class Command(BaseCommand):
    help = (
        "Tests classifiers on a release: predictions as a CSV image_id,label_id,score, or classifiers that are run"
        " here. With --folder it reads a release as “release --out” writes it, and needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", nargs="?", help="the challenge's slug")
        parser.add_argument("release", metavar="VERSION", nargs="?", help="the release's version")
        parser.add_argument("--folder", type=Path, metavar="DIR", help="a release in a folder, instead of SLUG VERSION")
        parser.add_argument("--predictions", type=Path, metavar="FILE", help="a CSV, plain or packed with gzip")
        parser.add_argument("--name", help="the classifier's name on the board (with --predictions)")
        parser.add_argument("--description", default="", help="what it is (with --predictions)")
        parser.add_argument("--threshold", type=float, default=0.5, help="it says yes at this score or above (0.5)")
        parser.add_argument("--classifier", metavar="NAME", help="run this one here: its name in the roster or digest")
        parser.add_argument("--all-roster", action="store_true", help="run every member of the release's roster here")
        parser.add_argument(
            "--classifiers-dir",
            type=Path,
            default=settings.CLASSIFIERS_DIR,
            metavar="DIR",
            help="the folder of the classifiers' weights, for workers of its own (default: CLASSIFIERS_DIR)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        _check_options(options)
        try:
            with signals_interrupt():
                found = _of_folder(options) if options["folder"] else _of_release(options, Log(self.stderr))
        except PredictionsRefused as refusal:
            lines = [f"  line {one.line:,}: {one.message}" for one in refusal.problems]
            raise CommandError("\n".join([str(refusal), *lines])) from None
        except (EvaluationRefused, Missing, WorkersFailed) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. What was scored is kept: run it again to go on.", returncode=130) from None
        self.stdout.write(json.dumps(found) if options["json"] else "\n\n".join(map(_in_words, found["evaluations"])))


def _check_options(options: dict[str, Any]) -> None:
    ways = [bool(options["predictions"]), bool(options["classifier"]), options["all_roster"]]
    if sum(ways) != 1:
        raise CommandError("say one of --predictions, --classifier and --all-roster")
    if options["folder"] and (options["challenge"] or not options["predictions"]):
        raise CommandError("--folder goes with --predictions, and without SLUG and VERSION")
    if not options["folder"] and not (options["challenge"] and options["release"]):
        raise CommandError("say which release: SLUG VERSION, or --folder DIR")
    if options["predictions"] and not options["folder"] and not options["name"]:
        raise CommandError("--predictions needs a --name")
    if not 0 < options["threshold"] < 1:
        raise CommandError(f"--threshold must lie between 0 and 1, not at {options['threshold']:g}")


def _of_folder(options: dict[str, Any]) -> dict[str, Any]:
    """Every figure of what lies in the folder: whoever has the answers may see what they come to."""
    questions, cases = read_folder(options["folder"])
    with options["predictions"].open("rb") as stream:
        predictions = read_predictions(stream, questions)
    threshold = options["threshold"]
    counted = count(cases, predictions.scores, threshold=threshold, whole=predictions.whole)
    compared = compare_with(cases, predictions.scores, threshold=threshold, whole=predictions.whole, others=[])
    one = Evaluation(
        name=options["name"] or options["predictions"].name,
        threshold=threshold,
        results={**counted.results, "compared": compared},
        by_label=counted.by_label,
    )
    return {"release": str(options["folder"]), "evaluations": [_figures(one, freed=True, names={})]}


def _of_release(options: dict[str, Any], log: Log) -> dict[str, Any]:
    ensure_tables(log)
    releases = Release.objects.select_related("challenge__policy", "challenge__roster", "policy", "roster")
    release = releases.filter(challenge__slug=options["challenge"], version=options["release"]).first()
    if release is None:
        raise CommandError(f"there is no release {options['release']!r} of {options['challenge']!r}")
    evaluations = _made(release, options)
    have_seen(
        [one for one in evaluations if one.state != EvaluationState.DONE],
        challenge=release.challenge,
        classifiers_dir=options["classifiers_dir"],
        log=log,
    )
    names = names_of(Evaluation.objects.filter(release=release))
    found = []
    for one in evaluations:
        advance(evaluation_id=one.pk, at=timezone.now())
        one.refresh_from_db()
        if one.state != EvaluationState.DONE:
            raise CommandError(f"{one.name}: {one.error or 'a worker is at it; run this again to see its figures'}")
        found.append(_figures(one, freed=release.freed_at is not None, names=names))
    return {"release": f"{options['challenge']} {options['release']}", "evaluations": found}


def _made(release: Release, options: dict[str, Any]) -> list[Evaluation]:
    at = timezone.now()
    if options["predictions"]:
        with options["predictions"].open("rb") as stream:
            one, _ = hand_in(
                release=release,
                by=None,
                is_organiser=True,
                name=options["name"],
                description=options["description"],
                threshold=options["threshold"],
                stream=stream,
                at=at,
            )
        return [one]
    classifiers = members_run_here(release) if options["all_roster"] else [_classifier(release, options["classifier"])]
    return [run_here(release=release, classifier=one, by=None, at=at) for one in classifiers]


def _classifier(release: Release, named: str) -> Classifier:
    of_roster = Classifier.objects.filter(rosters__challenge=release.challenge, name=named).order_by("-pk")
    found = Classifier.objects.filter(digest=named).first() or of_roster.first()
    if found is None:
        raise CommandError(f"there is no classifier {named!r}: give its name in the roster, or its digest")
    return found


def _figures(one: Evaluation, *, freed: bool, names: dict[str, str]) -> dict[str, Any]:
    return {
        "name": one.name,
        "threshold": one.threshold,
        "in_roster": one.in_roster,
        **shown(one, freed=freed),
        "by_label": by_label_shown(one, freed=freed),
        "compared": compared_shown(one, freed=freed, names=names),
    }


def _in_words(found: dict[str, Any]) -> str:
    lines = [found["name"] + (" (the set was selected against it)" if found["in_roster"] else "")]
    for part, by_kind in found["figures"].items():
        lines.append(f"  {part}:")
        for kind in Kind:
            figures = by_kind[kind.value]
            value, low, high = figures["accuracy"]
            words = "no pairs" if value is None else f"{value:7.1%}  ({low:.1%} to {high:.1%})"
            lines.append(f"    {kind.label:<40} {figures['pairs']:>9,}  {words}")
    for kind, told in found["heldout"].items():
        words = f"{told['value']:.0%} or a little more" if told["value"] is not None else told["why"].replace("_", " ")
        lines.append(f"  held out, {Kind(kind).label.lower()}: {words}")
    lines += [
        f"  beside {row['name']}, {row['part']}: {row['first']:,} to {row['second']:,} right alone, "
        f"p = {row['p_raised']:.3g}"
        for row in found["compared"]
        if row["kind"] == Kind.ALL.value
    ]
    return "\n".join(lines)
