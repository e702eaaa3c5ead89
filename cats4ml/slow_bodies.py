"""Requests whose body trickles in: each holds a thread of the web server, and a few dozen would hold them all."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Timer
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class BodyDeadline:
    """Stops listening to a client whose request isn't there whole after `seconds`: the view then reads a body that
    broke off. Under gunicorn, which hands its socket on; under any other server it does nothing."""

    def __init__(self, application: Application, *, seconds: float) -> None:
        self.application = application
        self.seconds = seconds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        line: socket.socket | None = environ.get("gunicorn.socket")
        has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ
        if line is None or not has_body:
            return self.application(environ, start_response)
        timer = Timer(self.seconds, _stop_listening, [line])
        timer.daemon = True
        timer.start()
        try:
            # Views read before they return, also those that stream their answer.
            return self.application(environ, start_response)
        finally:
            timer.cancel()


def _stop_listening(line: socket.socket) -> None:
    with suppress(OSError):  # the client has gone meanwhile
        line.shutdown(socket.SHUT_RD)
