"""Taking an expert's decision back where the raters' answers, or the policy they are read by, are others since."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.review.actions.settling import resettle
from cats4ml.review.queue import refresh
from cats4ml.submissions.actions.adjudication import take_back_adjudication
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.models import Pair


def take_back_decision(*, pair_id: int, reason: str, by: User, at: datetime) -> Pair:
    """`take_back_adjudication`; then the raters' verdict is read again where it was read by another rule than that of
    the policy which the pair ended by, or from answers that don't count any more (`resettle`). Where those left are not
    enough the pair goes back to review.
    """
    with transaction.atomic():
        take_back_adjudication(pair_id=pair_id, reason=reason, by=by, at=at)
        pair = lock_pair(pair_id)
        resettle(pair, reason=f"An expert’s decision was taken back: {reason.strip()}", by=by, at=at)
        refresh(pair, at=at)
    return pair
