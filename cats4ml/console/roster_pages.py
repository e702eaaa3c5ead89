"""What the pages about classifiers show, made ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, RosterMember, RosterVersion
from cats4ml.challenges.rosters import coverage, members_of, needed_classifiers
from cats4ml.submissions.transfer import Transfer, transfer
from cats4ml.ui.words import count_in_words, counted, short_decimal, written


@dataclass(frozen=True)
class ClassifierCard:
    """A classifier of a roster, with the facts of its card that organisers ask for; `facts` are names and texts."""

    name: str
    digest: str
    share: float
    facts: tuple[tuple[str, str], ...]
    transfer: Transfer


@dataclass(frozen=True)
class LabelRow:
    """A target label: for each classifier, in the roster's order, its name and whether it knows the label."""

    label: Label
    cells: tuple[tuple[str, bool], ...]
    problem: str


def classifier_cards(challenge: Challenge, roster: RosterVersion) -> list[ClassifierCard]:
    """The roster's classifiers in their order, each with its share of the mean and how far finds transfer to it."""
    members = list(members_of(roster))
    whole = sum(member.weight for member in members)
    found = transfer(challenge, roster)
    return [
        ClassifierCard(
            name=member.classifier.name,
            digest=member.classifier.digest,
            share=member.weight / whole,
            facts=tuple(_facts(member)),
            transfer=found[member.classifier_id],
        )
        for member in members
    ]


def _facts(member: RosterMember) -> Iterator[tuple[str, str]]:
    card = member.classifier.card
    architecture = card.get("architecture") or card.get("endpoint")
    yield _("Family"), " ".join(str(part) for part in (card.get("family"), architecture) if part) or _("not said")
    mapped = (" " + _("by a table of labels")) if member.label_map is not None else ""
    yield _("Labels"), f"{member.classifier.vocabulary}{mapped}"
    yield _("Calibration"), _calibration(card.get("calibration"))
    for title, key in ((_("Source"), "source"), (_("Licence"), "licence")):
        yield title, str(card.get(key) or _("not said"))
    measured = list(flattened(card.get("quality") or {}))
    if not measured:
        yield _("Measured quality"), _("not said")
    yield from ((_("Measured: %(name)s") % {"name": name}, text) for name, text in measured)


def _calibration(table: Mapping[str, Any] | None) -> str:
    if not table:
        return _("none")
    if table.get("method") == "temperature":
        return _("temperature %(value)s") % {"value": short_decimal(table["temperature"])}
    return str(table.get("method") or _("none"))


def flattened(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """The figures of a card's table by their names, those of tables in it behind the table's name."""
    for key, value in table.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name}, ")
        elif isinstance(value, float):
            yield name, written(f"{value:.4g}")
        elif isinstance(value, (list, tuple)):
            yield name, counted(len(value), "%(n)s value", "%(n)s values")
        else:
            yield name, str(value)


def label_rows(challenge: Challenge, roster: RosterVersion | None) -> list[LabelRow]:
    """Every target label with who knows it, those that can't be scored first."""
    members: Sequence[RosterMember] = list(members_of(roster)) if roster is not None else []
    needed = count_in_words(needed_classifiers(challenge))
    rows = []
    for one in coverage(challenge, roster):
        cells = tuple((member.classifier.name, member.classifier_id in one.classifiers) for member in members)
        knowing = len(one.classifiers)
        problem = (
            _("Can’t be scored: only %(knowing)s of %(needed)s needed.")
            if knowing
            else _("Can’t be scored: nobody knows it.")
        )
        problem = "" if one.enough else problem % {"knowing": count_in_words(knowing), "needed": needed}
        rows.append(LabelRow(one.label, cells, problem))
    return sorted(rows, key=lambda row: not row.problem)
