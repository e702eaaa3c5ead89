"""What machines ask that look after the site: is it alive, and may people be sent here?"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from pathlib import Path

import redis
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

CHECK_SECONDS = 2.0
KEPT_SECONDS = 1.0


class NotWellError(Exception):
    """A part of the platform doesn't do; the message is told to anybody, and names nothing secret."""


def check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_migrated = threading.Event()


def check_migrations() -> None:
    """Whether every migration that this code knows was made. Looked at until it was so once: none is ever unmade under
    running code, and reading the files takes a while."""
    if _migrated.is_set():
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotWellError("migrations are not made yet")
    _migrated.set()


def check_redis() -> None:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=CHECK_SECONDS) as client:
        client.ping()


def check_storage() -> None:
    """A folder can be listed; an object storage answers whether a file is there, be it or not."""
    if settings.IMAGES_URL.startswith("s3://"):
        default_storage.exists("readiness")
    elif not Path(settings.IMAGES_URL).is_dir():
        raise NotWellError("the folder of pictures is not there")


CHECKS: Mapping[str, Callable[[], None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "redis": check_redis,
    "storage": check_storage,
}


def _checked(check: Callable[[], None]) -> str:
    """`ok`, or what is wrong in words that tell no address and no name. Leaves no connection open."""
    try:
        check()
    except NotWellError as problem:
        return str(problem)
    except Exception:
        return "cannot be reached"
    finally:
        connection.close()
    return "ok"


@dataclass
class Look:
    """The checks as they were a moment ago. One that hangs keeps its one thread, and is not begun again meanwhile."""

    seconds: float = CHECK_SECONDS
    kept: float = KEPT_SECONDS
    checks: Mapping[str, Callable[[], None]] = field(default_factory=lambda: CHECKS)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at: float = float("-inf")
    _found: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pools = {name: ThreadPoolExecutor(1, thread_name_prefix=f"ready-{name}") for name in self.checks}
        self._running: dict[str, Future[str]] = {}

    def found(self) -> dict[str, str]:
        """By name `ok` or what is wrong; however often it is asked, looked at once a second."""
        with self._lock:
            if time.monotonic() - self._at >= self.kept:
                self._found = self._look()
                self._at = time.monotonic()
            return self._found

    def _look(self) -> dict[str, str]:
        for name, check in self.checks.items():
            running = self._running.get(name)
            if running is None or running.done():
                self._running[name] = self._pools[name].submit(_checked, check)
        deadline = time.monotonic() + self.seconds
        return {name: _await(self._running[name], deadline) for name in self.checks}


def _await(answer: Future[str], deadline: float) -> str:
    try:
        return answer.result(timeout=max(0.0, deadline - time.monotonic()))
    except TooLate:
        return "does not answer in time"


look = Look()


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Of nothing else, for a database that is away is no reason to kill a web server."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether people may be sent to this server: all it needs is there, and it isn't about to stop."""
    found = dict(look.found())
    found["stopping"] = "yes" if os.path.exists(settings.DRAIN_FILE) else "no"  # noqa: PTH110 - asked often
    well = found["stopping"] == "no" and all(found[name] == "ok" for name in CHECKS)
    return JsonResponse({"status": "ok" if well else "unready", "checks": found}, status=200 if well else 503)
