"""An edition's target labels as an organiser chooses them, while it is a draft."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Label
from cats4ml.challenges.actions import add_target_labels
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Challenge, TargetLabel
from cats4ml.challenges.pools import PoolRefused, find_labels, locked_draft, remove_target_label
from cats4ml.challenges.queries import target_labels
from cats4ml.ui.words import figure

MOST_AT_ONCE = 2_000
MOST_FOUND = 30
SHOWN = 5


def names_in(text: str) -> list[str]:
    """The ids or names of a pasted list: one a line, or parted by semicolons or tabs. Names may have commas."""
    return [one for one in (part.strip() for part in re.split(r"[\n;\t]", text)) if one]


def search_labels(*, challenge: Challenge, text: str) -> list[Label]:
    """Labels of the edition's vocabulary that are no targets yet, by a part of the name or by the id."""
    wanted = text.strip()
    if not wanted or "\0" in wanted:
        return []
    labels = Label.objects.filter(vocabulary=challenge.vocabulary).filter(Q(name__icontains=wanted) | Q(key=wanted))
    taken = challenge.target_labels.values("label")
    return list(labels.exclude(pk__in=taken).order_by("name", "key")[:MOST_FOUND])


def add_labels_by_name(*, challenge: Challenge, wanted: Sequence[str], by: User | None, at: datetime) -> list[Label]:
    """Make the labels of these ids or names targets, all or none; those that weren't yet are returned.

    Raises `PoolRefused` for an edition that has left the draft, an unknown label, and a name that several labels have,
    with their ids.
    """
    if not wanted:
        raise PoolRefused(_("no label is named: write an id or a name on each line"))
    if len(wanted) > MOST_AT_ONCE:
        raise PoolRefused(
            _("%(wanted)s labels are too many at once: add up to %(most_at_once)s at a time")
            % {"wanted": figure(len(wanted)), "most_at_once": figure(MOST_AT_ONCE)}
        )
    with transaction.atomic():
        current = locked_draft(challenge)
        there = set(current.target_labels.values_list("label", flat=True))
        new = [one for one in find_labels(vocabulary=current.vocabulary, wanted=wanted) if one.pk not in there]
        if new:
            add_target_labels(challenge=current, labels=new)
            _record(current, f"Added {_listed(new)}", {"added": [one.key for one in new]}, by, at)
    return new


def take_label_off(*, challenge: Challenge, key: str, by: User | None, at: datetime) -> bool:
    """Take a label off the targets, whatever pictures were drawn for it. Whether it was one. Raises `PoolRefused`."""
    with transaction.atomic():
        current = locked_draft(challenge)
        if not current.target_labels.filter(label__key=key).exists():
            return False
        label = remove_target_label(challenge=current, wanted=key)
        _record(current, f"Took {_listed([label])} off the target labels", {"removed": [key]}, by, at)
    return True


def move_label(*, challenge: Challenge, key: str, up: bool, by: User | None, at: datetime) -> bool:
    """Move a label one place up or down in the order in which labels are listed. Whether it moved."""
    with transaction.atomic():
        current = locked_draft(challenge)
        order = list(target_labels(current))
        place = next((place for place, one in enumerate(order) if one.label.key == key), None)
        other = None if place is None else place + (-1 if up else 1)
        if place is None or other is None or not 0 <= other < len(order):
            return False
        order[place], order[other] = order[other], order[place]
        for position, one in enumerate(order):
            one.position = position
        TargetLabel.objects.bulk_update(order, ["position"])
        details = {"order": [one.label.key for one in order]}
        _record(current, f"Moved {_listed([order[other].label])} {'up' if up else 'down'}", details, by, at)
    return True


def _listed(labels: Sequence[Label]) -> str:
    shown = ", ".join(label.name[:40] for label in labels[:SHOWN])
    more = f" and {len(labels) - SHOWN:,} more" if len(labels) > SHOWN else ""
    return f"the label{'' if len(labels) == 1 else 's'} {shown}{more}"


def _record(challenge: Challenge, summary: str, details: dict[str, list[str]], by: User | None, at: datetime) -> None:
    record_act(challenge=challenge, kind=ActKind.EDITED, summary=summary, by=by, at=at, details=details)
