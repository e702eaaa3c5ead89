"""The scoring worker's Celery app: `celery -A scoring.app worker -Q scoring`. Importing it reads the environment."""

from __future__ import annotations

import os

from celery import Celery

from scoring.broker import PRIORITY_STEPS
from scoring.contract import SCORING_QUEUE
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
        worker_hijack_root_logger=True,
        worker_log_format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        worker_task_log_format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT, "priority_steps": PRIORITY_STEPS},
        broker_connection_retry_on_startup=True,
    )
    return app


settings = read_settings(os.environ)
app = make_app(settings)
