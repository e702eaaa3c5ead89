"""What the scoring worker answered: kept as predictions, and what it could not do said to the claimants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from cats4ml.catalog.actions import record_predictions
from cats4ml.catalog.models import Classifier, Prediction
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.moves import move_pairs
from cats4ml.submissions.actions.scores import apply_scores
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import storable
from scoring.contract import MISSING_IMAGE, QUARANTINED, UNREADABLE_IMAGE, ScoreResult, unpack

REASONS = {
    UNREADABLE_IMAGE: "The picture can’t be read.",
    MISSING_IMAGE: "The picture is missing.",
    QUARANTINED: "The picture made its scoring worker fail more than once.",
}


def record_scores(*, results: Sequence[ScoreResult], at: datetime) -> None:
    """Keep what the worker answered. The same answer twice, or one that comes late, changes nothing.

    Pictures that can't be scored make their queued pairs unscorable, with the reason; the quota is given back
    because unscorable pairs are not counted. Raises `ValueError` for an answer that is not probabilities.
    """
    digests = {digest for result in results for digest in result.probabilities}
    classifiers = {one.digest: one for one in Classifier.objects.filter(digest__in=digests)}
    record_predictions(
        Prediction(
            image_id=result.image,
            classifier=classifiers[digest],
            probabilities=_checked_probabilities(packed, classifiers[digest]),
        )
        for result in results
        for digest, packed in result.probabilities.items()
    )
    for result in results:
        if result.error:
            reason = f"{REASONS[result.error]} {result.detail}".strip()
            mark_unscorable(image_id=result.image, reason=reason, at=at)
        for digest, detail in result.failed.items():
            reason = f"A classifier gave no number for this picture. {detail}".strip()
            mark_unscorable(image_id=result.image, reason=reason, at=at, classifier=digest)
    apply_scores(image_ids=[result.image for result in results if not result.error], at=at)


def _checked_probabilities(packed: str, classifier: Classifier) -> list[float]:
    values = unpack(packed)
    if len(values) != len(classifier.outputs):
        raise ValueError(f"{classifier} has {len(classifier.outputs)} outputs, the answer {len(values)}")
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
        raise ValueError(f"{classifier} answered with something that is no probability")
    return values


def mark_unscorable(*, image_id: int, reason: str, at: datetime, classifier: str = "") -> None:
    """Make the queued pairs of a picture unscorable, with the reason that their claimants read.

    `classifier`: a digest; then only those of editions whose roster in force has that classifier.
    """
    with transaction.atomic():
        queued = Pair.objects.filter(image=image_id, state=PairState.QUEUED)
        if classifier:
            queued = queued.filter(challenge__roster__members__classifier__digest=classifier)
        pairs = list(queued.select_for_update(of=("self",), no_key=True).select_related("challenge").order_by("pk"))
        for pair in pairs:
            pair.unscorable_reason = storable(reason)[:300]
        move_pairs(pairs, PairState.UNSCORABLE, at=at, fields=["unscorable_reason"])
        for challenge in {pair.challenge for pair in pairs}:
            transaction.on_commit(partial(dispatch.ring_board, challenge.pk, challenge.queue), robust=True)
