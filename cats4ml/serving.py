"""How gunicorn serves the site: `gunicorn cats4ml.wsgi -c python:cats4ml.serving`. Settings come from the environment.

Six requests at a time in three processes: three times two cores, for half of a request's time is the database's. Twice
as many threads answer fewer requests, and each of them later (`benchmarks/load.py`; docs/operators.md has the figures).
What comes above that waits: in the processes, then in the kernel's queue (`backlog`).
"""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import socket
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from mmap import mmap
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.sock import BaseSocket
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import ThreadWorker
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


# One byte of memory that the arbiter shares with its processes: 1 once the whole server was told to stop.
_closing = mmap(-1, 1)


class Threads(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threads, which at the end of the server take in whoever waits at its door and then shut it.

    gunicorn itself leaves the door open until its last process has ended: whoever came meanwhile would wait, and then
    be dropped. Refused at once, they are sent to another server by the proxy.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's own
        super().set_accept_enabled(enabled)
        if _closing[0] and not self.alive:
            for listener in self.sockets:
                self._take_in(listener)
                with suppress(OSError):  # another process was here before
                    listener.shutdown(socket.SHUT_RD)

    def accept(self, listener: BaseSocket) -> None:
        """A process that hears of the end a moment later than another finds the door shut: nobody came."""
        try:
            super().accept(listener)
        except OSError:
            if not _closing[0]:
                raise

    def _take_in(self, listener: BaseSocket) -> None:
        before = -1
        while self.nr_conns != before:
            before = self.nr_conns
            self.accept(listener)


def when_ready(server: Arbiter) -> None:
    """From the word to stop on, its processes know that it means all of them. Not where another server shares the
    door: a new one that takes over (USR2), or systemd."""
    stop = signal.getsignal(signal.SIGTERM)

    def close(number: int, frame: FrameType | None) -> None:
        if os.getpid() == server.pid and server.reexec_pid == server.master_pid == 0 and not server.systemd:
            _closing[0] = 1
        if callable(stop):
            stop(number, frame)

    signal.signal(signal.SIGTERM, close)


def post_worker_init(worker: Worker) -> None:
    """A process that serves pages also looks whether clock and workers are there. Named, not imported: its models can
    be imported only now that the process has set Django up."""
    import_module("cats4ml.console.watchman").start()


def child_exit(server: Arbiter, worker: Worker) -> None:
    """What a process that is gone had in hand is in no gauge any more."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


bind = env_text("WEB_BIND", "127.0.0.1:8000")
worker_class = Threads
workers = env_int("WEB_PROCESSES", default=3)
threads = env_int("WEB_THREADS", default=2)
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
