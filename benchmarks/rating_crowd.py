"""The part of `benchmarks.raters` that needs Django set up."""

from __future__ import annotations

import argparse
import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from statistics import median
from urllib.parse import urlsplit

from django.db import connection
from django.utils import timezone

from benchmarks.clicks import percentile, web_server
from benchmarks.queue_edition import make_queue_edition, new_rater, vacuum
from cats4ml.accounts.actions import create_token
from cats4ml.review.actions.answering import finalise_due
from cats4ml.rules.policy import Policy

QUORUM = 5
DATABASE_CLIENTS = 8
# A rater who finds nothing asks again: what others hold may come back.
PATIENCE = 3

_OVER = """
SELECT count(*) FROM (SELECT pair_id FROM review_rating WHERE state IN ('final', 'provisional') AND pair_id IS NOT NULL
    GROUP BY pair_id HAVING count(*) > %s) pairs
"""
_DOUBLED = "SELECT count(*) FROM (SELECT 1 FROM review_lease GROUP BY pair_id, rater_id HAVING count(*) > 1) twice"
_STARVED = "SELECT count(*) FROM submissions_pair WHERE state = 'in_review'"


@dataclass
class Times:
    """Seconds of each request of one rater."""

    asked: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)


def measure(options: argparse.Namespace) -> dict[str, object]:
    kind = {"verdict_rule": "lead", "lead": 2, "max_ratings": QUORUM} if options.rule == "lead" else {"quorum": QUORUM}
    quiet = {"warm_up": 0, "control_percent": 0, "control_percent_least": 0}
    policy = Policy.from_dict({**kind, **quiet, "provisional_seconds": 1, "fast_seconds": 0, "same_answers": 0})
    edition = make_queue_edition("crowd", waiting=options.ratings // QUORUM, policy=policy, finders=10)
    raters = [new_rater(edition.challenge, f"rater-{number}") for number in range(options.raters)]
    keys = [create_token(user=one.user, name="benchmark", scopes=["rate"], at=timezone.now())[1] for one in raters]
    vacuum()
    with web_server(workers=options.workers) as address:
        limit = _bare_requests(address, options.raters)
        began = time.monotonic()
        times = _at_once([partial(_rate, address, edition.challenge.slug, key) for key in keys])
        seconds = time.monotonic() - began
    finalise_due(at=timezone.now() + timedelta(minutes=10))
    asked = [one for rater in times for one in rater.asked]
    answered = [one for rater in times for one in rater.answered]
    # Who finds nothing looks a few times more, with pauses: that is no part of the work.
    per_second = len(answered) / (seconds - PATIENCE * 0.5)
    database = _bare_transactions()
    return {
        "raters": options.raters,
        "rule": options.rule,
        "ratings": len(answered),
        "ratings_per_second": round(per_second, 1),
        "next": _summary(asked),
        "answer": _summary(answered),
        "over_assigned": _number(_OVER, QUORUM),
        "doubled": _number(_DOUBLED),
        "starved": _number(_STARVED),
        "bare_requests_per_second": round(limit, 1),
        "share_of_bare_http": round(2 * per_second / limit, 3),
        "bare_row_transactions_per_second": round(database, 1),
        "share_of_bare_database": round(2 * per_second / database, 3),
    }


def _at_once(calls: Sequence[Callable[[], Times]]) -> list[Times]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def _rate(address: str, slug: str, key: str) -> Times:
    """Ask and answer until nothing waits. Raises `RuntimeError` for an answer of the site that is no success."""
    times, dry = Times(), 0
    client = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
    base = f"/api/v1/challenges/{slug}/ratings/"
    while dry < PATIENCE:
        began = time.perf_counter()
        status, body = _request(client, "GET", base + "next/", key)
        if status == 204:
            dry += 1
            time.sleep(0.5)
            continue
        times.asked.append(time.perf_counter() - began)
        sent = json.dumps({"token": json.loads(body)["token"], "answer": "no"})
        began = time.perf_counter()
        _request(client, "POST", base, key, sent)
        times.answered.append(time.perf_counter() - began)
    return times


def _request(
    client: http.client.HTTPConnection, method: str, path: str, key: str = "", body: str | None = None
) -> tuple[int, bytes]:
    headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"} if key else {}
    client.request(method, path, body, headers)
    answer = client.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
    return answer.status, content


def _bare_requests(address: str, clients: int, *, each: int = 20) -> float:
    """Requests per second of the same number of clients at an address that does next to nothing."""

    def ask() -> Times:
        client = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
        for _ in range(each):
            _request(client, "GET", "/healthz/")
        return Times()

    began = time.monotonic()
    _at_once([ask] * clients)
    return clients * each / (time.monotonic() - began)


def _bare_transactions(*, each: int = 200) -> float:
    """Transactions per second that lock one free row of a small table and write it, by a few connections."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_row AS SELECT number AS id, 0 AS places FROM generate_series(1, 1000) number")
        cursor.execute("ALTER TABLE bare_row ADD PRIMARY KEY (id)")

    def work() -> Times:
        with connection.cursor() as cursor:
            for _ in range(each):
                cursor.execute(
                    "BEGIN; UPDATE bare_row SET places = places + 1 WHERE id = (SELECT id FROM bare_row"
                    " WHERE places < 99 ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED); COMMIT"
                )
        connection.close()
        return Times()

    began = time.monotonic()
    _at_once([work] * DATABASE_CLIENTS)
    return DATABASE_CLIENTS * each / (time.monotonic() - began)


def _number(sql: str, *arguments: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(arguments))
        return int(cursor.fetchone()[0])


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50 ms": round(median(seconds) * 1000, 1), "p95 ms": round(percentile(seconds, 95) * 1000, 1)}
