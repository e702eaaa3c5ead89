"""What the pages about classifiers show: figures in words, and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Label
from cats4ml.releases.evaluation_shown import (
    Row,
    Section,
    board,
    by_label_shown,
    compared_shown,
    ensemble_line,
    parts_seen,
    shown,
)
from cats4ml.releases.evaluations import names_of
from cats4ml.releases.models import Evaluation, EvaluationState, Release
from cats4ml.rules.evaluation import BOTH, Kind
from cats4ml.rules.split import Split
from cats4ml.ui.plots_dots import Dot, DotPlot, make_dot_plot
from cats4ml.ui.words import Translated, figure, inside, share_text

FEW_PAIRS = 20
LABELS_SHOWN = 25
BOARD_KINDS = (Kind.ADVERSE, Kind.AGREEMENT, Kind.ALL)
FIGURES = (
    ("accuracy", gettext_lazy("Accuracy")),
    ("f1", "F1"),
    ("false_negative_rate", gettext_lazy("False negative rate")),
    ("false_positive_rate", gettext_lazy("False positive rate")),
)
PART_NAMES = {
    Split.PUBLIC.value: gettext_lazy("Public part"),
    Split.HELDOUT.value: gettext_lazy("Held-out part"),
    BOTH: gettext_lazy("Both parts"),
}
SECTION_HEADS = {
    Split.HELDOUT.value: (
        gettext_lazy("On held-out pairs"),
        gettext_lazy("Nobody but the server knows these answers. Best first."),
    ),
    Split.PUBLIC.value: (
        gettext_lazy("On the public part alone"),
        gettext_lazy("These answers are everybody’s, so that a classifier may have been trained on them. Best first."),
    ),
    BOTH: (gettext_lazy("On all pairs"), gettext_lazy("Both parts of this release are open. Best first.")),
}
KINDS = Translated(
    {
        "adverse": gettext_noop("Adverse pairs"),
        "false_negative": gettext_noop("Where the ensemble missed it"),
        "false_positive": gettext_noop("Where the ensemble saw what isn’t there"),
        "agreement": gettext_noop("Agreements"),
        "all": gettext_noop("All pairs"),
    }
)
INTERVAL_NOTE = gettext_lazy(
    "Intervals hold the truth 95 times in 100: Wilson’s, for as many pairs as the pictures are worth. F1 follows from "
    "the share of hits among all pairs where the classifier or the people say yes."
)
SELECTED_AGAINST = gettext_lazy("The set was selected against it")


@dataclass(frozen=True)
class Share:
    """A figure with its interval, for the templates; `value` None where it is a share of nothing."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def between(self) -> str:
        return (
            ""
            if self.low is None or self.high is None
            else _("%(low)s to %(high)s") % {"low": share_text(self.low), "high": share_text(self.high)}
        )


@dataclass(frozen=True)
class Line:
    """One line of a board of classifiers."""

    name: str
    by: str
    cells: tuple[Share, ...]
    note: str = ""
    uuid: str = ""
    mine: bool = False
    told: str = ""
    unlisted: bool = False


def board_context(release: Release, evaluations: Sequence[Evaluation], user: User | AnonymousUser) -> dict[str, Any]:
    sections = board(release, evaluations)
    return {
        "sections": [_section(release, one, user) for one in sections],
        "ensemble": _ensemble(release, Split.PUBLIC.value) if not sections else None,
        "unfinished": [one for one in evaluations if one.state != EvaluationState.DONE and one.by_id == user.pk],
        "unlisted": [one for one in evaluations if one.state == EvaluationState.DONE and not one.is_listed],
        "interval_note": INTERVAL_NOTE,
        "heldout_pairs": release.pairs.filter(split=Split.HELDOUT).count(),
        "pairs": release.pairs.count(),
    }


def _section(release: Release, section: Section, user: User | AnonymousUser) -> dict[str, Any]:
    part = Split.PUBLIC.value if section.stands_on == Split.HELDOUT else section.stands_on
    head, words = SECTION_HEADS[section.stands_on]
    groups = [[_line(row, section.stands_on, part, user) for row in group] for group in section.grouped]
    return {
        "id": section.stands_on,
        "head": head,
        "words": words,
        "part": inside(PART_NAMES[part]),
        "is_heldout": section.stands_on == Split.HELDOUT,
        "groups": groups,
        "ensemble": _ensemble(release, part),
    }


def _line(row: Row, stands_on: str, part: str, user: User | AnonymousUser) -> Line:
    one = row.one
    kinds = [Share(*row.accuracy(kind, part)) for kind in BOARD_KINDS]
    if stands_on == Split.HELDOUT:
        told = row.told[Kind.ADVERSE.value]
        kinds.insert(0, Share(told["value"], *told["interval"]))
    return Line(
        name=one.name,
        by=_by(one),
        cells=tuple(kinds),
        note=str(SELECTED_AGAINST) if one.in_roster else "",
        uuid=str(one.uuid),
        mine=isinstance(user, User) and one.by_id == user.pk,
        told=told_in_words(row.told.get(Kind.ADVERSE.value)) if stands_on == Split.PUBLIC else "",
    )


