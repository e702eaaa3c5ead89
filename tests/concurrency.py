"""Several people at once, in real threads on real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make these calls at the same moment, each in a thread of its own. What a call raises is its result."""
    barrier = threading.Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        barrier.wait(timeout=20)
        try:
            return call()
        except Exception as error:  # a failure is a result to assert on
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def while_waiting(call: Callable[[], Any], meanwhile: Callable[[], Any]) -> Any:
    """Make this call in a thread of its own while `meanwhile` holds locks that it waits for, in a transaction that is
    committed once it waits. Returns what the call gives, or raises."""

    def make() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            meanwhile()
            waiting = pool.submit(make)
            _until_somebody_waits(waiting)
        return waiting.result(timeout=20)


def _until_somebody_waits(call: Future[Any]) -> None:
    with connection.cursor() as cursor:
        for _ in range(2_000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            assert not call.done(), "it waited for nothing"
            time.sleep(0.005)
    raise AssertionError("it never came to wait")
