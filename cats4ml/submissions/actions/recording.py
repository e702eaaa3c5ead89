"""What the scoring worker answered: kept in the catalogue, and what it could not do said to the claimants."""

from __future__ import annotations

import base64
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import F
from numpy.typing import NDArray

from cats4ml.catalog.arrays import ArrayRow
from cats4ml.catalog.models import Classifier, Embedding, Prediction
from cats4ml.catalog.recording import (
    NewFailure,
    record_embeddings,
    record_failures,
    record_hashes,
    record_predictions,
    signed_hash,
)
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.rosters import speakers_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.awarding import free_near_copies, lock_with_near_copies
from cats4ml.submissions.actions.moves import move_pairs
from cats4ml.submissions.actions.scores import apply_scores
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import storable
from scoring.contract import MISSING_IMAGE, QUARANTINED, UNREADABLE_IMAGE, ScoreResult

logger = logging.getLogger(__name__)

REASONS = {
    UNREADABLE_IMAGE: "The picture can’t be read.",
    MISSING_IMAGE: "The picture is missing.",
    QUARANTINED: "The picture made its scoring worker fail more than once.",
}
# The reason kept for a classifier that gave no number, beside the contract's errors of whole pictures.
CLASSIFIER_FAILED = "classifier_failed"
# Float32 sums and sigmoids end up this far outside [0, 1].
ROUNDING = 1e-6
# An embedding's length in float16 differs from 1 by less than this.
LENGTH_TOLERANCE = 0.02


def record_scores(*, results: Sequence[ScoreResult], at: datetime) -> None:
    """Keep what the worker answered. The same answer twice, or one that comes late, changes nothing.

    Pictures that can't be scored make their queued pairs unscorable, with the reason; the quota is given back
    because unscorable pairs are not counted. Raises `ValueError` for an answer that is not probabilities.
    """
    classifiers = _classifiers(results)
    predictions = list(_predictions(results, classifiers))
    embeddings = list(_embeddings(results, classifiers))
    results = _without_late_failures(results)
    with transaction.atomic():
        record_predictions(predictions, at=at)
        record_embeddings(embeddings, at=at)
        record_hashes({one.image: signed_hash(one.perceptual_hash) for one in results if one.perceptual_hash})
        answered = {(row.image, row.classifier) for row in (*predictions, *embeddings)}
        record_failures(_failures(results, classifiers), answered=answered, at=at)
    for result in results:
        if result.error:
            reason = f"{REASONS[result.error]} {result.detail}".strip()
            mark_unscorable(image_id=result.image, reason=reason, at=at)
        for digest, detail in result.failed.items():
            reason = f"A classifier gave no number for this picture. {detail}".strip()
            mark_unscorable(image_id=result.image, reason=reason, at=at, classifier=digest)
    apply_scores(image_ids=[result.image for result in results if not result.error], at=at)


def _classifiers(results: Sequence[ScoreResult]) -> dict[str, Classifier]:
    """By digest, with the number of outputs in `length`: their thousand keys stay in the database."""
    digests = {digest for one in results for digest in (*one.probabilities, *one.embeddings, *one.failed)}
    rows = Classifier.objects.filter(digest__in=digests).only("digest", "name").annotate(length=F("outputs__len"))
    return {one.digest: one for one in rows}


def _predictions(results: Sequence[ScoreResult], classifiers: Mapping[str, Classifier]) -> Iterator[ArrayRow]:
    for result in results:
        for digest, packed in result.probabilities.items():
            one = classifiers[digest]
            yield ArrayRow(result.image, one.pk, _checked_probabilities(packed, one))


def _checked_probabilities(packed: str, classifier: Classifier) -> NDArray[np.float32]:
    """The probabilities (outputs,), float32. Raises `ValueError` for anything that is none."""
    values = np.frombuffer(base64.b64decode(packed, validate=True), "<f4")
    length = classifier.length  # type: ignore[attr-defined]  # annotated by `_classifiers`
    if len(values) != length:
        raise ValueError(f"{classifier} has {length} outputs, the answer {len(values)}")
    if not np.all((values >= -ROUNDING) & (values <= 1 + ROUNDING)):
        raise ValueError(f"{classifier} answered with something that is no probability")
    return values.clip(0, 1)


