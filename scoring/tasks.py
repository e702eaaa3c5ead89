"""The worker's one task. It answers with a message; a surprise is logged and the sender's sweep asks again."""

from __future__ import annotations

import functools
import logging
import platform
import time
from collections import Counter
from typing import Any

import PIL
import torch
from celery.signals import worker_ready

from models_zoo.classifier import best_device
from models_zoo.vision import torchvision
from scoring.app import app, settings
from scoring.contract import RECORD_SCORES, SCORE_IMAGES, ScoreRequest, ScoreResult
from scoring.images import PictureStore
from scoring.runtime import ClassifierCache, Runtime

logger = logging.getLogger(__name__)


@functools.cache
def runtime() -> Runtime:
    """The process's one runtime, made at the first message."""
    torch.set_num_threads(settings.threads)
    cache = ClassifierCache(settings.classifiers_dir, best_device())
    return Runtime(PictureStore(settings.images_url), cache, threads=settings.threads, batch=settings.batch)


def score_images(request: dict[str, Any], **_later: Any) -> None:
    """Scores the pictures of `request` (a `ScoreRequest` as a message) and sends the results to its reply queue.

    Keywords that a newer sender may add are tolerated.
    """
    started = time.monotonic()
    asked = ScoreRequest.from_message(request)
    results = runtime().score(asked)
    _reply(asked.reply_queue, results)
    failed = Counter(result.error for result in results if result.error)
    logger.info(
        "scored %d pictures with %d classifiers in %.2f s, %d failed%s",
        len(results),
        len(asked.classifiers),
        time.monotonic() - started,
        failed.total(),
        "".join(f", {count} {error}" for error, count in sorted(failed.items())),
    )


def _reply(queue: str, results: list[ScoreResult]) -> None:
    app.send_task(RECORD_SCORES, kwargs={"results": [result.to_message() for result in results]}, queue=queue)


# Registered by a call, not by a decorator: the function stays a plain, typed one.
app.task(name=SCORE_IMAGES)(score_images)


@worker_ready.connect
def log_versions(**_about: Any) -> None:
    """Says once what this worker computes with; loads nothing."""
    device = best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    logger.info(
        "scoring on %s (%s), %d threads, batch %d; torch %s, torchvision %s, Pillow %s, Python %s",
        device,
        name,
        settings.threads,
        settings.batch,
        torch.__version__,
        torchvision.__version__,
        PIL.__version__,
        platform.python_version(),
    )
