"""`/metrics`: what the processes counted and how the work stands, for Prometheus and whoever has its token."""

from __future__ import annotations

import hmac
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cats4ml.heartbeats import BACKUP, last_beats
from cats4ml.operations import health
from cats4ml.operations.metrics import registry

KEPT_SECONDS = 5.0


def _gauge(name: str, words: str, labels: list[str], values: Mapping[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(f"cats4ml_{name}", words, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(list(key), value)
    return family


def _by_edition(name: str, words: str, values: Mapping[str, float]) -> Metric:
    return _gauge(name, words, ["edition"], {(slug,): value for slug, value in values.items()})


def work_families(now: health.Standing) -> Iterator[Metric]:
    """How the work stands, as Prometheus has it."""
    yield _gauge(
        "pairs",
        "Pairs by where they stand.",
        ["edition", "state"],
        {(slug, state): number for (slug, state), number in now.pairs.items()},
    )
    yield _by_edition("oldest_queued_seconds", "Since when the first pair waits for a score.", now.oldest_queued)
    yield _by_edition("oldest_in_review_seconds", "Since when the first pair waits for raters.", now.oldest_in_review)
    yield _by_edition("stalled_pairs", "Pairs that wait for a score longer than two minutes.", now.stalled)
    yield _by_edition("ratings_last_hour", "Answers to pairs in the last hour.", now.ratings_hour)
    yield _by_edition("leases_open", "Pairs and controls in raters' hands.", now.leases)
    yield _gauge("mails", "Mails that wait, and that failed in the last day.", ["state"], _one(now.mails))
    yield GaugeMetricFamily("cats4ml_oldest_mail_seconds", "Since when the first mail waits.", value=now.oldest_mail)
    numbers = {kind: one.number for kind, one in now.building.items()}
    yield _gauge("building", "Files, releases and other work under way.", ["kind"], _one(numbers))
    oldest = {kind: one.oldest for kind, one in now.building.items()}
    yield _gauge("building_oldest_seconds", "Since when the first of them was asked for.", ["kind"], _one(oldest))
    yield _gauge("database_connections", "To the whole server.", ["state"], _one(now.connections))
    yield GaugeMetricFamily("cats4ml_database_connections_most", "What the server takes.", value=now.most_connections)


def _one(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): value for name, value in values.items()}


def queue_families() -> Iterator[Metric]:
    depths = health.queue_depths(suffixes=health.queue_suffixes())
    values: dict[tuple[str, ...], float] = {(name, str(step)): number for (name, step), number in depths.items()}
    yield _gauge("queue_messages", "Messages that wait in Redis.", ["queue", "priority"], values)


def beat_families(at: datetime) -> Iterator[Metric]:
    ages = {name: (at - last).total_seconds() for name, last in last_beats().items()}
    backup = GaugeMetricFamily(
        "cats4ml_backup_age_seconds", "How old the newest backup is; no figure before the first."
    )
    if BACKUP in ages:
        backup.add_metric([], ages.pop(BACKUP))
    yield backup
    yield _gauge("heartbeat_age_seconds", "Since when nothing was heard of a kind of process.", ["process"], _one(ages))


class Work(Collector):
    """How the work stands, read at most every few seconds however many ask. A part that can't be read is told as such,
    and the others are told all the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._at = float("-inf")

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._at >= KEPT_SECONDS:
                self._kept = list(self._read(timezone.now()))
                self._at = time.monotonic()
            yield from self._kept

    def _read(self, at: datetime) -> Iterator[Metric]:
        parts: dict[str, Callable[[], Iterator[Metric]]] = {
            "work": lambda: work_families(health.standing(at=at)),
            "queues": queue_families,
            "heartbeats": lambda: beat_families(at),
        }
        readable: dict[tuple[str, ...], float] = {}
        for name, part in parts.items():
            try:
                families = list(part())
            except Exception:
                readable[name,] = 0.0
            else:
                readable[name,] = 1.0
                yield from families
        yield _gauge("readable", "Whether these figures could be read.", ["part"], readable)


_work = Work()


def may_read(request: HttpRequest) -> bool:
    """With a token set, whoever has it. Without one only this machine, and in production nobody: a proxy on the same
    machine asks from the same address for the whole world."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    if settings.PRODUCTION or "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    address = request.META.get("REMOTE_ADDR", "")
    # Over a unix socket there is no address.
    return not address or ipaddress.ip_address(address).is_loopback


def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        return HttpResponseNotFound("Not found.\n", content_type="text/plain")
    standing = CollectorRegistry()
    standing.register(_work)
    text = generate_latest(registry()) + generate_latest(standing)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
