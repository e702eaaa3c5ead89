"""A pytest plugin, loaded before Django's settings: real PostgreSQL and Redis of this test run's own.

Servers named by DATABASE_URL and REDIS_URL are used instead where they are given; the role must be allowed to make
databases and to set `session_replication_role`, as a superuser is (`tests/databases.py`). Under pytest-xdist (`-n 2`)
all workers share the servers of the process that started them: each has a PostgreSQL database of its own by
pytest-django, and a Redis database of its own by its number, so that nobody meets another's cache or messages.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

from cats4ml.embedded import temporary_servers

REDIS_DATABASES = 16  # as many as a Redis has unless it is told otherwise


def redis_of_worker(url: str, worker: str) -> str:
    """The address of the Redis database of an xdist worker, `gw0` or the like. The one that `url` names is nobody's."""
    number = int(worker.removeprefix("gw")) + 1
    if number >= REDIS_DATABASES:
        raise RuntimeError(f"a Redis has {REDIS_DATABASES} databases: run at most {REDIS_DATABASES - 1} workers (-n)")
    if url.startswith("unix://"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


_stack = ExitStack()
atexit.register(_stack.close)
os.environ["CATS4ML_HOME"] = _stack.enter_context(tempfile.TemporaryDirectory(prefix="cats4ml-tests-"))
# Graphs exported for ONNX Runtime are the same for all: one folder, which xdist's workers inherit.
os.environ.setdefault("SCORING_CACHE_DIR", f"{os.environ['CATS4ML_HOME']}/scoring-cache")
if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    _urls = _stack.enter_context(temporary_servers())
    os.environ.setdefault("DATABASE_URL", _urls.database_url)
    os.environ.setdefault("REDIS_URL", _urls.redis_url)
if _worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["REDIS_URL"] = redis_of_worker(os.environ["REDIS_URL"], _worker)
    # Several processes compute at once: torch takes one core in each of them and in each of their workers.
    for _threads in ("OMP_NUM_THREADS", "SCORING_THREADS"):
        os.environ.setdefault(_threads, "1")
# Playwright's loop runs in the test's thread, where Django would else refuse the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
