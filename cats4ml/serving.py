"""How gunicorn serves the site: `gunicorn cats4ml.wsgi -c python:cats4ml.serving`. Settings come from the environment.

Twelve requests at a time in three processes: three times two cores, for half of a request's time is the database's
(`benchmarks/load.py`). What comes above that waits: in the processes, then in the kernel's queue (`backlog`).
"""

from __future__ import annotations

import logging
import logging.config
import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client.multiprocess import mark_process_dead

from cats4ml.environment import env_int, env_text
from scoring.logs import REQUEST_HEADER, checked_format, logging_config

_PRODUCTION = os.environ.get("CATS4ML_ENV") == "production"


class AccessLines(Logger):  # type: ignore[misc]  # gunicorn has no types
    """One line for each request, with its id, in the form of all other lines. Neither addresses nor what was asked for
    after the question mark: those are people's."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        form = checked_format(os.environ, default="json" if _PRODUCTION else "plain")
        level = env_text("LOG_LEVEL", "INFO")
        logging.config.dictConfig(logging_config(form=form, level=level))
        for one in (self.error_log, self.access_log):
            one.handlers.clear()
            one.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        if not self.access_log_enabled:
            return
        seconds = round(request_time.total_seconds(), 3)
        method, path, status = environ["REQUEST_METHOD"], environ["PATH_INFO"], int(str(resp.status).split()[0])
        fields = {"method": method, "path": path, "status": status, "seconds": seconds}
        ids = [value for name, value in resp.headers if name.lower() == REQUEST_HEADER.lower()]
        extra = {**fields, "bytes": getattr(resp, "sent", None), "request_id": ids[-1] if ids else None}
        self.access_log.info("%s %s %d in %.3f s", *fields.values(), extra=extra)


def post_worker_init(worker: Worker) -> None:
    """A process that serves pages also looks whether clock and workers are there. Named, not imported: its models can
    be imported only now that the process has set Django up."""
    import_module("cats4ml.console.watchman").start()


def child_exit(server: Arbiter, worker: Worker) -> None:
    """What a process that is gone had in hand is in no gauge any more."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


bind = env_text("WEB_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = env_int("WEB_PROCESSES", default=3)
threads = env_int("WEB_THREADS", default=4)
backlog = env_int("WEB_BACKLOG", default=2048)
# The arbiter's patience with a process that gives no sign of life; a long request gives some.
timeout = 60
graceful_timeout = env_int("WEB_GRACE_SECONDS", default=30)
# Longer than a proxy keeps a connection, so that it never sends a request into one that is being closed.
keepalive = env_int("WEB_KEEPALIVE_SECONDS", default=75 if _PRODUCTION else 2)
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory; a slow disk must not look like a hang
control_socket_disable = True
accesslog = "-" if env_text("WEB_ACCESS_LOG", "yes" if _PRODUCTION else "no") == "yes" else None
loglevel = "info" if _PRODUCTION else "warning"
logger_class = AccessLines
