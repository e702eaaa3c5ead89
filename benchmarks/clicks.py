"""The part of `benchmarks.latency` that needs Django set up."""

from __future__ import annotations

import argparse
import json
import math
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from django.conf import settings
from django.utils import timezone

from benchmarks.edition import Edition, await_scored, claim, make_edition, new_finder
from benchmarks.stage import Weights, make_pictures
from cats4ml.accounts.actions import create_token
from cats4ml.challenges.models import Participation
from cats4ml.console.workers import EditionWorkers, edition_workers, worker_environment
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair

START_SECONDS = 60.0
LOOK_SECONDS = 0.005
CLICK_PATIENCE = 600.0


def measure(options: argparse.Namespace, weights: Weights) -> dict[str, object]:
    """Both conditions, one after the other on the same workers; every click is a picture of its own."""
    width, height = (int(part) for part in options.size.split("x"))
    number = 2 * options.clicks + options.rows + 2
    edition = make_edition("latency", make_pictures(number, size=(width, height)), weights)
    places = iter(range(number))
    clicker = new_finder(edition.challenge, "clicker")
    with edition_workers(edition.challenge, classifiers_dir=weights.folder) as workers, web_server() as address:
        click = _clicker(edition, clicker, address)
        claim(edition, [next(places), next(places)])  # the classifiers are loaded
        await_scored(edition, 2, workers)
        idle = [click(next(places)) for _ in range(options.clicks)]
        loaded, rate = _under_load(edition, click, places, options, workers)
    whole = options.rows / rate
    return {
        "idle": summary(idle),
        "under_load": summary(loaded),
        "csv_rows": options.rows,
        "csv_rows_per_second_meanwhile": round(rate, 1),
        "csv_seconds_in_all": round(whole, 1),
        "interactive_share": round(percentile(loaded, 95) / whole, 4),
    }


def _under_load(
    edition: Edition,
    click: Callable[[int], float],
    places: Iterator[int],
    options: argparse.Namespace,
    workers: EditionWorkers,
) -> tuple[list[float], float]:
    """The clicks' seconds while the CSV is scored, and how many rows of it were scored in a second.

    Raises `RuntimeError` where the CSV was done before the clicks were: a longer one is needed.
    """
    bulk = [next(places) for _ in range(options.rows)]
    pause = random.Random(0)
    claim(edition, bulk)
    queued = Pair.objects.filter(challenge=edition.challenge, state=PairState.QUEUED)
    began, then = time.monotonic(), queued.count()
    seconds = []
    for _ in range(options.clicks):
        time.sleep(pause.uniform(0, 0.5))  # lest every click meets the workers at the same moment of their round
        seconds.append(click(next(places)))
        workers.check()
    left, took = queued.count(), time.monotonic() - began
    if not left:
        raise RuntimeError("the CSV was scored before the clicks were done: ask for more --rows")
    return seconds, (then - left) / took


def _clicker(edition: Edition, person: Participation, address: str) -> Callable[[int], float]:
    _, key = create_token(user=person.user, name="benchmark", scopes=["submit"], at=timezone.now())
    url = f"{address}/api/v1/challenges/{edition.challenge.slug}/submissions/"
    headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}

    def click(place: int) -> float:
        image = edition.images[place]
        body = json.dumps({"image_id": image.image_id, "label_id": edition.labels[0]}).encode()
        began = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=60) as answer:
            answer.read()
        scored = Pair.objects.filter(challenge=edition.challenge, image=image, state=PairState.IN_REVIEW)
        while not scored.exists():
            if time.monotonic() - began > CLICK_PATIENCE:
                raise RuntimeError(f"a click had no score after {CLICK_PATIENCE:.0f} s")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    return click


@contextmanager
def web_server(*, workers: int = 1) -> Iterator[str]:
    """The site's web server as `make run` has it, on a free port; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "cats4ml.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", "4", "--log-level", "warning"]
    environment = {**worker_environment(settings.CLASSIFIERS_DIR), "API_RATE_USER": "100000/min"}
    server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)
    try:
        await_answer(f"http://127.0.0.1:{port}/readyz/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(url: str, *, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def summary(seconds: Iterable[float]) -> dict[str, float]:
    values = sorted(seconds)
    return {
        "clicks": len(values),
        "p50": round(median(values), 3),
        "p95": round(percentile(values, 95), 3),
        "worst": round(values[-1], 3),
    }


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
