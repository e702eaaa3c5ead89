"""Inbound messages: each task makes one call into the actions."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from cats4ml.heartbeats import beat
from cats4ml.submissions import meaning, settled_notices
from cats4ml.submissions.actions import recording, scores
from scoring.contract import NOTE_ALIVE, RECORD_SCORES, RECORD_TEXT_VECTORS, ScoreResult, TextResult


@shared_task(name=RECORD_SCORES)
def record_scores(*, results: list[dict[str, Any]], **kwargs: object) -> None:
    recording.record_scores(results=[ScoreResult.from_message(one) for one in results], at=timezone.now())


@shared_task(name=RECORD_TEXT_VECTORS)
def record_text_vectors(*, result: dict[str, Any], **kwargs: object) -> None:
    meaning.record_text_vectors(result=TextResult.from_message(result))


@shared_task(name=NOTE_ALIVE)
def note_alive(*, queue: str, **kwargs: object) -> None:
    """A scoring worker of this queue says that it is there."""
    beat(queue[:80], timezone.now())


@shared_task
def apply_scores(*, images: list[int], **kwargs: object) -> None:
    scores.apply_scores(image_ids=images, at=timezone.now())


@shared_task
def sweep(**kwargs: object) -> None:
    scores.requeue_stalled(at=timezone.now())


@shared_task
def tell_of_settled(**kwargs: object) -> None:
    settled_notices.tell_of_settled(at=timezone.now())
