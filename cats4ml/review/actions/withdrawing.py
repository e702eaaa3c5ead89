"""Taking a pair out of an edition and putting it back, with what raters hold of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.review.actions.leasing import close_leases_of
from cats4ml.review.actions.queueing import mend
from cats4ml.review.queue import refresh
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions import withdrawing
from cats4ml.submissions.actions.scores import apply_scores
from cats4ml.submissions.models import Pair


def withdraw_pair(*, pair_id: int, reason: str, by: User | None, at: datetime) -> Pair:
    """`submissions.actions.withdrawing.withdraw_pair`; the pair leaves the queue, and raters who hold it are asked
    something else."""
    with transaction.atomic():
        pair = withdrawing.withdraw_pair(pair_id=pair_id, reason=reason, by=by, at=at)
        refresh(pair, at=at)
        close_leases_of(pair_id, at=at)
    return pair


def restore_pair(*, pair_id: int, reason: str, by: User | None, at: datetime) -> Pair:
    """`submissions.actions.withdrawing.restore_pair`; where its score is at hand it is scored at once, and settled
    where its answers are enough by the policy in force."""
    pair = withdrawing.restore_pair(pair_id=pair_id, reason=reason, by=by, at=at)
    if pair.state == PairState.QUEUED:
        # Each in a transaction of its own, for rosters are locked before pairs.
        apply_scores(image_ids=[pair.image_id], at=at)
        mend(pair_id, at=at)
    pair.refresh_from_db()
    return pair
