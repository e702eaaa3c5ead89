"""A scoring worker and a web worker of one edition's own, as child processes for the time of a block.

    with edition_workers(challenge, classifiers_dir=folder) as workers:
        submit_pairs(…)
        while Pair.objects.filter(challenge=challenge, state=PairState.QUEUED).exists():
            workers.check()
            time.sleep(0.2)

They listen on `scoring.<queue>` and `web.<queue>` only (`Challenge.queue`), so that neither an ordinary worker nor
another edition's meets their messages. They use the database that this process uses, a test's included.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from celery import current_app
from django.conf import settings
from django.db import connection

from cats4ml.challenges.models import Challenge
from cats4ml.process_guard import Guard, send_group
from scoring.contract import SCORING_QUEUE, WEB_QUEUE, queue_name

START_SECONDS = 120.0
STOP_SECONDS = 10.0
TAIL_LINES = 30
RESTARTS = 3
# What Celery's log says of a task that ended in an exception which nobody expected.
TASK_FAILED = "raised unexpected"

_numbers = itertools.count(1)
_APPS = {SCORING_QUEUE: ("scoring.app", ()), WEB_QUEUE: ("cats4ml", ("-c", "1"))}
# The scoring worker knows no database, and by this name Celery would load the whole web side into it.
_NOT_FOR_SCORING = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")


class WorkersFailed(Exception):
    """The workers of an edition can't do their work. The text holds the end of the log that says why."""


