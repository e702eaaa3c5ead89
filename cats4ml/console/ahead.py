"""A pool scored ahead of time, so that claims of its pictures are scored at once. What was done is never done again."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celery import current_app
from django.db.models import Exists, OuterRef, Q, QuerySet

from cats4ml.catalog.models import Classifier, Embedding, Prediction, ScoringFailure
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.console.progress import Log, Progress
from cats4ml.console.workers import EditionWorkers, WorkersFailed, edition_workers
from cats4ml.submissions import dispatch
from scoring.contract import AHEAD, SCORING_QUEUE, WEB_QUEUE, queue_name

# So many messages wait for an answer at a time: enough for a few workers, few enough to begin anew after a crash.
MOST_MESSAGES = 64
LOOK_SECONDS = 0.3
# A message that is not answered for so long, while nothing else is either, is taken for lost and sent again.
LOST_SECONDS = 60.0
MOST_TRIES = 3
MOST_FAILURES = 3
INSPECT_SECONDS = 2.0
SHOWN = 5


class AheadRefused(Exception):
    """Why a pool can't be scored, in a sentence."""


@dataclass(frozen=True)
class Trouble:
    """Pictures that could not be scored, or fetched, for one reason: how many, and the ids of the first of them."""

    reason: str
    pictures: int
    first: list[str]


@dataclass(frozen=True)
class Came:
    """What scoring a pool came to. `scored`: target images that all classifiers of the roster have seen, `now` of them
    by this run; `embedded`: those that the joint card has seen, where its embeddings were asked for; `left`: those that
    neither were seen by everybody asked nor have a reason why not; `unanswered`: those of them that were asked for
    again and again."""

    challenge: str
    images: int
    scored: int
    now: int
    embedded: int | None
    left: int
    unanswered: int
    seconds: float
    troubles: list[Trouble]


@dataclass
class _Message:
    images: list[int]
    sent: float
    tries: int = 1


@dataclass
class _Run:
    """The messages on their way; images by id."""

    messages: list[_Message] = field(default_factory=list)
    unanswered: int = 0
    done: int = 0
    moved: float = field(default_factory=time.monotonic)


def score_ahead(
    challenge: Challenge,
    *,
    classifiers_dir: Path,
    log: Log,
    limit: int | None = None,
    embeddings: bool = False,
    retry_failed: bool = False,
) -> Came:
    """Have every target image scored by every classifier of the roster in force, `limit` pictures at most.

    By the ordinary workers if they listen on the edition's queues, else by workers of this run's own, whose weights are
    relative to `classifiers_dir`. `embeddings`: also ask for embeddings that are lacking where predictions are there,
    and for those of the edition's joint card.
    `retry_failed`: forget first why pictures could not be scored. May be interrupted at any time: what was answered is
    kept. Raises `AheadRefused` without a roster, and `WorkersFailed` where the workers die or answer nothing.
    """
    if challenge.roster is None:
        raise AheadRefused(f"{challenge.slug} has no classifiers yet: decide its roster first")
    classifiers = list(challenge.roster.classifiers.defer("outputs"))
    if embeddings and challenge.joint_classifier is not None:
        classifiers.append(challenge.joint_classifier)
    if retry_failed:
        _forget_failures(challenge, classifiers)
    before, began = _scored(challenge, classifiers), time.monotonic()
    todo = lacking(challenge, classifiers, embeddings=embeddings)
    total = min(todo.count(), limit) if limit is not None else todo.count()
    run = _Run()
    if total:
        with somebody(challenge, classifiers_dir, log) as (asked, workers), Progress(total, "Scoring", log) as bar:
            _work(run, asked, todo, total, workers=workers, bar=bar, embeddings=embeddings)
    return _came(challenge, classifiers, run, before=before, seconds=time.monotonic() - began)


def lacking(
    challenge: Challenge, classifiers: Sequence[Classifier], *, embeddings: bool = False
) -> QuerySet[PoolImage]:
    """Target images that a classifier has not seen, and of which nobody knows why not."""
    image = OuterRef("image")
    failures = ScoringFailure.objects.filter(image=image)
    missing = Q(pk__in=[])
    for one in classifiers:
        unseen = Q(pk__in=[]) if one.is_joint else Q(~Exists(Prediction.objects.filter(image=image, classifier=one)))
        if one.is_joint or (embeddings and dispatch.gives_embeddings(one)):
            unseen |= Q(~Exists(Embedding.objects.filter(image=image, classifier=one)))
        missing |= unseen & Q(~Exists(failures.filter(classifier=one)))
    return shown_pool(challenge).filter(~Exists(failures.filter(classifier=None)), missing)


def _scored(challenge: Challenge, classifiers: Sequence[Classifier]) -> int:
    """How many target images every classifier of the roster has seen."""
    pool = shown_pool(challenge)
    for one in classifiers:
        if not one.is_joint:
            pool = pool.filter(Exists(Prediction.objects.filter(image=OuterRef("image"), classifier=one)))
    return pool.count()


def _embedded(challenge: Challenge, classifiers: Sequence[Classifier]) -> int | None:
    """How many target images the joint card has seen; `None` where it isn't among the classifiers."""
    joint = next((one for one in classifiers if one.is_joint), None)
    if joint is None:
        return None
    seen = Exists(Embedding.objects.filter(image=OuterRef("image"), classifier=joint))
    return shown_pool(challenge).filter(seen).count()


