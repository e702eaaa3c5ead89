"""A server and a worker that are told to stop do what they have begun, once, and let nobody else in.

Of the scoring worker `tests/scoring/test_worker.py` shows the same.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cats4ml.accounts.actions import create_token
from cats4ml.catalog.models import Prediction
from cats4ml.console.workers import drop_queues, worker_environment
from cats4ml.submissions.models import Pair, Submission
from scoring.contract import RECORD_SCORES, ScoreResult, pack
from tests.factories import World, make_world
from tests.flows.site import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
QUEUE = "web.stopping"


def soon(condition: Callable[[], object]) -> None:
    for _ in range(3_000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to that")


@contextmanager
def started(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    everything = worker_environment(settings.CLASSIFIERS_DIR) | environment
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=settings.BASE_DIR, env=everything, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def may_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except OSError:
        return False
    return True


def asked(port: int, head: str, body: bytes = b"") -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    line.sendall(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode() + body)
    return line


def status_of(line: socket.socket) -> int:
    with line, line.makefile("rb") as answer:
        whole = answer.read()
    return int(whole.split()[1])


def claims_in_two_halves(world: World, key: str, port: int) -> tuple[socket.socket, bytes]:
    """A file of claims of which half is sent, and the other half."""
    rows = f"image_id,label_id\n{world.images[0].image_id},cat\n{world.images[1].image_id},cat\n".encode()
    head = f"POST /api/v1/challenges/{world.challenge.slug}/submissions/ HTTP/1.1\r\nAuthorization: Token {key}\r\n"
    head += f"Content-Type: text/csv\r\nContent-Length: {len(rows)}"
    return asked(port, head, rows[:30]), rows[30:]


def scores_of(world: World, place: int) -> None:
    """The scoring worker's answer, on its way to a web worker."""
    result = ScoreResult(world.images[place].pk, {one.digest: pack([0.9, 0.0, 0.0]) for one in world.classifiers})
    current_app.send_task(RECORD_SCORES, kwargs={"results": [result.to_message()]}, queue=QUEUE)


def test_what_was_begun_before_the_word_to_stop_is_done_once_and_nobody_else_is_let_in(tmp_path) -> None:
    world = make_world(slug="stopping")
    world.claim(world.finder(), (2, "cat"))
    pair, port = world.pair(2, "cat"), free_port()
    _, key = create_token(user=world.finder().user, name="program", scopes=["submit"], at=timezone.now())
    # Two processes with one connection at a time: a third waits at the door.
    web = ["gunicorn", "cats4ml.wsgi", "-c", "python:cats4ml.serving", "--bind", f"127.0.0.1:{port}"]
    web += ["--workers", "2", "--threads", "1", "--worker-connections", "1", "--graceful-timeout", "20"]
    celery = ["celery", "-A", "cats4ml", "worker", "-Q", QUEUE, "-c", "1", "--without-gossip", "--without-mingle"]
    with ExitStack() as stack:
        server = stack.enter_context(started(web, tmp_path / "web.log"))
        worker = stack.enter_context(started(celery, tmp_path / "worker.log"))
        stack.callback(drop_queues, [QUEUE])
        soon(lambda: may_connect(port))
        with transaction.atomic():
            Pair.objects.select_for_update().get(pk=pair.pk)
            scores_of(world, 2)
            soon(waiting_for_locks)
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE leaderboard_standing IN ACCESS EXCLUSIVE MODE")
            upload, rest = claims_in_two_halves(world, key, port)
            page = asked(port, f"GET /challenges/{world.challenge.slug}/leaderboard/ HTTP/1.1")
            soon(lambda: waiting_for_locks() == 2)
            at_the_door = asked(port, "GET /healthz/ HTTP/1.1")
            server.terminate()
            worker.terminate()
            soon(lambda: not may_connect(port))
            soon(lambda: "Warm shutdown" in (tmp_path / "worker.log").read_text())
            assert (server.poll(), worker.poll()) == (None, None)
            upload.sendall(rest)
        answers = [status_of(line) for line in (upload, page, at_the_door)]
        ends = [server.wait(timeout=30), worker.wait(timeout=30)]
    assert "Traceback" not in (tmp_path / "web.log").read_text()
    pair.refresh_from_db()
    assert (answers, ends) == ([200, 200, 200], [0, 0])
    assert Submission.objects.filter(pair__challenge=world.challenge).count() == 3
    assert (pair.state, Prediction.objects.filter(image=world.images[2]).count()) == ("in_review", 2)
    with current_app.connection_for_write() as broker:
        assert broker.default_channel.client.llen(QUEUE) == 0
