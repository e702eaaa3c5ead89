"""A classifier's scores become figures. The same code for what lies in the database and for a release in a folder."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.db.models import F

from cats4ml.releases.models import Release, ReleasePair
from cats4ml.releases.predictions import Key, Questions, says_yes
from cats4ml.releases.rows import ROWS_AT_A_TIME
from cats4ml.rules.evaluation import BOTH, PARTS, Answered, Kind, Paired, Sheet, compare, kinds_of, truth_of
from cats4ml.rules.split import Split

COMPARED_KINDS = (Kind.ADVERSE, Kind.AGREEMENT, Kind.ALL)
TELL_EVERY = 5_000


class Case(NamedTuple):
    """One released pair: `place` from 0, `truth` None where it is ambiguous."""

    place: int
    picture: int
    label: str
    part: str
    outcome: str
    truth: bool | None
    machine_yes: bool

    def answered(self, says: bool) -> Answered:  # noqa: FBT001 - yes or no is what it is about
        assert self.truth is not None, "an ambiguous pair has no right answer"
        return Answered(self.picture, self.label, self.part, self.outcome, self.truth, says)


class Missing(Exception):
    """Why a folder can't be read as a release, in a sentence."""


def cases_of(release: Release) -> list[Case]:
    """The pairs of a release, picture by picture."""
    rows = (
        ReleasePair.objects.filter(release=release)
        .order_by("pair__image_id", "position")
        .annotate(picture=F("pair__image_id"), label=F("pair__label__key"))
        .values_list("position", "picture", "label", "split", "verdict", "outcome", "machine_yes")
    )
    return [
        Case(position - 1, picture, label, split, outcome, truth_of(verdict, outcome), machine_yes)
        for position, picture, label, split, verdict, outcome, machine_yes in rows.iterator(chunk_size=ROWS_AT_A_TIME)
    ]


def questions_of(release: Release) -> Questions:
    """What predictions are asked for."""
    rows = (
        ReleasePair.objects.filter(release=release)
        .order_by("position")
        .values_list("position", "pair__image__image_id", "pair__label__key", "split")
    )
    places: dict[Key, int] = {}
    heldout = bytearray()
    for position, image, label, split in rows.iterator(chunk_size=ROWS_AT_A_TIME):
        places[image, label] = position - 1
        heldout.append(split == Split.HELDOUT)
    return Questions(places, heldout)


def read_folder(folder: Path) -> tuple[Questions, list[Case]]:
    """A release as it lies in a folder: both parts, or the public one alone. Raises `Missing`."""
    if not (folder / "public" / "pairs.jsonl").is_file():
        raise Missing(f"{folder}: this is no release: it has no public/pairs.jsonl")
    rows: list[dict[str, Any]] = []
    for part in Split:
        path = folder / part.value / "pairs.jsonl"
        if path.is_file():
            rows += _json_lines(path)
    rows.sort(key=lambda row: row["position"])
    pictures: dict[str, int] = {}
    places: dict[Key, int] = {}
    cases = []
    for place, row in enumerate(rows):
        places[row["image_id"], row["label_id"]] = place
        picture = pictures.setdefault(row["image_id"], len(pictures))
        truth = truth_of(row["verdict"], row["outcome"])
        machine_yes = bool(row["machine_score"])
        cases.append(Case(place, picture, row["label_id"], row["split"], row["outcome"], truth, machine_yes))
    cases.sort(key=lambda case: (case.picture, case.place))
    return Questions(places, bytearray(row["split"] == Split.HELDOUT for row in rows)), cases


_NEEDED = ("position", "image_id", "label_id", "split", "verdict", "outcome", "machine_score")


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                yield {name: row[name] for name in _NEEDED}
            except (ValueError, KeyError, TypeError) as error:
                raise Missing(f"{path}, line {number:,}: this is no pair of a release ({error})") from None


@dataclass(frozen=True)
class Counted:
    """What was counted of one classifier. `results` and `by_label` are JSON; `sheet` answers further questions."""

    results: dict[str, Any]
    by_label: dict[str, Any]
    sheet: Sheet
    whole: bool


def count(
    cases: Sequence[Case],
    scores: array[float],
    *,
    threshold: float,
    whole: bool,
    progress: Callable[[int], None] | None = None,
) -> Counted:
    """Count a classifier's answers beside what people certified, and the ensemble's on the very same pairs.

    `whole`: of both parts; else only the public one is looked at. Ambiguous pairs are left out and counted, and so
    are pairs of which the classifier says nothing.
    """
    sheet, ensemble = Sheet(), Sheet(labels=False)
    ambiguous, unanswered = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0)
    for number, case in enumerate(cases, start=1):
        if progress is not None and number % TELL_EVERY == 0:
            progress(number)
        if not whole and case.part != Split.PUBLIC:
            continue
        says = says_yes(scores[case.place], threshold)
        if case.truth is None or says is None:
            left_out = ambiguous if case.truth is None else unanswered
            left_out[case.part] += 1
            left_out[BOTH] += 1
            continue
        sheet.add(case.answered(says))
        ensemble.add(case.answered(case.machine_yes))
    parts = PARTS if whole else (Split.PUBLIC.value,)
    results = {
        "ambiguous": {part: ambiguous[part] for part in parts},
        "unanswered": {part: unanswered[part] for part in parts},
        "parts": {part: sheet.figures(part) for part in parts},
        "ensemble": {part: ensemble.figures(part) for part in parts},
    }
    return Counted(results, {part: sheet.by_label(part) for part in parts}, sheet, whole)


class Versus(NamedTuple):
    """Whom a classifier is compared with."""

    key: str
    scores: array[float]
    threshold: float
    whole: bool


def compare_with(
    cases: Sequence[Case], scores: array[float], *, threshold: float, whole: bool, others: Iterable[Versus]
) -> dict[str, Any]:
    """By the others' keys, part and kind, the counts of `Paired` on the pairs that both answered; `ensemble` is one
    of them."""
    own = {case.place: says_yes(scores[case.place], threshold) for case in cases if case.truth is not None}
    machines = {case.place: case.machine_yes for case in cases}
    found = {"ensemble": _compared(cases, own, machines, whole=whole)}
    for other in others:
        says = {place: says_yes(other.scores[place], other.threshold) for place in own}
        found[other.key] = _compared(cases, own, says, whole=whole and other.whole)
    return found


def _compared(
    cases: Sequence[Case], own: Mapping[int, bool | None], other: Mapping[int, bool | None], *, whole: bool
) -> dict[str, dict[str, dict[str, Any]]]:
    rows: dict[tuple[str, Kind], list[tuple[int, bool, bool]]] = {
        (part, kind): [] for part in (PARTS if whole else PARTS[:1]) for kind in COMPARED_KINDS
    }
    for case in cases:
        first, second = own.get(case.place), other.get(case.place)
        if case.truth is None or first is None or second is None:
            continue
        row = (case.picture, first == case.truth, second == case.truth)
        for part in (case.part, BOTH):
            for kind in kinds_of(case.outcome):
                if (part, kind) in rows:
                    rows[part, kind].append(row)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (part, kind), those in rows.items():
        found.setdefault(part, {})[kind.value] = _as_json(compare(those))
    return found


def _as_json(paired: Paired) -> dict[str, Any]:
    return {**paired._asdict(), "p": float(f"{paired.p:.6g}")}
