"""A request that trickles in does not hold a thread for as long as it likes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from tests.flows.site import free_port
from tests.test_settings import ROOT

HEAD = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n"
)


@pytest.mark.slow
def test_a_body_that_trickles_breaks_off_and_is_answered() -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "cats4ml.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "1",
        "--no-control-socket",
    ]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "BODY_SECONDS": "1"}, stderr=subprocess.DEVNULL)
    try:
        line = _connected(port)
        line.sendall(HEAD)
        line.settimeout(0.2)
        answer = b""
        # Far more than anybody waits: without the deadline the server would read on for as long as something comes.
        for _ in range(300):
            try:
                line.sendall(b"x")
                answer = line.recv(100)
            except TimeoutError:
                continue
            except OSError:
                break
            break
        else:
            pytest.fail("the server still listens")
        assert answer.partition(b"\r\n")[0] in (b"", b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 403 Forbidden")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _connected(port: int) -> socket.socket:
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("gunicorn did not start")
