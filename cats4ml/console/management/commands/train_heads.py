"""`manage.py train_heads`: heads for an edition's labels on a frozen backbone, from verified labels."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import target_labels
from cats4ml.console.readiness import signals_interrupt
from cats4ml.process_guard import Guard, send_group

INTERRUPTED = 130
STOP_SECONDS = 10.0
VOCABULARY = "openimages"
# Passed on as they are: the name of the option, and what Django calls its value.
_PATHS = ("classifiers_dir", "classes", "pictures", "ratings", "out_dir", "features_dir")
_PLAIN = ("name", "agreeing", "machine_labels", "min_each", "measure", "iterations", "licence", "seed")


class Command(BaseCommand):
    help = (
        "Trains logistic heads for the target labels on a frozen backbone out of a roster, from labels that people"
        " verified; calibrates and measures them on pictures that they never saw, compares them with the backbone's own"
        " probability, and writes the classifier's card."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--backbone", required=True, metavar="ROSTER.toml[:NAME]", help="the frozen network, out of a roster")
        add("--classifiers-dir", type=Path, metavar="DIR", help="its weights' folder (default: CLASSIFIERS_DIR)")
        add("--classes", type=Path, metavar="CSV", help="the CSV of classes, for a roster that names its column")
        add("--pictures", type=Path, metavar="DIR", help="IMAGEID.jpg or .png, or an images.csv (image_id,file)")
        add("--labels", type=Path, nargs="+", metavar="FILE", help="Open Images' CSVs of image-level labels")
        add("--ratings", type=Path, metavar="DIR", help="a folder with ratings.csv, as replay takes it")
        add("--agreeing", type=int, metavar="N", help="answers of one kind that a rated pair needs (default: 3)")
        add("--machine-labels", type=float, metavar="T", help="take a machine's label of this confidence for a yes")
        targets = parser.add_mutually_exclusive_group()
        targets.add_argument(
            "--target-labels", type=Path, metavar="FILE", help="one label's key on each line, or a CSV"
        )
        targets.add_argument("--challenge", metavar="SLUG", help="the target labels and the vocabulary of this edition")
        add("--vocabulary", help=f"the vocabulary of the labels (default: the edition's, or {VOCABULARY})")
        add("--name", required=True, help="of the new classifier: NAME.pt and NAME.toml are written")
        add("--out-dir", type=Path, metavar="DIR", help="where they go (default: the folder of classifiers)")
        add("--features-dir", type=Path, metavar="DIR", help="where features are kept (default: features beside them)")
        add("--min-each", type=int, metavar="N", help="yes, and no, that a label needs (default: 20)")
        add("--measure", choices=("auto", "parts", "folds"), help="on a part held out, or cross-fitted (default: auto)")
        add("--iterations", type=int, metavar="N", help="of the solver, at most (default: 1000)")
        add("--licence", help="of the head's weights, for its card")
        add("--seed", type=int, help="of all that is drawn (default: 0)")
        add("--replace", action="store_true", help="overwrite a card of this name")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        with signals_interrupt(), tempfile.TemporaryDirectory(prefix="cats4ml-heads-") as folder:
            result = run(_arguments(options, Path(folder)))
        words = result.pop("in_words")
        self.stdout.write(json.dumps(result) if options["json"] else words)


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """What `python -m models_zoo.train_heads` answers; its progress is shown on our standard error.

    Raises `CommandError` with its reason, or with how it ended. A Ctrl-C ends it too.
    """
    command = [sys.executable, "-m", "models_zoo.train_heads", *arguments, "--json"]
    guard = Guard()
    child = subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        guard.watch(child.pid)
        answer, _ = child.communicate()
    except KeyboardInterrupt:
        _stop(child)
        raise CommandError("Interrupted: no card was written.", returncode=INTERRUPTED) from None
    finally:
        guard.forget(child.pid)
        guard.close()
    status = child.returncode
    if status == INTERRUPTED:
        raise CommandError("Interrupted: no card was written.", returncode=INTERRUPTED)
    if status < 0:
        raise CommandError(
            f"The training was ended by {signal.Signals(-status).name} (out of memory?). What it kept of features is"
            " used by the next run: start it again."
        )
    result: dict[str, Any] = json.loads(answer) if answer else {}
    if status or "refused" in result:
        reason = result.get("refused") or "The training failed; the messages above say why."
        raise CommandError(reason, returncode=status or 1)
    return result


def _stop(child: subprocess.Popen[str]) -> None:
    """Passes the Ctrl-C on: the child is in a session of its own, and doesn't hear the terminal's."""
    send_group(child.pid, signal.SIGINT)
    try:
        child.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        send_group(child.pid, signal.SIGKILL)
        child.communicate()


def _arguments(options: dict[str, Any], folder: Path) -> list[str]:
    """The child's command line; the edition's labels go into a file in `folder`."""
    options = {**options, "classifiers_dir": options["classifiers_dir"] or Path(settings.CLASSIFIERS_DIR)}
    vocabulary, targets = options["vocabulary"], options["target_labels"]
    if options["challenge"]:
        vocabulary, targets = _edition(options["challenge"], vocabulary, folder / "targets.csv")
    arguments = ["--backbone", _absolute(options["backbone"]), "--vocabulary", vocabulary or VOCABULARY]
    for key in _PATHS:
        if options[key] is not None:
            arguments += [_option(key), str(options[key].resolve())]
    for key in _PLAIN:
        if options[key] is not None:
            arguments += [f"{_option(key)}={options[key]}"]
    if options["labels"]:
        arguments += ["--labels", *(str(path.resolve()) for path in options["labels"])]
    if targets is not None:
        arguments += ["--target-labels", str(targets.resolve())]
    return [*arguments, *(["--replace"] if options["replace"] else [])]


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")


def _absolute(backbone: str) -> str:
    """`ROSTER.toml` or `ROSTER.toml:NAME` with the path from the root: the child runs in another folder."""
    if Path(backbone).is_file():
        return str(Path(backbone).resolve())
    path, colon, name = backbone.rpartition(":")
    return f"{Path(path or name).resolve()}{colon}{name if path else ''}"


def _edition(slug: str, vocabulary: str | None, file: Path) -> tuple[str, Path]:
    """The edition's vocabulary, and its target labels as a file: key and name."""
    challenge = Challenge.objects.filter(slug=slug).first()
    if challenge is None:
        raise CommandError(f"--challenge: there is no challenge {slug!r}")
    if vocabulary not in (None, challenge.vocabulary):
        raise CommandError(
            f"--vocabulary {vocabulary!r}: the challenge {slug!r} has {challenge.vocabulary!r}; leave the option out"
        )
    labels = [(target.label.key, target.label.name) for target in target_labels(challenge)]
    if not labels:
        raise CommandError(f"--challenge: {slug!r} has no target labels yet; name them with --target-labels")
    with file.open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([("key", "name"), *labels])
    return challenge.vocabulary, file
