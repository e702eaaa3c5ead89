"""What may be seen of an evaluation: all of the public part, and of the held-out part only what was told.

Pages, API and commands take their figures from here and from nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from cats4ml.releases.models import Evaluation, EvaluationState, Release
from cats4ml.rules.evaluation import BOTH, PARTS, Kind, groups_of, holm, interval_of
from cats4ml.rules.split import Split
from cats4ml.rules.verdicts import ADVERSE, Outcome

ENSEMBLE = "ensemble"
APART_P = 0.05
# Levels of two shares, each told to within a step of two standard errors, that differ by more than chance and steps do.
APART_LEVELS = 3
TOLD = ("pairs", "step", "value", "interval", "below", "why")


def parts_seen(one: Evaluation, *, freed: bool) -> list[str]:
    """The parts of which every figure may be seen: the public one, and once the rest is freed all that were counted.
    None of an evaluation that is still being counted."""
    return [part for part in PARTS if part in one.results.get("parts", {}) and (freed or part == Split.PUBLIC)]


def shown(one: Evaluation, *, freed: bool) -> dict[str, Any]:
    """The figures of a finished evaluation, by part and kind, and the ensemble's on the same pairs.

    `heldout`: what is told of the held-out part as long as it is held out, by kind; empty where it was not answered.
    """
    parts = parts_seen(one, freed=freed)
    results = one.results
    told = {} if freed else results.get("told", {})
    return {
        "figures": {part: results["parts"][part] for part in parts},
        "ensemble": {part: results["ensemble"][part] for part in parts},
        "heldout": {kind: {name: of_kind[name] for name in TOLD} for kind, of_kind in told.items()},
        "ambiguous": {part: results["ambiguous"][part] for part in parts},
        "unanswered": {part: results["unanswered"][part] for part in parts},
    }


def by_label_shown(one: Evaluation, *, freed: bool) -> dict[str, Any]:
    """By part, label and kind, the same figures."""
    return {part: one.by_label[part] for part in parts_seen(one, freed=freed)}


def compared_shown(one: Evaluation, *, freed: bool, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The comparisons with the ensemble and with the classifiers in `names` (by uuid), by part and kind.

    `p_raised` allows for how many comparisons there are of the part and kind (Holm).
    """
    known = {ENSEMBLE: _("The ensemble"), **names}
    rows = [
        {"with": key, "name": known[key], "part": part, "kind": kind, **counts}
        for key, by_part in one.results.get("compared", {}).items()
        if key in known
        for part in parts_seen(one, freed=freed)
        if part in by_part
        for kind, counts in by_part[part].items()
    ]
    for part, kind in {(row["part"], row["kind"]) for row in rows}:
        family = [row for row in rows if (row["part"], row["kind"]) == (part, kind)]
        for row, raised in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_raised"] = raised
    return rows


@dataclass
class Row:
    """A line of the board of classifiers. `main`: the adverse accuracy by which it stands, as [value, low, high]."""

    one: Evaluation
    figures: dict[str, Any]
    freed: bool
    group: int = 0

    @cached_property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = self.figures["heldout"]
        return found

    @property
    def level(self) -> int | None:
        told = self.one.results.get("told", {}).get(Kind.ADVERSE.value)
        return None if self.freed or told is None else told["level"]

    def accuracy(self, kind: Kind, part: str) -> list[float | None]:
        found = self.figures["figures"].get(part)
        return [None, None, None] if found is None else found[kind.value]["accuracy"]

    def of_part(self, part: str) -> dict[str, list[float | None]]:
        return {kind.value: self.accuracy(kind, part) for kind in (Kind.ADVERSE, Kind.AGREEMENT, Kind.ALL)}


@dataclass(frozen=True)
class Section:
    """Rows that stand on the same pairs, best first: `heldout` as told, `both` once freed, or the `public` part."""

    stands_on: str
    rows: tuple[Row, ...]

    @property
    def grouped(self) -> list[list[Row]]:
        found: dict[int, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.group, []).append(row)
        return list(found.values())


