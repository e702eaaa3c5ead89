"""What really lies in Redis."""

from __future__ import annotations

from queue import Empty
from typing import Any

from celery import current_app


def drain(queue: str) -> list[tuple[str, dict[str, Any]]]:
    """Take every message from a queue: (name of the task, its arguments), in order."""
    taken = []
    with current_app.connection_for_read() as connection, connection.SimpleQueue(queue) as messages:
        while True:
            try:
                message = messages.get(block=False)
            except Empty:
                return taken
            message.ack()
            _, kwargs, _ = message.decode()
            taken.append((message.headers["task"], kwargs))