def _forget_failures(challenge: Challenge, classifiers: Sequence[Classifier]) -> None:
    pool = PoolImage.objects.filter(challenge=challenge).values("image")
    ScoringFailure.objects.filter(Q(classifier=None) | Q(classifier__in=classifiers), image__in=pool).delete()


@contextmanager
def somebody(
    challenge: Challenge, classifiers_dir: Path, log: Log
) -> Iterator[tuple[Challenge, EditionWorkers | None]]:
    """The edition as it is to be asked for, and the workers if they are our own."""
    if _listened_to(challenge.queue):
        log.say("The ordinary workers do it.")
        yield challenge, None
        return
    log.say("No worker listens: starting a scoring worker and a web worker for the time.")
    own = copy.copy(challenge)  # never saved: nobody else's messages meet these workers, nor theirs anybody else
    own.queue = f"ahead-{challenge.pk}-{os.getpid()}"
    with edition_workers(own, classifiers_dir=classifiers_dir) as workers:
        yield own, workers


def _listened_to(queue: str) -> bool:
    """Whether workers listen on both queues of this name. A busy one may answer late, so that it is asked twice."""
    wanted = {queue_name(SCORING_QUEUE, queue), queue_name(WEB_QUEUE, queue)}
    for _ in range(2):
        answers = current_app.control.inspect(timeout=INSPECT_SECONDS).active_queues() or {}
        if wanted <= {one["name"] for queues in answers.values() for one in queues}:
            return True
        if not answers:
            return False
    return False


def _work(
    run: _Run,
    challenge: Challenge,
    todo: QuerySet[PoolImage],
    total: int,
    *,
    workers: EditionWorkers | None,
    bar: Progress,
    embeddings: bool,
) -> None:
    """Send messages and wait for their answers until everything was asked for and answered, or given up."""
    rows = todo.order_by("pk").values_list("pk", "image_id")
    position, asked = 0, 0
    failures = workers.failures() if workers else 0
    while True:
        while asked < total and len(run.messages) < MOST_MESSAGES:
            chunk = list(rows.filter(pk__gt=position)[: min(dispatch.CHUNK, total - asked)])
            if not chunk:
                total = asked  # somebody else was quicker
                break
            position, asked = chunk[-1][0], asked + len(chunk)
            run.messages.append(_Message([image for _, image in chunk], time.monotonic()))
            _ask(challenge, run.messages[-1], embeddings=embeddings)
        _collect(run, todo)
        bar.to(run.done)
        if not run.messages:
            return
        died = workers is not None and workers.check() > 0
        if workers is not None and workers.failures() - failures >= MOST_FAILURES:
            raise WorkersFailed(f"The workers fail again and again.{workers.why_failing()}")
        _ask_again(run, challenge, died=died, embeddings=embeddings)
        time.sleep(LOOK_SECONDS)


def _ask(challenge: Challenge, message: _Message, *, embeddings: bool) -> None:
    dispatch.request_scores(challenge, message.images, priority=AHEAD, embeddings=embeddings)


def _collect(run: _Run, todo: QuerySet[PoolImage]) -> None:
    """Strike off what was answered, with numbers or with a reason why not."""
    waiting = [image for message in run.messages for image in message.images]
    left = set(todo.filter(image__in=waiting).values_list("image_id", flat=True))
    answered = len(waiting) - len(left)
    if answered:
        run.done += answered
        run.moved = time.monotonic()
    for message in run.messages:
        message.images = [image for image in message.images if image in left]
    run.messages = [message for message in run.messages if message.images]


def _ask_again(run: _Run, challenge: Challenge, *, died: bool, embeddings: bool) -> None:
    """Send again what is lost: with a worker that died, or because nothing at all was answered for a while."""
    now = time.monotonic()
    if died:
        run.moved = now
    kept = []
    for message in run.messages:
        if not died and now - max(message.sent, run.moved) < LOST_SECONDS:
            kept.append(message)
        elif message.tries >= MOST_TRIES:
            run.unanswered += len(message.images)
        else:
            message.tries, message.sent = message.tries + 1, now
            _ask(challenge, message, embeddings=embeddings)
            kept.append(message)
    run.messages = kept


def _came(challenge: Challenge, classifiers: Sequence[Classifier], run: _Run, *, before: int, seconds: float) -> Came:
    pool = shown_pool(challenge)
    failures = ScoringFailure.objects.filter(
        Q(classifier=None) | Q(classifier__in=classifiers), image__in=pool.values("image")
    )
    scored = _scored(challenge, classifiers)
    return Came(
        challenge=challenge.slug,
        images=pool.count(),
        scored=scored,
        now=scored - before,
        embedded=_embedded(challenge, classifiers),
        left=lacking(challenge, classifiers).count(),
        unanswered=run.unanswered,
        seconds=round(seconds, 2),
        troubles=_troubles(pool, failures),
    )


def _troubles(pool: QuerySet[PoolImage], failures: QuerySet[ScoringFailure]) -> list[Trouble]:
    troubles = []
    for reason in failures.order_by("reason").values_list("reason", flat=True).distinct():
        images = failures.filter(reason=reason).values("image")
        rows = pool.filter(image__in=images).order_by("pk")
        troubles.append(Trouble(reason, rows.count(), list(rows.values_list("image_key", flat=True)[:SHOWN])))
    return troubles
