"""The scoring worker's Celery app: `celery -A scoring.app worker -Q scoring`. Importing it reads the environment."""

from __future__ import annotations

import importlib
import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, setup_logging

from scoring.broker import PRIORITY_STEPS
from scoring.contract import SCORING_QUEUE
from scoring.logs import REQUEST_HEADER, current_request_id, logging_config
from scoring.settings import Settings, read_settings

VISIBILITY_TIMEOUT = 900  # seconds; a chunk takes seconds, also on a slow processor


def make_app(settings: Settings) -> Celery:
    """JSON only, no results; a few messages in hand, each acknowledged when it is done.

    The pool is of threads, which wait for the process's one engine: so batches fill across messages. No process is
    forked: a forked child hangs in its first forward pass once the parent has run one.
    """
    app = Celery("scoring", broker=settings.broker_url, include=["scoring.tasks"])
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_ignore_result=True,
        task_default_queue=SCORING_QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_pool="scoring.pool:MessageThreads",
        worker_concurrency=settings.messages,
        worker_soft_shutdown_timeout=10.0,
        broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT, "priority_steps": PRIORITY_STEPS},
        broker_connection_retry_on_startup=True,
    )
    return app


settings = read_settings(os.environ)
app = make_app(settings)


@setup_logging.connect
def log_in_one_form(loglevel: int, **_: Any) -> None:
    level = logging.getLevelName(loglevel)
    logging.config.dictConfig(logging_config(form=settings.log_format, level=level))


@before_task_publish.connect
def hand_request_id_on(headers: dict[str, Any], **_: Any) -> None:
    """The answer to a message carries the id of the request that the message came from."""
    headers[REQUEST_HEADER] = current_request_id()


# By name, for importing them takes a while, and most have neither.
if settings.traces:
    importlib.import_module("scoring.tracing").start_tracing(service="cats4ml-scoring")
if settings.sentry_dsn:
    importlib.import_module("scoring.worker_reports").start(settings.sentry_dsn)
