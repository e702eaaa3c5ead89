"""Joint text-image cards, read by `models_zoo.joint` in a process of its own, which also loads and tries them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from cats4ml.catalog.actions import add_joint_classifier
from cats4ml.catalog.models import Classifier

# What two cards of one digest may differ in, and the workers go by.
_PLACES = ("weights", "tokenizer")


class JointCardRefused(Exception):
    """Why a joint card can't be used, and how to mend it. The text has one line for each problem."""


def read_joint_card(path: Path, *, classifiers_dir: Path) -> dict[str, Any]:
    """The one card in `path`, its files found in `classifiers_dir`, loaded and tried. Raises `JointCardRefused`."""
    command = [sys.executable, "-m", "models_zoo.joint", str(path.resolve())]
    command += ["--classifiers-dir", str(classifiers_dir.resolve())]
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise JointCardRefused(done.stderr.strip() or f"{path}: the card can't be read")
    card: dict[str, Any] = json.loads(done.stdout)["card"]
    return card


def joint_classifier(card: dict[str, Any]) -> Classifier:
    """The classifier of this card, known from now on. Raises `JointCardRefused` where it is known with its files
    elsewhere: a classifier is known by its digest, which their places are no part of."""
    classifier = add_joint_classifier(card=card)
    for ours, theirs in ((card, classifier.card), (card["text"], classifier.card["text"])):
        for key in _PLACES:
            if ours.get(key) != theirs.get(key):
                raise JointCardRefused(
                    f"{card['name']}: this card is known here with {key} as {theirs.get(key)!r}, the file has it as"
                    f" {ours.get(key)!r}: name the file as it is known"
                )
    return classifier