class Worker:
    """One worker process, the leader of a group of its own so that a Ctrl-C in the terminal reaches us alone."""

    def __init__(self, kind: str, queue: str, *, environment: Mapping[str, str], folder: Path) -> None:
        self.kind = kind
        self.name = f"{kind}.{queue}@{os.getpid()}-{next(_numbers)}"
        self.log = folder / f"{kind}.log"
        self.starts = 0
        app, pool = _APPS[kind]
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
        listen = ("-Q", queue_name(kind, queue), "-n", self.name)
        self._command = [sys.executable, "-m", "celery", "-A", app, "worker", *pool, *listen, *quiet]
        kept_from = _NOT_FOR_SCORING if kind == SCORING_QUEUE else ()
        self._environment = {name: value for name, value in environment.items() if name not in kept_from}

    def start(self) -> int:
        """Starts it and gives its process group."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1
        return self.process.pid

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()


class EditionWorkers:
    """The two workers of one edition, seen from the process that started them."""

    def __init__(self, queue: str, *, environment: Mapping[str, str], folder: Path) -> None:
        self._workers = [Worker(kind, queue, environment=environment, folder=folder) for kind in _APPS]
        self._guard = Guard()

    @property
    def processes(self) -> dict[str, int]:
        """The process ids by kind, `scoring` and `web`."""
        return {worker.kind: worker.process.pid for worker in self._workers}

    def start(self) -> None:
        for worker in self._workers:
            self._guard.watch(worker.start())

    def wait_ready(self, *, seconds: float = START_SECONDS) -> None:
        """Return once both answer. Raises `WorkersFailed` where one doesn't in time, or keeps dying."""
        deadline = time.monotonic() + seconds
        waiting = {worker.name: worker for worker in self._workers}
        while waiting:
            self.check()
            for answer in current_app.control.ping(destination=list(waiting), timeout=0.5, limit=len(waiting)) or []:
                for name in answer:
                    waiting.pop(name, None)
            if waiting and time.monotonic() > deadline:
                late = next(iter(waiting.values()))
                raise WorkersFailed(f"The {late.kind} worker is not ready after {seconds:.0f} s.{_tail(late)}")

    def check(self) -> int:
        """Start again what has died, and say how many have. What a dead worker held must be asked for again.

        Raises `WorkersFailed` with the end of its log for a worker that was started again `RESTARTS` times already.
        """
        dead = [worker for worker in self._workers if worker.ended]
        for worker in dead:
            self._bury(worker)
            if worker.starts > RESTARTS:
                status = worker.process.returncode
                how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
                raise WorkersFailed(f"The {worker.kind} worker {how}, {worker.starts} times by now.{_tail(worker)}")
            self._guard.watch(worker.start())
        return len(dead)

    def failures(self) -> int:
        """How many tasks have ended in an exception since the start, by the logs."""
        return sum(TASK_FAILED in line for worker in self._workers for line in worker.lines())

    def why_failing(self) -> str:
        """The end of the log of the worker whose tasks fail."""
        failing = [worker for worker in self._workers if any(TASK_FAILED in line for line in worker.lines())]
        return _tail((failing or self._workers)[0])

    def stop(self) -> None:
        """End both, kindly at first, with all that they started. Never raises for one that has ended."""
        started = [worker for worker in self._workers if worker.starts]
        for worker in started:
            if not worker.ended:
                worker.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all(worker.ended for worker in started):
            time.sleep(0.05)
        for worker in started:
            self._bury(worker)
        self._guard.close()

    def _bury(self, worker: Worker) -> None:
        send_group(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        self._guard.forget(worker.process.pid)


@contextmanager
def edition_workers(
    challenge: Challenge, *, classifiers_dir: Path, settings_of_workers: Mapping[str, str] | None = None
) -> Iterator[EditionWorkers]:
    """Both workers of an edition, ready when the block begins, gone with their messages when it ends.

    `classifiers_dir`: the folder that the weights of its roster are relative to. `settings_of_workers`: variables of
    their environment that are other than this process's, as `{"SCORING_BACKEND": "torch"}`. What is still waiting in
    the queues then is dropped: the database knows what was not done. Even where this process is killed its workers end.
    Raises `ValueError` for an edition without a queue of its own, and `WorkersFailed` where they don't start.
    """
    if not challenge.queue:
        raise ValueError(f"{challenge.slug} has no queue of its own: ordinary workers serve it")
    folder = Path(tempfile.mkdtemp(prefix="cats4ml-workers-"))
    environment = worker_environment(classifiers_dir) | dict(settings_of_workers or {})
    workers = EditionWorkers(challenge.queue, environment=environment, folder=folder)
    try:
        workers.start()
        workers.wait_ready()
        yield workers
    finally:
        workers.stop()
        drop_queues([queue_name(kind, challenge.queue) for kind in _APPS])
        shutil.rmtree(folder, ignore_errors=True)


def worker_environment(classifiers_dir: Path) -> dict[str, str]:
    """The environment that makes a child use the database, broker, cache and pictures of this very process."""
    images = settings.IMAGES_URL
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cats4ml.settings",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CACHE_PREFIX": str(settings.CACHES["default"]["KEY_PREFIX"]),
        "CATS4ML_HOME": str(settings.HOME),
        "IMAGES_URL": images if "://" in images else str(Path(images).resolve()),
        "CLASSIFIERS_DIR": str(classifiers_dir.resolve()),
    }


def database_url() -> str:
    """The address of the database that this process really uses, which in a test is not that of the environment."""
    values = connection.settings_dict
    user, password = quote(str(values["USER"]), safe=""), quote(str(values["PASSWORD"] or ""), safe="")
    owner = f"{user}{':' if password else ''}{password}@" if user else ""
    port = f":{values['PORT']}" if values["PORT"] else ""
    name = quote(str(values["NAME"]), safe="")
    options = urlencode(values.get("OPTIONS") or {}, quote_via=quote)
    return f"postgresql://{owner}{quote(str(values['HOST']), safe='')}{port}/{name}{'?' if options else ''}{options}"


def drop_queues(names: Sequence[str]) -> None:
    """Remove these queues and their messages from the broker."""
    with current_app.connection_for_write() as broker:
        for name in names:
            queue = current_app.amqp.queues[name].bind(broker.default_channel)
            queue.declare()
            queue.delete()


def _tail(worker: Worker) -> str:
    lines = worker.lines()[-TAIL_LINES:]
    return "\n".join(["\nThe end of its log:", *(f"  {line}" for line in lines)])
