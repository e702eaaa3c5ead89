"""Outbound messages. The database is the queue of record: a message that is lost is rung again by the sweep."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from kombu.exceptions import ChannelError, OperationalError

from cats4ml.catalog.models import JOINT, Classifier, Embedding, Image, Prediction
from cats4ml.challenges.models import Challenge, RosterVersion
from scoring.contract import (
    BULK,
    EMBED_TEXT,
    INTERACTIVE,
    MISSING_IMAGE,
    RECORD_SCORES,
    SCORE_IMAGES,
    SCORING_QUEUE,
    WEB_QUEUE,
    ImageRef,
    ScoreRequest,
    ScoreResult,
    TextRequest,
    queue_name,
)

logger = logging.getLogger(__name__)

APPLY_SCORES = "cats4ml.submissions.tasks.apply_scores"
RECOUNT_BOARD = "cats4ml.leaderboard.tasks.recount"

# One message for a chunk of images: long enough to fill a batch, short enough that a killed worker repeats little.
CHUNK = 32
# So few pictures are one act of somebody who waits for them; more are a file.
FEW = 8
FAMILIES_WITH_FEATURES = ("torchvision", "builtin", "head", JOINT)
FAMILIES_PERHAPS_WITH = (*FAMILIES_WITH_FEATURES, "exported")  # a program's features are found, or they are not
BOARD_SECONDS = 1


def request_scores(
    challenge: Challenge,
    image_ids: Iterable[int],
    *,
    roster: RosterVersion | None = None,
    priority: int | None = None,
    embeddings: bool = False,
) -> int:
    """Ask for the predictions that these images still lack, and ring the recording of those that lack none.

    `roster`: the one in force, unless another is given. `priority`: one of the contract's; by itself that of somebody
    who waits where the pictures are few, else that of a file. An embedding comes along with a prediction that is
    asked for; `embeddings` asks for those too that are lacking where the prediction is there, and for those of the
    edition's joint card, which has no part in any score. Returns the number of messages sent to scoring workers.
    """
    roster = roster or challenge.roster
    assert roster is not None, "pairs exist only in an edition with a roster"
    classifiers = list(Classifier.objects.filter(rosters=roster))
    if embeddings and challenge.joint_classifier is not None:
        classifiers.append(challenge.joint_classifier)
    return request_predictions(challenge, image_ids, classifiers, priority=priority, embeddings=embeddings)


def request_predictions(
    challenge: Challenge,
    image_ids: Iterable[int],
    asked_ones: Collection[Classifier],
    *,
    priority: int | None = None,
    embeddings: bool = False,
) -> int:
    """As `request_scores`, of these classifiers, be they of the roster or not."""
    classifiers = {one.pk: one for one in asked_ones}
    rows = Image.objects.filter(pk__in=list(image_ids)).order_by("pk").values_list("pk", "file", "sha256")
    images = {pk: ImageRef(pk, file, sha256) for pk, file, sha256 in rows}
    if priority is None:
        priority = INTERACTIVE if len(images) <= FEW else BULK
    lacking: dict[frozenset[int], list[ImageRef]] = defaultdict(list)
    for pk, missing in _lacking(images, classifiers, embeddings=embeddings).items():
        lacking[missing].append(images[pk])
    sent = 0
    for missing, group in lacking.items():
        asked = [classifiers[pk] for pk in sorted(missing)]
        cards = tuple(_for_workers(one.card) for one in asked)
        embed = tuple(one.digest for one in asked if one.card.get("family") in FAMILIES_PERHAPS_WITH)
        for start in range(0, len(group), CHUNK):
            chunk = group[start : start + CHUNK]
            sent += _send_chunk(challenge, chunk, cards=cards, embed=embed, priority=priority)
    return sent


def gives_embeddings(classifier: Classifier) -> bool:
    """Whether a classifier's backbone is sure to give its features when it is asked for them."""
    return classifier.card.get("family") in FAMILIES_WITH_FEATURES


def _lacking(
    images: Collection[int], classifiers: Mapping[int, Classifier], *, embeddings: bool
) -> dict[int, frozenset[int]]:
    """By image, the classifiers that are to be asked about it."""
    have = _present(Prediction.objects.filter(image__in=images, classifier__in=classifiers))
    predicting = frozenset(pk for pk, one in classifiers.items() if not one.is_joint)
    lacking = {pk: predicting - have[pk] if pk in have else predicting for pk in images}
    if embeddings:
        embedding = {pk for pk, one in classifiers.items() if gives_embeddings(one)}
        there = _present(Embedding.objects.filter(image__in=images, classifier__in=embedding))
        lacking = {pk: missing | (embedding - there[pk]) for pk, missing in lacking.items()}
    return lacking


