"""What a participant puts aside, and claims all at once. Nothing in a basket is claimed or charged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.catalog.hiding import hold_pictures
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import Participation
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.basket_queries import basket_items, basket_rows
from cats4ml.submissions.models import BasketItem
from cats4ml.submissions.problems import MAX_RATIONALE
from cats4ml.submissions.queries import CheckedRow, LabelIndex, storable
from cats4ml.ui.words import figure

MOST_ITEMS = 1_000


class BasketRefused(Exception):
    """Why something can't lie in the basket, in a sentence that says what to do."""


class Change(NamedTuple):
    """What an item is to be: `label` is a target label's id or name, '' for none yet."""

    label: str
    rationale: str


def _lock(participation: Participation) -> None:
    """Of one person's requests one at a time looks at the basket and changes it; submitting takes the same lock."""
    Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=participation.pk)


def _label(labels: LabelIndex, text: str) -> Label | None:
    if not text.strip():
        return None
    label, problem, detail = labels.find(text.strip())
    if problem is not None:
        raise BasketRefused(" ".join(f"{problem.label}. {detail} {problem.remedy}".split()))
    return label


def put_in_basket(*, participation: Participation, image: Image, label: str, at: datetime) -> BasketItem:
    """Put a target image aside, with a target label given by id or name, or '' for none yet. Twice is once.

    A picture that lies there without a label gets this one. Raises `BasketRefused` for a picture out of the pool, for
    what is no target label, and where the basket is full.
    """
    chosen = _label(LabelIndex(participation.challenge), label)
    with transaction.atomic():
        _lock(participation)
        hold_pictures([image.pk])
        if not shown_pool(participation.challenge).filter(image=image).exists():
            raise BasketRefused(_("This picture is not in the pool any more. Choose another one."))
        items = BasketItem.objects.filter(participation=participation)
        of_picture = {item.label_id: item for item in items.filter(image=image)}
        wanted = chosen.pk if chosen else None
        if wanted in of_picture or (wanted is None and of_picture):
            return of_picture.get(wanted) or next(iter(of_picture.values()))
        if None in of_picture:
            item = of_picture[None]
            item.label = chosen
            item.save(update_fields=["label"])
            return item
        if items.count() >= MOST_ITEMS:
            raise BasketRefused(
                _("Your basket is full: it holds %(most_items)s pictures. Submit it, or take some out, then go on.")
                % {"most_items": figure(MOST_ITEMS)}
            )
        return BasketItem.objects.create(participation=participation, image=image, label=chosen, created_at=at)


def change_items(*, participation: Participation, changes: Mapping[int, Change]) -> None:
    """Give items of the basket these labels and rationales, all of them or none. Ids that aren't there are left out.

    Raises `BasketRefused` for what is no target label, for a long rationale, and for a picture that would lie there
    twice with one label.
    """
    labels = LabelIndex(participation.challenge)
    with transaction.atomic():
        _lock(participation)
        mine = BasketItem.objects.filter(participation=participation)
        hold_pictures(list(mine.values_list("image_id", flat=True)))
        items = list(mine.select_related("label", "image"))
        changed = [item for item in items if item.pk in changes and _change(item, changes[item.pk], labels)]
        _check_distinct(items)
        # First out of each other's way: two items of a picture may change their labels with one another.
        BasketItem.objects.filter(pk__in=[item.pk for item in changed]).delete()
        BasketItem.objects.bulk_create(changed)


def _change(item: BasketItem, change: Change, labels: LabelIndex) -> bool:
    """Set the item's label and rationale; whether that changes anything."""
    before = item.label_id, item.rationale
    item.label = _label(labels, change.label)
    item.rationale = storable(change.rationale.strip())
    if len(item.rationale) > MAX_RATIONALE:
        raise BasketRefused(
            _("The rationale of picture %(image)s is too long. Shorten it to %(max_rationale)s characters.")
            % {"image": item.image, "max_rationale": figure(MAX_RATIONALE)}
        )
    return before != (item.label_id, item.rationale)


def _check_distinct(items: Sequence[BasketItem]) -> None:
    there = Counter((item.image_id, item.label_id) for item in items)
    for item in items:
        if there[item.image_id, item.label_id] > 1:
            twice = _("Picture %(image)s is in the basket twice without a label. Take one of them out.")
            if item.label:
                twice = _("Picture %(image)s is in the basket twice as %(label)s. Take one of them out.")
            raise BasketRefused(twice % {"image": item.image, "label": item.label.name if item.label else ""})


def remove_item(*, participation: Participation, item_id: int) -> None:
    """Take one item out of the basket. What isn't there, or is somebody else's, is left as it is."""
    with transaction.atomic():
        _lock(participation)
        BasketItem.objects.filter(participation=participation, pk=item_id).delete()


def clear_basket(*, participation: Participation) -> None:
    with transaction.atomic():
        _lock(participation)
        BasketItem.objects.filter(participation=participation).delete()


def submit_basket(
    *, participation: Participation, at: datetime, changes: Mapping[int, Change] | None = None
) -> list[CheckedRow]:
    """Claim everything in the basket that has no problem, and take that out. The rest stays, each with its problem.

    `changes` are made first. The `line` of a row is the item's id. A second call finds only what was refused. Raises
    `ClaimRefused` where this person may claim nothing now, and `BasketRefused` for changes that can't be made.
    """
    with transaction.atomic():
        _lock(participation)
        if changes:
            change_items(participation=participation, changes=changes)
        rows = basket_rows(basket_items(participation))
        checked = submit_pairs(participation=participation, rows=rows, at=at) if rows else []
        accepted = [row.row.line for row in checked if row.problem is None]
        BasketItem.objects.filter(participation=participation, pk__in=accepted).delete()
    return checked
