"""What each process counts of its own work. With `PROMETHEUS_MULTIPROC_DIR` the processes of a machine are added up."""

from __future__ import annotations

import os
import time
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_ready
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("cats4ml_http_requests", "Requests that were answered.", ["view", "method", "status"])
REQUEST_SECONDS = Histogram(
    "cats4ml_http_request_seconds",
    "Until the answer began.",
    ["view", "method"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REQUESTS_NOW = Gauge("cats4ml_http_requests_now", "Requests in hand.", multiprocess_mode="livesum")
DATABASE_SECONDS = Counter("cats4ml_http_database_seconds", "Of requests, spent waiting for the database.", ["view"])
DATABASE_STATEMENTS = Counter("cats4ml_http_database_statements", "Sent to the database by requests.", ["view"])
TASKS = Counter("cats4ml_tasks", "Tasks that ended.", ["task", "state"])
TASK_SECONDS = Histogram(
    "cats4ml_task_seconds",
    "What a task took.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)


def registry() -> CollectorRegistry:
    """All that the processes of this machine counted which share a folder; without one, this process's."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


_began: dict[str, float] = {}


@task_prerun.connect
def note_begin(task_id: str, **_: Any) -> None:
    _began[task_id] = time.perf_counter()


@task_postrun.connect
def note_end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    TASKS.labels(task.name, (state or "unknown").lower()).inc()
    began = _began.pop(task_id, None)
    if began is not None:
        TASK_SECONDS.labels(task.name).observe(time.perf_counter() - began)


@worker_ready.connect
def serve(**_: Any) -> None:
    """A worker has no web server: its own port tells what its processes counted, where one is given."""
    port = os.environ.get("WORKER_METRICS_PORT", "")
    if port:
        start_http_server(int(port), registry=registry())
