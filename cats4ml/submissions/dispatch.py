"""Outbound messages. The database is the queue of record: a message that is lost is rung again by the sweep."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable

from celery import current_app
from django.core.cache import cache
from kombu.exceptions import OperationalError

from cats4ml.catalog.models import Classifier, Image, Prediction
from cats4ml.challenges.models import Challenge
from scoring.contract import (
    MISSING_IMAGE,
    RECORD_SCORES,
    SCORE_IMAGES,
    SCORING_QUEUE,
    WEB_QUEUE,
    ImageRef,
    ScoreRequest,
    ScoreResult,
    queue_name,
)

logger = logging.getLogger(__name__)

APPLY_SCORES = "cats4ml.submissions.tasks.apply_scores"
RECOUNT_BOARD = "cats4ml.leaderboard.tasks.recount"

# One message for a chunk of images: long enough to fill a batch, short enough that a killed worker repeats little.
CHUNK = 32
BOARD_SECONDS = 1


def request_scores(challenge: Challenge, image_ids: Iterable[int]) -> None:
    """Ask for the predictions that these images still lack, and ring the recording of those that lack none."""
    assert challenge.roster is not None, "pairs exist only in an edition with a roster"
    classifiers = {one.pk: one for one in Classifier.objects.filter(rosters=challenge.roster)}
    images = Image.objects.in_bulk(list(image_ids))
    have: dict[int, set[int]] = defaultdict(set)
    for image_id, classifier_id in Prediction.objects.filter(image__in=images, classifier__in=classifiers).values_list(
        "image_id", "classifier_id"
    ):
        have[image_id].add(classifier_id)
    lacking: dict[frozenset[int], list[Image]] = defaultdict(list)
    for pk, image in images.items():
        lacking[frozenset(classifiers) - have[pk]].append(image)
    for missing, group in lacking.items():
        cards = tuple(_without_labels(classifiers[pk].card) for pk in sorted(missing))
        for start in range(0, len(group), CHUNK):
            _send_chunk(challenge, group[start : start + CHUNK], cards)


def _without_labels(card: dict[str, object]) -> dict[str, object]:
    """A card as the worker needs it: the digest covers the labels, and a thousand of them would fill every message."""
    return {name: value for name, value in card.items() if name != "labels"}


def _send_chunk(challenge: Challenge, images: list[Image], cards: tuple[dict[str, object], ...]) -> None:
    web = queue_name(WEB_QUEUE, challenge.queue)
    unknown = [image for image in images if not image.file]
    if unknown:
        results = [
            ScoreResult(image.pk, {}, MISSING_IMAGE, "The picture itself is not known here.").to_message()
            for image in unknown
        ]
        send(RECORD_SCORES, web, results=results)
    known = [image for image in images if image.file]
    if known and cards:
        refs = tuple(ImageRef(image.pk, str(image.file), image.sha256) for image in known)
        request = ScoreRequest(images=refs, classifiers=cards, reply_queue=web)
        send(SCORE_IMAGES, queue_name(SCORING_QUEUE, challenge.queue), request=request.to_message())
    elif known:
        send(APPLY_SCORES, web, images=[image.pk for image in known])


def ring_board(challenge_id: int, queue: str = "") -> None:
    """Have the board recounted, at most once a second however often this is called."""
    if cache.add(f"board-rung-{challenge_id}", 1, timeout=BOARD_SECONDS):
        send(RECOUNT_BOARD, queue_name(WEB_QUEUE, queue), countdown=BOARD_SECONDS, challenge=challenge_id)


def send(task: str, queue: str, *, countdown: float | None = None, **kwargs: object) -> None:
    """Send a task by name. A broker that can't be reached is logged: the sweep will ring again."""
    try:
        current_app.send_task(task, kwargs=kwargs, queue=queue, countdown=countdown)
    except OperationalError as error:
        logger.warning("no broker for %s: %s; the sweep will ring again", task, error)