def _by(one: Evaluation) -> str:
    if one.source == "classifier":
        return _("run here")
    return one.by.public_name if one.by is not None else _("an operator")


def _ensemble(release: Release, part: str) -> Line:
    shares = ensemble_line(release, [part]).get(part, {})
    cells = tuple(Share(*shares.get(kind.value, (None, None, None))) for kind in BOARD_KINDS)
    return Line(_("The ensemble"), _("of this challenge"), cells, str(SELECTED_AGAINST))


def told_in_words(told: dict[str, Any] | None) -> str:
    """What is told of a kind of held-out pairs where no figure is, in a sentence; empty where one is."""
    if told is None or told["value"] is not None:
        return ""
    if told["why"] == "too_few":
        return _("There are so few such held-out pairs that any figure would give answers away.")
    if told["why"] == "used_up":
        return _("All reports about held-out pairs are used: one more could give answers away.")
    return _("Not a step better than the best before: below %(told)s.") % {"told": share_text(told["below"])}


def evaluation_context(one: Evaluation, *, release: Release, others: QuerySet[Evaluation]) -> dict[str, Any]:
    if one.state != EvaluationState.DONE:
        return {}
    freed = release.freed_at is not None
    found = shown(one, freed=freed)
    parts = parts_seen(one, freed=freed)
    main = BOTH if BOTH in parts else parts[0]
    labels = by_label_shown(one, freed=freed)[main]
    names = dict(
        Label.objects.filter(vocabulary=release.challenge.vocabulary, key__in=labels).values_list("key", "name")
    )
    return {
        "tables": [_table(part, found) for part in parts],
        "heldout": [
            {"kind": KINDS[kind], "told": told, "words": told_in_words(told)} for kind, told in found["heldout"].items()
        ],
        "compared": _compared(one, main, names_of(others), freed=freed),
        "compared_part": inside(PART_NAMES[main]),
        "label_rows": _label_rows(labels, names),
        "label_plot": _label_plot(labels, names),
        "by": _by(one),
        "interval_note": INTERVAL_NOTE,
    }


def _table(part: str, found: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for kind in Kind:
        own, machines = found["figures"][part][kind.value], found["ensemble"][part][kind.value]
        cells = [(words, Share(*own[name])) for name, words in FIGURES]
        rows.append(
            {"kind": KINDS[kind.value], "pairs": own["pairs"], "cells": cells, "ensemble": machines["accuracy"][0]}
        )
    return {
        "part": PART_NAMES[part],
        "rows": rows,
        "ambiguous": found["ambiguous"][part],
        "unanswered": found["unanswered"][part],
    }


def _compared(one: Evaluation, part: str, names: dict[str, str], *, freed: bool) -> list[dict[str, Any]]:
    rows = compared_shown(one, freed=freed, names=names)
    wanted = [row for row in rows if row["part"] == part and row["kind"] in (Kind.ADVERSE.value, Kind.ALL.value)]
    return [
        {
            **row,
            "kind": KINDS[row["kind"]],
            "apart": row["p_raised"] < 0.05,
            "ahead": row["first_pictures"] > row["second_pictures"],
            "uuid": "" if row["with"] == "ensemble" else row["with"],
        }
        for row in sorted(wanted, key=lambda row: row["kind"] != Kind.ADVERSE.value)
    ]


def _label_rows(labels: dict[str, Any], names: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for key, by_kind in labels.items():
        everything = by_kind[Kind.ALL.value]
        adverse = by_kind.get(Kind.ADVERSE.value)
        rows.append(
            {
                "name": names.get(key, key),
                "pairs": everything["pairs"],
                "adverse_pairs": adverse["pairs"] if adverse else 0,
                "adverse": Share(*adverse["accuracy"]) if adverse else Share(None, None, None),
                "cells": [(words, Share(*everything[name])) for name, words in FIGURES],
            }
        )
    return sorted(rows, key=lambda row: (-row["adverse_pairs"], row["name"]))


def _label_plot(labels: dict[str, Any], names: dict[str, str]) -> DotPlot | None:
    """The adverse accuracy of the labels with the most adverse pairs, worst first."""
    adverse = [
        (names.get(key, key), found[Kind.ADVERSE.value]) for key, found in labels.items() if Kind.ADVERSE.value in found
    ]
    most = sorted(adverse, key=lambda one: -one[1]["pairs"])[:LABELS_SHOWN]
    dots = [
        Dot(
            name=name,
            value=figures["accuracy"][0],
            low=figures["accuracy"][1],
            high=figures["accuracy"][2],
            weak=figures["pairs"] < FEW_PAIRS,
            cells=(figure(figures["pairs"]),),
        )
        for name, figures in sorted(most, key=lambda one: (one[1]["accuracy"][0], one[0]))
    ]
    return make_dot_plot(dots, title=_("Accuracy on adverse pairs by label"), columns=(_("Adverse pairs"),))
