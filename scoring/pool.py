"""Celery's pool of threads, each of which holds one message while the engine scores its pictures."""

from __future__ import annotations

import os
from typing import Any

from celery.concurrency.thread import TaskPool as Threads


class MessageThreads(Threads):
    """As Celery's, but it wakes the loop that fetches messages when one is done.

    Without it the loop, which sleeps while all threads are taken, sees a free one up to a second later.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def register_with_event_loop(self, loop: Any) -> None:
        loop.add_reader(self._wake_read, self._woken)

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        result = super().on_apply(*args, **kwargs)
        result.f.add_done_callback(self._wake)
        return result

    def _wake(self, _done: Any) -> None:
        try:
            os.write(self._wake_write, b"1")
        except BlockingIOError:
            return  # it is full of wakes already

    def _woken(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return
