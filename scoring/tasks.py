"""The worker's tasks. Each answers with a message; a surprise is logged and the sender asks again."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import logging
import platform
import threading
import time
from collections import Counter
from typing import Any

import onnxruntime
import PIL
import torch
from celery.signals import worker_ready
from prometheus_client import start_http_server

from scoring.alive import keep_saying_alive
from scoring.app import app, settings
from scoring.contract import (
    EMBED_TEXT,
    RECORD_SCORES,
    RECORD_TEXT_VECTORS,
    SCORE_IMAGES,
    ScoreRequest,
    ScoreResult,
    TextRequest,
)
from scoring.engine import Engine
from scoring.isolation import score_isolated
from scoring.metrics import MESSAGE_SECONDS, RESULTS
from scoring.quarantine import Tries
from scoring.setup import make_cache, make_compute, make_store
from scoring.texts import TextEncoders

logger = logging.getLogger(__name__)
_making = threading.Lock()
text_encoders = TextEncoders(settings.classifiers_dir)


@functools.cache
def _parts() -> tuple[Engine, Tries]:
    tries = Tries(settings.redis_url)  # first, for an engine that nobody gets would keep its threads
    return Engine(make_store(settings), make_cache(settings), threads=settings.threads, batch=settings.batch), tries


def parts() -> tuple[Engine, Tries]:
    """The process's one engine and its counters, made at the first message."""
    with _making:
        return _parts()


def score_images(request: dict[str, Any], **_later: Any) -> None:
    """Scores the pictures of `request` (a `ScoreRequest` as a message) and sends the results to its reply queue.

    Keywords that a newer sender may add are tolerated.
    """
    started = time.monotonic()
    asked = ScoreRequest.from_message(request)
    results = score(asked)
    if results:
        _reply(asked, results)
    failed = Counter(result.error for result in results if result.error)
    left_out = len(asked.images) - len(results)
    for result, number in {**failed, "scored": len(results) - failed.total(), "left_out": left_out}.items():
        RESULTS.labels(result).inc(number)
    MESSAGE_SECONDS.observe(time.monotonic() - started)
    logger.info(
        "scored %d pictures with %d classifiers in %.2f s, %d failed%s%s",
        len(results),
        len(asked.classifiers),
        time.monotonic() - started,
        failed.total(),
        "".join(f", {count} {error}" for error, count in sorted(failed.items())),
        f"; {left_out} left out, to be asked for again" if left_out else "",
    )


def score(asked: ScoreRequest) -> list[ScoreResult]:
    """The results; of pictures that were in hand when a worker died out of a process of their own."""
    engine, tries = parts()
    with tries.in_hand(asked.images) as deaths:
        plain = tuple(ref for ref in asked.images if ref not in deaths)
        results = engine.score(dataclasses.replace(asked, images=plain))
        if deaths:
            logger.warning("%d pictures were in hand when a worker died; scoring each of them alone", len(deaths))
            suspects = tuple(ref for ref in asked.images if ref in deaths)
            results += score_isolated(dataclasses.replace(asked, images=suspects), deaths, tries.died)
    places = {ref.image: place for place, ref in enumerate(asked.images)}
    return sorted(results, key=lambda result: places[result.image])


def _reply(asked: ScoreRequest, results: list[ScoreResult]) -> None:
    messages = [result.to_message() for result in results]
    app.send_task(RECORD_SCORES, kwargs={"results": messages}, queue=asked.reply_queue, priority=asked.priority)


def embed_text(request: dict[str, Any], **_later: Any) -> None:
    """Sends the vectors of the texts of `request` (a `TextRequest` as a message) to its reply queue."""
    started = time.monotonic()
    asked = TextRequest.from_message(request)
    result = text_encoders.embed(asked)
    kwargs = {"result": result.to_message()}
    app.send_task(RECORD_TEXT_VECTORS, kwargs=kwargs, queue=asked.reply_queue, priority=asked.priority)
    took = time.monotonic() - started
    logger.info("%d texts in %.3f s%s", len(asked.texts), took, f": {result.error}" if result.error else "")


# Registered by a call, not by a decorator: the functions stay plain, typed ones.
app.task(name=SCORE_IMAGES)(score_images)
app.task(name=EMBED_TEXT)(embed_text)


@worker_ready.connect
def begin_saying_alive(sender: Any, **_about: Any) -> None:
    keep_saying_alive(app, sender.app.amqp.queues.consume_from)


@worker_ready.connect
def log_versions(**_about: Any) -> None:
    """Says once what this worker computes with; loads nothing."""
    compute = make_compute(settings)
    name = torch.cuda.get_device_name(compute.device) if compute.device.type == "cuda" else platform.machine()
    logger.info(
        "scoring on %s (%s) by %s, %d threads, batch %s;"
        " torch %s, onnxruntime %s, torchvision %s, Pillow %s, Python %s",
        compute.device,
        name,
        "onnxruntime" if compute.runs_onnx else "torch",
        settings.threads,
        settings.batch or "as the device likes",
        torch.__version__,
        onnxruntime.__version__,
        importlib.metadata.version("torchvision"),  # which is imported by whoever needs it
        PIL.__version__,
        platform.python_version(),
    )


@worker_ready.connect
def serve_metrics(**_about: Any) -> None:
    if settings.metrics_port:
        start_http_server(settings.metrics_port)
