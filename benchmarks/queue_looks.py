"""The part of `benchmarks.queue_depth` that needs Django set up."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import median

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.clicks import percentile
from benchmarks.queue_edition import give_history, make_queue_edition, make_sensitive, new_rater, vacuum
from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.models import Participation
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.giving import statement
from cats4ml.review.models import Waiting
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy

WARM_UP = 20


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace) -> dict[str, object]:
    sizes = {size: _at_size(size, options) for size in options.sizes}
    first, last = sizes[options.sizes[0]], sizes[options.sizes[-1]]
    ratios = {who: round(last[who]["next p50 ms"] / first[who]["next p50 ms"], 2) for who in first if who != "made"}
    return {"waiting": sizes, "next p50, largest to smallest": ratios}


def _at_size(size: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    began = time.monotonic()
    policy = Policy(quorum=5, warm_up=0, control_percent=0, control_percent_least=0, fast_seconds=0, same_answers=0)
    edition = make_queue_edition(f"depth-{size}", waiting=size, policy=policy, settled=options.answers)
    seconds = round(time.monotonic() - began, 1)
    veteran = new_rater(edition.challenge, f"veteran-{size}")
    begun = min(size // 2, options.answers // 2)
    give_history(veteran, begun=begun, ended=options.answers - begun)
    raters = {"fresh rater": new_rater(edition.challenge, f"fresh-{size}"), "experienced rater": veteran}
    if options.sensitive:
        make_sensitive(edition.challenge, options.sensitive)
        raters["rater of every kind"] = new_rater(edition.challenge, f"willing-{size}")
        raters["rater of every kind"].sensitive_kinds = SensitiveKind.values
        raters["rater of every kind"].save()
    vacuum()
    say(f"{size:,} pairs wait: made in {seconds} s")
    figures = {}
    for who, rater in raters.items():
        if options.plans:
            _explain(rater)
        figures[who] = _looks(rater, options.looks)
        say(f"  {who}: {figures[who]}")
    waiting = Waiting.objects.filter(challenge=edition.challenge).count()
    return {"made": {"seconds": seconds, "rows": waiting}, **figures}


def _looks(rater: Participation, number: int) -> dict[str, float]:
    asked, answered = [], []
    for _ in range(WARM_UP + number):
        began = time.perf_counter()
        leases = hold_leases(rater=rater, at=timezone.now())
        asked.append(time.perf_counter() - began)
        if len(leases) < 2:
            raise RuntimeError("the queue ran dry: ask for fewer --looks")
        began = time.perf_counter()
        cast_rating(rater=rater, token=leases[0].token, answer=Answer.NO, at=timezone.now())
        answered.append(time.perf_counter() - began)
    return {**_summary("next", asked[WARM_UP:]), **_summary("answer", answered[WARM_UP:])}


def _summary(name: str, seconds: Sequence[float]) -> dict[str, float]:
    p95 = percentile(seconds, 95)
    return {f"{name} p50 ms": round(median(seconds) * 1000, 2), f"{name} p95 ms": round(p95 * 1000, 2)}


def _explain(rater: Participation) -> None:
    sql, arguments = statement(rater)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + sql, arguments)
        say("\n".join(f"    {row[0]}" for row in cursor.fetchall()))
        transaction.set_rollback(True)