def board(release: Release, evaluations: Iterable[Evaluation]) -> list[Section]:
    """The finished and listed ones of these evaluations, in sections of the same pairs, best first, in groups that can
    be told apart."""
    freed = release.freed_at is not None
    done = [one for one in evaluations if one.state == EvaluationState.DONE and one.is_listed]
    rows = [Row(one, shown(one, freed=freed), freed) for one in done]
    first: dict[str, list[Row]] = {BOTH: [], Split.HELDOUT.value: [], Split.PUBLIC.value: []}
    for row in rows:
        if freed and row.accuracy(Kind.ADVERSE, BOTH)[0] is not None:
            first[BOTH].append(row)
        elif row.level is not None:
            first[Split.HELDOUT.value].append(row)
        else:
            first[Split.PUBLIC.value].append(row)
    return [_section(stands_on, found) for stands_on, found in first.items() if found]


def _section(stands_on: str, rows: Sequence[Row]) -> Section:
    part = Split.PUBLIC.value if stands_on == Split.HELDOUT else stands_on

    def height(row: Row) -> tuple[float, float, int]:
        return (
            -float(row.level or 0) if stands_on == Split.HELDOUT else 0.0,
            -(row.accuracy(Kind.ADVERSE, part)[0] or 0.0),
            row.one.pk,
        )

    ordered = sorted(rows, key=height)
    apart = _apart_by_level(ordered) if stands_on == Split.HELDOUT else _apart_by_pairs(ordered, part)
    for row, group in zip(ordered, groups_of(len(ordered), apart), strict=True):
        row.group = group
    return Section(stands_on, tuple(ordered))


def _apart_by_level(rows: Sequence[Row]) -> list[tuple[int, int]]:
    return [
        (better, worse)
        for better, worse in combinations(range(len(rows)), 2)
        if (rows[better].level or 0) - (rows[worse].level or 0) >= APART_LEVELS
    ]


def _apart_by_pairs(rows: Sequence[Row], part: str) -> list[tuple[int, int]]:
    """By the exact test on the pairs that both answered, raised for the number of all these comparisons."""
    places = list(combinations(range(len(rows)), 2))
    values = [_p(rows[better].one, rows[worse].one, part) for better, worse in places]
    return [place for place, raised in zip(places, holm(values), strict=True) if raised < APART_P]


def _p(first: Evaluation, second: Evaluation, part: str) -> float:
    later, earlier = (first, second) if first.pk > second.pk else (second, first)
    compared = later.results.get("compared", {}).get(str(earlier.uuid), {}).get(part)
    return 1.0 if compared is None else float(compared[Kind.ADVERSE.value]["p"])


def ensemble_line(release: Release, parts: Collection[str]) -> dict[str, dict[str, list[float]]]:
    """The ensemble's accuracy by part and kind: nothing of what is adverse, all of what is an agreement. That is what
    these words mean. Parts or kinds without pairs are left out."""
    found: dict[str, dict[str, list[float]]] = {}
    counts: dict[str, dict[Kind, int]] = {part: dict.fromkeys(Kind, 0) for part in parts}
    rows = release.pairs.order_by().values_list("split", "outcome").annotate(number=Count("pk"))
    for split, outcome, number in rows:
        for part in {split, BOTH} & set(parts):
            if outcome in ADVERSE:
                counts[part][Kind.ADVERSE] += number
            elif outcome == Outcome.AGREEMENT:
                counts[part][Kind.AGREEMENT] += number
    for part, by_kind in counts.items():
        right = {Kind.ADVERSE: 0, Kind.AGREEMENT: by_kind[Kind.AGREEMENT], Kind.ALL: by_kind[Kind.AGREEMENT]}
        by_kind[Kind.ALL] = by_kind[Kind.ADVERSE] + by_kind[Kind.AGREEMENT]
        found[part] = {
            kind.value: [right[kind] / by_kind[kind], *interval_of(right[kind] / by_kind[kind], by_kind[kind])]
            for kind in right
            if by_kind[kind]
        }
    return found
