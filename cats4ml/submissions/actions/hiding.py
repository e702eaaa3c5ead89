"""Claims of a picture that is taken down."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Takedown
from cats4ml.challenges.hiding import editions_with
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.adjudication import answer_disputes
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.models import BasketItem, DisputeState, Pair, UploadRow

# Stored, for claimants of any language: not translated.
TAKEN_DOWN = "Its picture was taken down."
VERDICT_STANDS = "The picture was taken down, so that nobody can look at it again. What was settled stands."


def forget_picture(takedown: Takedown) -> int:
    """Take the picture out of every basket, and its id out of the files of claims that were uploaded. The caller has
    the transaction in which it is hidden. Returns how many baskets had it."""
    _rename_rows(takedown, takedown.former_id, takedown.image.image_id)
    return BasketItem.objects.filter(image=takedown.image_id).delete()[0]


def name_picture_again(takedown: Takedown, placeholder: str) -> None:
    """Put the id back into files of claims."""
    _rename_rows(takedown, placeholder, takedown.former_id)


def _rename_rows(takedown: Takedown, before: str, now: str) -> None:
    editions = editions_with(takedown.image)
    rows = UploadRow.objects.filter(upload__participation__challenge__in=editions.values("pk"), image_id=before)
    rows.update(image_id=now)


def close_settled_pair(*, pair_id: int, by: User | None, at: datetime) -> Pair:
    """What was settled about the picture stands, and so does its credit: nobody who found it did anything wrong. Open
    disputes are answered so, and no page shows the pair as an example. Twice is once."""
    with transaction.atomic():
        pair = lock_pair(pair_id)
        if pair.state == PairState.SETTLED:
            answer_disputes(pair, DisputeState.DECLINED, answer=VERDICT_STANDS, by=by, at=at)
            if pair.is_example:
                pair.is_example = False
                pair.save(update_fields=["is_example"])
    return pair
