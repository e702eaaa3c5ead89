"""What `benchmarks.standings` measures. Needs Django set up."""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event

from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks.clicks import summary
from benchmarks.standings import in_a_process
from benchmarks.standings_edition import make_standings_edition
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.leaderboard.actions import count_lines, recount_board, recount_in_turn
from cats4ml.leaderboard.drawing import draw_ranks
from cats4ml.leaderboard.models import Board
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.actions.settlement import settle_pair
from cats4ml.submissions.models import Credit, Pair

SLUG = "standings"


def measure(options: argparse.Namespace) -> dict[str, object]:
    began = time.perf_counter()
    challenge = make_standings_edition(SLUG, pairs=options.pairs, finders=options.finders, raters=options.raters)
    made = time.perf_counter() - began
    counts = [_seconds(lambda: count_lines(challenge)) for _ in range(3)]
    recount_board(challenge=challenge, at=timezone.now())
    before = _peak_mb()
    drawn = _seconds(lambda: draw_ranks(challenge=challenge, at=timezone.now(), draws=options.draws))
    memory = {"before_mb": before, "after_mb": _peak_mb()}
    client = _signed_in(challenge)
    return {
        "pairs": options.pairs,
        "finders": options.finders,
        "credits": Credit.objects.count(),
        "seconds_to_make": round(made, 1),
        "count_seconds": [round(one, 2) for one in counts],
        "drawing": {"seconds": round(drawn, 1), "draws": options.draws, "peak_memory": memory},
        "at_rest": _pages(client, options.looks),
        "while_settling": _while_settling(client, options),
    }


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _signed_in(challenge: Challenge) -> Client:
    client = Client(headers={"host": "localhost"})
    finder = Participation.objects.filter(challenge=challenge, role=Role.FINDER).order_by("-pk")[0]
    client.force_login(finder.user)
    return client


def _pages(client: Client, looks: int) -> dict[str, dict[str, float]]:
    page, table = reverse("leaderboard:board", args=[SLUG]), reverse("leaderboard:csv", args=[SLUG])
    api = f"/api/v1/challenges/{SLUG}/standings/"
    client.get(page)

    def cold(_: int) -> None:
        _ok(client, page)

    def clear() -> None:
        # All that is kept of the page, its database connection with it; the session is kept elsewhere.
        cache.clear()
        connection.close()

    return {
        "page_cold_ms": _timed(looks, cold, before=clear),
        "page_warm_ms": _timed(looks, lambda _: _ok(client, page)),
        "unchanged_ms": _timed(looks, lambda _: _renewal(client, page)),
        "api_ms": _timed(looks, lambda _: _ok(client, api)),
        "csv_ms": _timed(max(5, looks // 6), lambda _: _ok(client, table)),
    }


def _ok(client: Client, address: str) -> None:
    reply = client.get(address)
    assert reply.status_code == 200, (address, reply.status_code)
    b"".join(reply.streaming_content if reply.streaming else [reply.content])


def _renewal(client: Client, page: str) -> None:
    """What an open page asks every five seconds: mostly nothing changed, and then it is told so and no more."""
    reply = client.get(page, {"seen": _renewal.seen}, headers={"HX-Request": "true"})  # type: ignore[attr-defined]
    if reply.status_code == 200:
        found = re.search(r"seen=([0-9a-f]+)", reply.content.decode())
        _renewal.seen = found.group(1) if found else ""  # type: ignore[attr-defined]


_renewal.seen = ""  # type: ignore[attr-defined]


def _timed(looks: int, act: Callable[[int], None], *, before: Callable[[], None] = lambda: None) -> dict[str, float]:
    taken = []
    for look in range(looks):
        before()
        began = time.perf_counter()
        act(look)
        taken.append(1000 * (time.perf_counter() - began))
    return {name: round(value, 1) for name, value in summary(taken).items()}


def _while_settling(client: Client, options: argparse.Namespace) -> dict[str, object]:
    """The same pages while pairs are settled by one process and the board is counted by another."""
    fresh = multiprocessing.get_context("spawn")
    stop, settled, counted = fresh.Event(), fresh.Value("i", 0), fresh.Value("i", 0)
    helpers = [
        fresh.Process(target=in_a_process, args=("settle_steadily", stop, settled, options.settling)),
        fresh.Process(target=in_a_process, args=("count_in_turn", stop, counted)),
    ]
    for helper in helpers:
        helper.start()
    began, shown = time.monotonic(), {}
    try:
        while settled.value == 0 and time.monotonic() - began < options.seconds:
            time.sleep(0.1)
        first, start = settled.value, time.monotonic()
        while time.monotonic() - start < options.seconds:
            shown = _pages(client, options.looks)
        rate = (settled.value - first) / (time.monotonic() - start)
    finally:
        stop.set()
        for helper in helpers:
            helper.join(60)
    last = Board.objects.get(challenge__slug=SLUG)
    return {
        "settled_per_second": round(rate, 1),
        "counts": counted.value,
        "seconds_of_a_count": round(last.seconds, 2),
        **shown,
    }


def settle_steadily(stop: Event, settled: object, rate: float) -> None:
    """Settle pairs in review, so many a second, by the platform's own action."""
    challenge = Challenge.objects.select_related("policy").get(slug=SLUG)
    waiting = Pair.objects.filter(challenge=challenge, state=PairState.IN_REVIEW).order_by("pk")
    began = time.monotonic()
    assert challenge.policy is not None
    for place, pk in enumerate(waiting.values_list("pk", flat=True)):
        if stop.is_set():
            return
        time.sleep(max(0.0, began + place / rate - time.monotonic()))
        with transaction.atomic():
            pair, tally = lock_pair(pk), Tally(yes=4, no=1, dont_know=0)
            settle_pair(
                pair=pair, verdict=Verdict.YES, tally=tally, policy=challenge.policy, ratings=[], at=timezone.now()
            )
        settled.value = place + 1  # type: ignore[attr-defined]


def count_in_turn(stop: Event, counted: object) -> None:
    """Count the board as a web worker does: a second after it was rung, and not before the last count has rested."""
    challenge = Challenge.objects.get(slug=SLUG)
    while not stop.is_set():
        wait = recount_in_turn(challenge=challenge, at=timezone.now())
        counted.value += not wait  # type: ignore[attr-defined]
        stop.wait(max(1.0, wait))