def _embeddings(results: Sequence[ScoreResult], classifiers: Mapping[str, Classifier]) -> Iterator[ArrayRow]:
    """The embeddings that are of use. One that isn't is left out: no score depends on it."""
    for result in results:
        for digest, packed in result.embeddings.items():
            vector = np.frombuffer(base64.b64decode(packed, validate=True), "<f2")
            length = float(np.linalg.norm(vector.astype(np.float32)))
            if abs(length - 1) < LENGTH_TOLERANCE:
                yield ArrayRow(result.image, classifiers[digest].pk, vector)
            else:
                logger.warning("picture %d: an embedding of length %g is left out", result.image, length)


def _without_late_failures(results: Sequence[ScoreResult]) -> Sequence[ScoreResult]:
    """The answers without failures of classifiers whose number is here: one that was asked twice may fail once."""
    failed = {one.image: one.failed for one in results if one.failed}
    if not failed:
        return results
    digests = {digest for of_one in failed.values() for digest in of_one}
    predicted = Prediction.objects.filter(image__in=failed, classifier__digest__in=digests)
    embedded = Embedding.objects.filter(image__in=failed, classifier__digest__in=digests)
    there = {pair for rows in (predicted, embedded) for pair in rows.values_list("image_id", "classifier__digest")}
    return [
        replace(one, failed={key: why for key, why in one.failed.items() if (one.image, key) not in there})
        for one in results
    ]


def _failures(results: Sequence[ScoreResult], classifiers: Mapping[str, Classifier]) -> Iterator[NewFailure]:
    for result in results:
        if result.error:
            yield NewFailure(result.image, None, result.error, storable(result.detail))
        for digest, detail in result.failed.items():
            yield NewFailure(result.image, classifiers[digest].pk, CLASSIFIER_FAILED, storable(detail))


def mark_unscorable(*, image_id: int, reason: str, at: datetime, classifier: str = "") -> None:
    """Make the queued pairs of a picture unscorable, with the reason that their claimants read.

    `classifier`: a digest; then only those of editions whose roster in force has that classifier, and whose label it
    knows. A near-copy that was claimed after such a pair and settled meanwhile earns what it would have without it.
    """
    with transaction.atomic():
        queued = Pair.objects.filter(image=image_id, state=PairState.QUEUED)
        if classifier:
            queued = queued.filter(challenge__roster__members__classifier__digest=classifier)
        locked = [pair.pk for pair in lock_with_near_copies(queued)]
        pairs = list(queued.filter(pk__in=locked).select_related("challenge", "label").order_by("pk"))
        if classifier and pairs:
            pairs = _judged_by(classifier, pairs)
        for pair in pairs:
            pair.unscorable_reason = storable(reason)[:300]
        move_pairs(pairs, PairState.UNSCORABLE, at=at, fields=["unscorable_reason"])
        free_near_copies(pairs=pairs, at=at)
        for challenge in {pair.challenge for pair in pairs}:
            dispatch.after_commit(dispatch.ring_board, challenge.pk, challenge.queue)


def _judged_by(digest: str, pairs: Sequence[Pair]) -> list[Pair]:
    """Those of the pairs whose label this classifier knows, by the roster in force."""
    pk = Classifier.objects.values_list("pk", flat=True).get(digest=digest)
    by_challenge: dict[Challenge, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_challenge[pair.challenge].append(pair)
    judged = []
    for challenge, group in by_challenge.items():
        assert challenge.roster_id is not None, "pairs exist only in an edition with a roster"
        speakers = speakers_of(challenge.roster_id, {pair.label.key for pair in group})
        judged += [pair for pair in group if any(one.classifier == pk for one in speakers[pair.label.key])]
    return judged