def _present(rows: QuerySet[Prediction] | QuerySet[Embedding]) -> dict[int, set[int]]:
    have: dict[int, set[int]] = defaultdict(set)
    for image_id, classifier_id in rows.values_list("image_id", "classifier_id"):
        have[image_id].add(classifier_id)
    return have


def _for_workers(card: dict[str, Any]) -> dict[str, Any]:
    """A card as the worker needs it. The digest covers the labels, and a thousand of them would fill every message; of
    the measured figures only those are sent without which a reduced decode is refused."""
    kept = {name: value for name, value in card.items() if name not in ("labels", "quality")}
    shift = {name: value for name, value in card.get("quality", {}).items() if name.startswith("decode_shift_")}
    return {**kept, "quality": shift} if shift else kept


def _send_chunk(
    challenge: Challenge,
    images: Sequence[ImageRef],
    *,
    cards: tuple[dict[str, Any], ...],
    embed: tuple[str, ...],
    priority: int,
) -> int:
    web = queue_name(WEB_QUEUE, challenge.queue)
    unknown = [image for image in images if not image.key]
    if unknown:
        results = [
            ScoreResult(image.image, {}, MISSING_IMAGE, "The picture itself is not known here.").to_message()
            for image in unknown
        ]
        send(RECORD_SCORES, web, priority=priority, results=results)
    known = tuple(image for image in images if image.key)
    if not known:
        return 0
    if not cards:
        send(APPLY_SCORES, web, priority=priority, images=[image.image for image in known])
        return 0
    request = ScoreRequest(images=known, classifiers=cards, reply_queue=web, embed=embed, priority=priority)
    send(SCORE_IMAGES, queue_name(SCORING_QUEUE, challenge.queue), priority=priority, request=request.to_message())
    return 1


def after_commit(call: Callable[..., object], *arguments: object) -> None:
    """Make this call once the transaction is committed. What goes wrong then is logged: a sweep will ring again."""

    def later() -> None:  # a function with a name of its own, which Django's log of a failure asks for
        call(*arguments)

    transaction.on_commit(later, robust=True)


def ring_board(challenge_id: int, queue: str = "") -> None:
    """Have the board recounted, at most once a second however often this is called."""
    if cache.add(f"board-rung-{challenge_id}", 1, timeout=BOARD_SECONDS):
        send(RECOUNT_BOARD, queue_name(WEB_QUEUE, queue), countdown=BOARD_SECONDS, challenge=challenge_id)


def request_text_vector(challenge: Challenge, text: str, *, expires: float) -> None:
    """Ask for the vector of a text by the edition's joint card. Who waits gives up after `expires` seconds, and no
    worker takes the message after that."""
    classifier = challenge.joint_classifier
    assert classifier is not None, "whoever asks has looked"
    web = queue_name(WEB_QUEUE, challenge.queue)
    request = TextRequest(texts=(text,), card=_for_workers(classifier.card), reply_queue=web).to_message()
    send(EMBED_TEXT, queue_name(SCORING_QUEUE, challenge.queue), expires=expires, request=request)


def send(
    task: str,
    queue: str,
    *,
    countdown: float | None = None,
    expires: float | None = None,
    priority: int = INTERACTIVE,
    **kwargs: object,
) -> None:
    """Send a task by name. A broker that can't be reached is logged: the sweep will ring again."""
    try:
        current_app.send_task(task, kwargs=kwargs, queue=queue, countdown=countdown, expires=expires, priority=priority)
    except OperationalError as error:
        logger.warning("no broker for %s: %s; the sweep will ring again", task, error)


def messages_waiting(queue: str) -> int | None:
    """How many messages lie in a queue that no worker has taken yet; None where the broker can't be reached."""
    try:
        with current_app.connection_or_acquire() as broker:
            return int(broker.default_channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:  # a queue without messages isn't there
        return 0
    except OperationalError as error:
        logger.warning("no broker to ask how long %s is: %s", queue, error)
        return None


def nothing_waits(suffix: str) -> bool:
    """Whether no message about scores waits for the workers of an edition's queue (empty: of all editions): what was
    asked for more than a moment ago is then in a worker's hands, or lost."""
    return all(messages_waiting(queue_name(base, suffix)) == 0 for base in (SCORING_QUEUE, WEB_QUEUE))
