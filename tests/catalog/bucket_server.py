"""A server on loopback that gives pictures, and misbehaves as it is told."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANYBODY = "*"


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False  # after the headers
    trickles: bool = False  # a byte now and then
    breaks_off: bool = False  # in the middle of the body


@dataclass
class Served:
    """`answers`: what is answered to a path, one after the other, the last one for ever."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ended: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0
    seconds: float = 0.0  # that each answer takes
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str) -> Answer:
        with self.lock:
            self.asked[path] += 1
            self.at[path].append(time.monotonic())
            answers = self.answers.get(path) or self.answers.get(ANYBODY) or [Answer(404)]
            return answers.pop(0) if len(answers) > 1 else answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        served = self.served
        answer = served.answer(self.path)
        with served.lock:
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
        served.ended.wait(served.seconds)
        with served.lock:  # before the answer goes out: who has it may ask again at once
            served.at_once -= 1
        with suppress(OSError):
            self._give(answer)

    def _give(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.hangs:
            self.served.ended.wait(60)
        elif answer.trickles:
            for byte in answer.body:
                if self.served.ended.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))
        elif answer.breaks_off:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Served]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"served": served})
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        served.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
