"""What raters have of a picture that is taken down: pairs, control questions, leases."""

from __future__ import annotations

from datetime import datetime

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image
from cats4ml.review.actions.controls import retire_control
from cats4ml.review.actions.leasing import close_leases_of_image
from cats4ml.review.actions.withdrawing import restore_pair, withdraw_pair
from cats4ml.review.models import ControlQuestion
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.hiding import TAKEN_DOWN, close_settled_pair
from cats4ml.submissions.actions.withdrawing import WithdrawalRefused
from cats4ml.submissions.models import Pair


def retire_controls_of(*, image: Image, by: User | None, at: datetime) -> int:
    """Ask no control question about the picture any more, in any edition. Twice is once. Returns how many there
    were."""
    found = ControlQuestion.objects.filter(image=image, retired_at=None).select_related("challenge", "label", "image")
    return len([retire_control(control=one, by=by, at=at) for one in found.order_by("pk")])


def close_pairs_of(*, image: Image, by: User | None, at: datetime) -> int:
    """Take the pairs of a hidden picture out that aren't settled, and let those stand that are; raters who hold one are
    asked something else, and nothing is held against them. Each in a transaction of its own. Twice is once. Returns how
    many were taken out."""
    taken_out = 0
    for pk, state, final in _pairs_of(image):
        if state == PairState.SETTLED:
            close_settled_pair(pair_id=pk, by=by, at=at)
        elif not final:
            withdraw_pair(pair_id=pk, reason=TAKEN_DOWN, by=by, at=at)
            taken_out += 1
    close_leases_of_image(image.pk, at=at)
    return taken_out


def _pairs_of(image: Image) -> list[tuple[int, str, bool]]:
    """Those about which there is something to do, in the order of their ids."""
    rows = Pair.objects.filter(image=image, withdrawn_reason="").select_related("challenge").order_by("pk")
    return [(one.pk, str(one.state), one.challenge.is_final) for one in rows]


def reopen_pairs_of(*, image: Image, reason: str, by: User | None, at: datetime) -> int:
    """Put the pairs back that were taken out with their picture, once it is shown again. Those of a final edition stay
    as they are. Returns how many."""
    rows = Pair.objects.filter(image=image, withdrawn_reason=TAKEN_DOWN).order_by("pk")
    back = 0
    for pk in list(rows.values_list("pk", flat=True)):
        try:
            restore_pair(pair_id=pk, reason=reason, by=by, at=at)
        except WithdrawalRefused:
            continue
        back += 1
    return back
