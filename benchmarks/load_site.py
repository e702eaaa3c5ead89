"""The part of `benchmarks.load` that needs Django set up: the edition, its people, the servers, and what is counted."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.utils import timezone

from benchmarks.clicks import await_answer, free_port
from benchmarks.queue_edition import make_queue_edition, new_rater, vacuum
from benchmarks.stage import make_pictures
from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import User
from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair

SLUG = "load"
SHARES = {"finders": 0.4, "raters": 0.4, "watchers": 0.2}
POLICY = Policy(quorum=5, base_quota=1_000_000, warm_up=0, control_percent=0, control_percent_least=0)
# What somebody may be kept waiting for no answer at all, of those who came in the rush.
MOST_UNANSWERED = 0.01
# So long after the rush those who gave up may still be answered before the others.
REST_SECONDS = 300.0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    plan = stage(people=options.people, pairs=options.pairs)
    say(f"{options.pairs:,} pairs and {options.people} people were made in {time.monotonic() - began:.0f} s")
    with _site(options) as address, _connections() as seen:
        plan |= {"address": address, "thumbnails": options.thumbnails}
        first = _people(plan, options.people, options.seconds)
        say(f"{options.people} people: {json.dumps(first, indent=1)}")
        parts = {"people": first}
        if options.times:
            parts["rush"] = _people(plan, options.people * options.times, options.surge_seconds)
            say(f"{options.people * options.times} people: {json.dumps(parts['rush'], indent=1)}")
            # Whoever was kept waiting is still being answered: the site is well again when it is ready.
            settled = time.monotonic()
            await_answer(f"{address}/readyz/", seconds=REST_SECONDS)
            parts["rush"]["seconds until it was ready again"] = round(time.monotonic() - settled, 1)
    most = _most_connections()
    holds = seen[0] < most and _held(parts["people"], 0.0) and _held(parts.get("rush", {}), MOST_UNANSWERED)
    return {**parts, "most_connections": seen[0], "of": most, "holds": holds}


def _held(part: dict[str, Any], unanswered: float) -> bool:
    answers = part.get("answers", {})
    lost = sum(number for status, number in answers.items() if status.startswith("none"))
    part["unanswered"] = round(lost / max(1, sum(answers.values())), 4)
    part["5xx"] = sum(number for status, number in answers.items() if status.startswith("5"))
    return part["5xx"] == 0 and part["unanswered"] <= unanswered


def stage(*, people: int, pairs: int, spare: int = 0, policy: Policy = POLICY) -> dict[str, Any]:
    """The edition and so many people, who are signed in, and what they claim. `spare`: pictures without pairs."""
    [picture] = make_pictures(1, size=(320, 240))
    key, _ = store_picture(content=picture, suffix=".jpg")
    numbers = {kind: max(2, int(people * share)) for kind, share in SHARES.items()}
    made = make_queue_edition(
        SLUG, waiting=pairs, policy=policy, finders=numbers["finders"], settled=pairs // 4, spare=spare, file=key
    )
    Image.objects.filter(collection=SLUG).update(thumbnail=key, upright=key)
    Pair.objects.filter(challenge=made.challenge, state=PairState.SETTLED).update(policy=made.challenge.policy)
    raters = [new_rater(made.challenge, f"load-rater-{number}") for number in range(numbers["raters"])]
    watchers = [
        User.objects.create_user(f"load-watcher-{number}", vouched_at=timezone.now())
        for number in range(numbers["watchers"])
    ]
    vacuum()
    signed_in = {
        "finders": [_person(one.user, ["submit"]) for one in made.finders],
        "raters": [_person(one.user, ["rate"]) for one in raters],
        "watchers": [_person(one, []) for one in watchers],
    }
    return {"slug": SLUG, "people": signed_in, **_pool(made.challenge)}


def _pool(challenge: Challenge) -> dict[str, Sequence[str]]:
    labels = TargetLabel.objects.filter(challenge=challenge).values_list("label__key", flat=True)
    return {
        "images": list(Image.objects.filter(collection=SLUG).values_list("image_id", flat=True)),
        "labels": list(labels),
    }


def _person(user: User, scopes: list[str]) -> dict[str, str]:
    """Signed in already: how a password is checked is no part of this load."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    _, token = create_token(user=user, name="load", scopes=scopes or ["submit"], at=timezone.now())
    # A secret of Django's length; a form sends back what the cookie says.
    return {"name": user.username, "session": session.session_key, "token": token, "csrf": secrets.token_hex(16)}


@contextmanager
def _site(options: argparse.Namespace) -> Iterator[str]:
    """The web server, a web worker and the clock; gives the address. Their words go to a file, whose end is shown."""
    port = free_port()
    environment = {
        **os.environ,
        "WEB_BIND": f"127.0.0.1:{port}",
        "WEB_PROCESSES": str(options.processes),
        "WEB_THREADS": str(options.threads),
        # One address stands for all these people.
        "API_RATE_USER": "100000/min",
        "API_RATE_ANONYMOUS": "100000/min",
        # All of them come from one address.
        "PAGE_RATE_SEARCH": "none",
        "PAGE_RATE_PICTURES": "none",
        "PAGE_RATE_FILES": "none",
        "PAGE_RATE_SENT": "none",
        "PAGE_RATE_PAGES": "none",
        "LOG_LEVEL": "WARNING",
    }
    python = sys.executable
    worker = ["worker", "-Q", "web", "-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    with tempfile.TemporaryDirectory(prefix="cats4ml-load-") as folder, ExitStack() as stack:
        log = stack.enter_context(open(f"{folder}/site.log", "w+", encoding="utf-8"))  # noqa: PTH123
        for command in (
            [python, "-m", "gunicorn", "cats4ml.wsgi", "-c", "python:cats4ml.serving"],
            [python, "-m", "celery", "-A", "cats4ml", *worker],
            [python, "-m", "celery", "-A", "cats4ml", "beat", "--schedule", f"{folder}/beat", "--pidfile", ""],
        ):
            process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        await_answer(f"http://127.0.0.1:{port}/readyz/")
        yield f"http://127.0.0.1:{port}"
        log.flush()
        say("".join(Path(log.name).read_text(encoding="utf-8").splitlines(keepends=True)[-20:]))


def _people(plan: dict[str, Any], number: int, seconds: int) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({**plan, "number": number, "seconds": seconds}, file)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.load_people", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 300, check=False)
    if done.returncode:
        raise RuntimeError(f"the people failed: {done.stderr[-3000:]}")
    return json.loads(done.stdout)


@contextmanager
def _connections() -> Iterator[list[int]]:
    """Looks twice a second how many connections the database has; the most of them is in the list."""
    seen, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
                seen[0] = max(seen[0], cursor.fetchone()[0])
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _most_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        return int(cursor.fetchone()[0])
