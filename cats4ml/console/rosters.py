"""Rosters, read by `models_zoo.roster` in a process of its own: the web side never imports what needs torch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from cats4ml.catalog.actions import add_classifier
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import NewMember

Card = dict[str, Any]


class RosterRefused(Exception):
    """Why a roster can't be used. The text has one line for each problem."""


@dataclass(frozen=True)
class Entry:
    """A classifier of a roster file. `label_map`: where it speaks another vocabulary than was asked for, the places of
    its outputs by label key."""

    card: Card
    weight: float = 1.0
    label_map: dict[str, list[int]] | None = None


def read_entries(
    path: Path,
    *,
    classifiers_dir: Path,
    classes: Path | None = None,
    vocabulary: str = "",
    labels: Sequence[str] = (),
) -> list[Entry]:
    """The classifiers of a roster file, in its order, their weights found in `classifiers_dir` and their checksums
    compared.

    `classes`: the CSV that has the label keys for classifiers that name a column only. `vocabulary` and `labels`: what
    an edition speaks and its label keys, for which classifiers of another vocabulary are mapped. Raises
    `RosterRefused`.
    """
    command = [sys.executable, "-m", "models_zoo.roster", str(path.resolve())]
    command += ["--classifiers-dir", str(classifiers_dir.resolve())]
    command += ["--classes", str(classes.resolve())] if classes else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as keys:
        keys.writelines(f"{key}\n" for key in labels)
        keys.flush()
        command += ["--vocabulary", vocabulary, "--labels-file", keys.name] if vocabulary else []
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RosterRefused(done.stderr.strip() or f"{path}: the roster can't be read")
    printed: dict[str, list[Any]] = json.loads(done.stdout)
    cards = printed["classifiers"]
    weights = printed.get("weights", [1.0] * len(cards))
    label_maps = printed.get("label_maps", [None] * len(cards))
    return [Entry(*entry) for entry in zip(cards, weights, label_maps, strict=True)]


def read_roster(path: Path, *, classifiers_dir: Path, classes: Path | None = None) -> list[Card]:
    """The cards alone, as `read_entries` finds them."""
    return [entry.card for entry in read_entries(path, classifiers_dir=classifiers_dir, classes=classes)]


def new_members(entries: Sequence[Entry]) -> list[NewMember]:
    """The classifiers of these entries, known from now on, as members of a new roster.

    A classifier is known by its digest, which the place of its weights is no part of: the first card stands. Raises
    `RosterRefused` where one is known with its weights elsewhere.
    """
    digests = [entry.card["digest"] for entry in entries]
    known = Classifier.objects.in_bulk(digests, field_name="digest")
    for entry in entries:
        card, first = entry.card, known.get(entry.card["digest"])
        if first is not None and first.card.get("weights") != card.get("weights"):
            raise RosterRefused(
                f"{card['name']}: this classifier is known here with its weights as {first.card.get('weights')!r}, the"
                f" roster has them as {card.get('weights')!r}: name the file as it is known"
            )
    return [NewMember(add_classifier(card=entry.card), entry.weight, entry.label_map) for entry in entries]


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
