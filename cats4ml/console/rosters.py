"""Rosters, read by `models_zoo.roster` in a process of its own: the web side never imports what needs torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

Card = dict[str, Any]


class RosterRefused(Exception):
    """Why a roster can't be used. The text has one line for each problem."""


def read_roster(path: Path, *, classifiers_dir: Path, classes: Path | None = None) -> list[Card]:
    """The cards of a roster file, in its order, their weights found in `classifiers_dir` and their checksums compared.

    `classes`: the CSV that has the label keys for classifiers that name a column only. Raises `RosterRefused`.
    """
    command = [sys.executable, "-m", "models_zoo.roster", str(path.resolve())]
    command += ["--classifiers-dir", str(classifiers_dir.resolve())]
    command += ["--classes", str(classes.resolve())] if classes else []
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RosterRefused(done.stderr.strip() or f"{path}: the roster can't be read")
    cards: list[Card] = json.loads(done.stdout)["classifiers"]
    return cards


def vocabulary_of(cards: Sequence[Card], *, needed: Iterable[str]) -> str:
    """The one vocabulary that all classifiers speak.

    Raises `RosterRefused` where there are several, or where none of them knows one of the `needed` label keys.
    """
    vocabularies = sorted({card["vocabulary"] for card in cards})
    if len(vocabularies) != 1:
        raise RosterRefused(
            f"the classifiers of a roster must share a vocabulary; these have: {', '.join(vocabularies)}"
        )
    known = {key for card in cards for key in card["labels"]}
    unknown = [key for key in needed if key not in known]
    if unknown:
        shown = ", ".join(unknown[:20]) + (" …" if len(unknown) > 20 else "")
        raise RosterRefused(f"no classifier of the roster knows {len(unknown)} of the rated classes: {shown}")
    return str(vocabularies[0])
