"""A real worker process behind a real Redis: one message in, one message out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from PIL import Image

from models_zoo.spec import ClassifierSpec
from scoring.broker import celery_broker_url
from scoring.contract import (
    MISSING_IMAGE,
    QUARANTINED,
    RECORD_SCORES,
    SCORE_IMAGES,
    SCORING_QUEUE,
    ImageRef,
    ScoreRequest,
)
from tests.flows.site import free_port
from tests.models_zoo.cards import write_perceptron
from tests.scoring.conftest import wait_for

pytestmark = pytest.mark.slow
REPLIES = "replies"


@pytest.fixture
def spec(tmp_path: Path) -> ClassifierSpec:
    for number in range(4):
        Image.new("RGB", (30, 30), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    Image.new("RGB", (30, 30), "grey").save(tmp_path / "grey.png")
    return write_perceptron(tmp_path)


@contextmanager
def running(redis_url: str, folder: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker; its log is `worker.log` in `folder`."""
    ours = {"REDIS_URL": redis_url, "IMAGES_URL": str(folder), "CLASSIFIERS_DIR": str(folder), "SCORING_THREADS": "1"}
    command = [sys.executable, "-m", "celery", "-A", "scoring.app", "worker", "-Q", SCORING_QUEUE, "-l", "info"]
    with (folder / "worker.log").open("a") as out:
        process = subprocess.Popen(command, env=os.environ | ours | settings, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def ask(app: Celery, spec: ClassifierSpec, keys: list[str], **extra: Any) -> None:
    refs = tuple(ImageRef(number, key) for number, key in enumerate(keys))
    request = ScoreRequest(refs, (spec.to_dict(with_labels=False),), REPLIES).to_message()
    app.send_task(SCORE_IMAGES, kwargs={"request": request} | extra, queue=SCORING_QUEUE)


def reply(app: Celery) -> Any:
    """The next message in the reply queue, as (task name, results)."""
    with app.connection_for_read() as connection, connection.SimpleQueue(REPLIES) as queue:
        message = queue.get(timeout=200)
        message.ack()
        _args, kwargs, _embed = message.payload
        return message.headers["task"], kwargs["results"]


def test_a_worker_answers_by_name_survives_a_surprise_and_finishes_what_it_has_in_hand(
    redis_url: str, tmp_path: Path, spec: ClassifierSpec
) -> None:
    app = Celery(broker=celery_broker_url(redis_url), set_as_current=False)
    broken = ClassifierSpec.from_dict(
        {k: v for k, v in spec.to_dict().items() if k != "digest"} | {"weights": "none.pt", "sha256": "0" * 64}
    )
    slow, log = tmp_path / "slow.png", tmp_path / "worker.log"
    slow.symlink_to(slow)  # can't be read at first, and is tried again
    port = free_port()
    with running(redis_url, tmp_path, SCORING_METRICS_PORT=str(port)) as process:
        ask(app, broken, ["grey.png"])
        ask(app, spec, ["grey.png", "none.png"], a_later_keyword=1)
        name, results = reply(app)
        wait_for(lambda: "scored 2 pictures with 1 classifiers in" in log.read_text(), seconds=10)
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20).read().decode()
        ask(app, spec, ["slow.png"])
        wait_for(lambda: redis.Redis.from_url(redis_url).keys("scoring:tries:*"), seconds=60)
        process.terminate()
        (tmp_path / "0.png").rename(slow)
        assert process.wait(timeout=30) == 0
    assert name == RECORD_SCORES
    assert 'cats4ml_scoring_results_total{result="missing_image"} 1.0' in told.splitlines()
    assert [(r["image"], r["error"], list(r["probabilities"])) for r in results] == [
        (0, "", [spec.digest]),
        (1, MISSING_IMAGE, []),
    ]
    assert "'none.pt' can't be read from the folder of classifiers" in log.read_text()
    assert "scoring on c" in log.read_text()
    assert "1 failed, 1 missing_image" in log.read_text()
    assert [(r["image"], r["error"]) for r in reply(app)[1]] == [(0, "")]
    assert redis.Redis.from_url(redis_url).hlen("unacked") == 0


# Python runs this before the worker's own code: a decoder that really dies of some bytes.
DEADLY = """
import os, signal
from PIL import Image
opened = Image.open
def deadly(file, *args, **options):
    if file.getvalue().startswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return opened(file, *args, **options)
Image.open = deadly
"""


def test_a_picture_that_kills_its_worker_is_quarantined_and_the_others_are_scored(
    redis_url: str, tmp_path: Path, spec: ClassifierSpec
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DEADLY)
    (tmp_path / "deadly.png").write_bytes(b"deadly")
    app = Celery(broker=celery_broker_url(redis_url), set_as_current=False)
    keys = ["0.png", "1.png", "2.png", "deadly.png"]
    with running(redis_url, tmp_path, PYTHONPATH=str(tmp_path / "site")) as first:
        ask(app, spec, keys)
        assert first.wait(timeout=60) == -signal.SIGKILL
    with running(redis_url, tmp_path, PYTHONPATH=str(tmp_path / "site")) as second:
        ask(app, spec, keys)  # as the sweep does
        _name, results = reply(app)
        ask(app, spec, ["3.png"])
        assert [r["error"] for r in reply(app)[1]] == [""]
        assert second.poll() is None
    assert [(r["image"], r["error"], list(r["probabilities"])) for r in results] == [
        (0, "", [spec.digest]),
        (1, "", [spec.digest]),
        (2, "", [spec.digest]),
        (3, QUARANTINED, []),
    ]
    assert results[3]["detail"] == (
        "Its worker died over this picture 3 times; the last time it was ended by signal 9. It isn't tried any more."
    )
    assert redis.Redis.from_url(redis_url).keys("scoring:tries:*") == []


def test_a_worker_without_its_settings_says_so() -> None:
    ours = ("REDIS_URL", "IMAGES_URL", "CLASSIFIERS_DIR")
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "scoring.app", "worker"],
        env={key: value for key, value in os.environ.items() if key not in ours},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "IMAGES_URL is not set" in done.stderr
