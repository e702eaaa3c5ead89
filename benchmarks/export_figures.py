"""The part of `benchmarks.export` that needs Django set up."""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks.queue_edition import make_queue_edition, vacuum
from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge
from cats4ml.releases.rows import RELEASED_COLUMNS, settled_pairs
from cats4ml.rules.policy import Policy

COLUMNS = (
    "image__image_id", "label__key", "label__name", "yes_ratings", "no_ratings", "dont_know_ratings",
)  # fmt: skip


class Sink:
    """Counts and digests what is written to it, and keeps nothing."""

    def __init__(self) -> None:
        self.rows = -1  # the header
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        self.rows += block.count(b"\n")
        self.digest.update(block)
        return len(block)


def measure(pairs: int, runs: int) -> dict[str, Any]:
    settings.ALLOWED_HOSTS = ["*"]
    slug = f"export-{pairs}"
    challenge = make_queue_edition(slug, waiting=0, settled=pairs, policy=Policy()).challenge
    vacuum()
    client = Client()
    client.force_login(User.objects.create_superuser(slug, f"{slug}@example.org", "x"))
    before = peak_mb()
    ours = min((timed(lambda: export(client, slug)) for _ in range(runs)), key=lambda one: one[0])
    grew = peak_mb() - before
    ordered = min((timed(lambda: copy(challenge, ordered=True)) for _ in range(runs)), key=lambda one: one[0])
    plain = min((timed(lambda: copy(challenge, ordered=False)) for _ in range(runs)), key=lambda one: one[0])
    return {
        "pairs": ours[1].rows,
        "rows_per_second": round(pairs / ours[0]),
        "bare_copy_rows_per_second": round(pairs / ordered[0]),
        "bare_copy_without_order_rows_per_second": round(pairs / plain[0]),
        "times_as_long_as_bare": round(ours[0] / ordered[0], 2),
        "same_bytes": ours[1].digest.hexdigest() == ordered[1].digest.hexdigest(),
        "peak_memory_grew_mb": round(grew, 1),
        "peak_memory_mb": round(peak_mb()),
    }


def timed(work: Callable[[], Sink]) -> tuple[float, Sink]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def export(client: Client, slug: str) -> Sink:
    sink = Sink()
    answer = client.get(f"/api/v1/challenges/{slug}/pairs/", {"format": "csv"})
    assert answer.status_code == 200, answer.content
    for block in answer.streaming_content:
        sink.write(block)
    return sink


def copy(challenge: Challenge, *, ordered: bool) -> Sink:
    rows = settled_pairs(challenge)
    chosen = (rows if ordered else rows.order_by()).values_list(*COLUMNS)
    query, values = chosen.query.get_compiler(connection=connection).as_sql()
    sink = Sink()
    with connection.cursor() as cursor:
        inner = cursor.cursor.mogrify(query, values).decode()
        # `machine_score` is the verdict as a number, which Django has no name for.
        inner = inner.replace(" FROM ", ', "submissions_pair"."machine_yes"::int FROM ', 1)
        names = ",".join(RELEASED_COLUMNS)
        sink.write(f"{names}\n".encode())
        cursor.copy_expert(f"COPY ({inner}) TO STDOUT WITH (FORMAT csv)", sink, size=65536)
    return sink
