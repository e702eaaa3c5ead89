"""A small HTTP server that answers as it is told: for a site that is busy, slow, or not one at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handle = Callable[["Asked"], "Told | None"]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """An answer. `cut`: the connection ends after so many bytes of the body."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class StandIn:
    url: str
    asked: list[Asked] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)  # set when somebody waits for an answer in vain
    end: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(handle: Handle) -> Iterator[StandIn]:
    """A server on a free port. Where `handle` gives None it never answers."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one = Asked(self.command, self.path, dict(self.headers.items()), body)
            site.asked.append(one)
            told = handle(one)
            if told is None:
                site.hang.set()
                site.end.wait()
                return
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.data)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.data if told.cut is None else told.data[: told.cut])

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815  (the base class's names)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = StandIn(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(*answers: Told) -> Handle:
    """These answers, one after the other; the last one again and again."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]
