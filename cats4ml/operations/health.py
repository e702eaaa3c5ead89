"""How the work stands, in figures: what waits, for how long, and what is under way. Read in one short transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet

from cats4ml.accounts.models import MailState, OutgoingMail
from cats4ml.challenges.models import Challenge, DataFile, DataFileState, PoolOrder, PoolOrderState
from cats4ml.releases.models import Evaluation, EvaluationState, Release, ReleaseState
from cats4ml.review.models import Lease, PolicyWork, Rating, RatingState
from cats4ml.review.models.policies import ON_THE_WAY
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair
from scoring.broker import PRIORITY_STEPS
from scoring.contract import SCORING_QUEUE, WEB_QUEUE, queue_name

READ_SECONDS = 5
STALLED_AFTER = timedelta(minutes=2)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# What kombu puts between a queue's name and a priority, in the name of a list in Redis.
PRIORITY_MARK = "\x06\x16"


@dataclass(frozen=True, kw_only=True)
class Building:
    """Work of one kind that is under way: how many, and how many seconds ago the first was asked for."""

    number: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class Standing:
    """All of it at one moment. By edition means by its slug; ages are in seconds."""

    pairs: Mapping[tuple[str, str], int]
    oldest_queued: Mapping[str, float]
    oldest_in_review: Mapping[str, float]
    stalled: Mapping[str, int]
    ratings_hour: Mapping[str, int]
    leases: Mapping[str, int]
    mails: Mapping[str, int]
    oldest_mail: float
    building: Mapping[str, Building]
    connections: Mapping[str, int]
    most_connections: int


def standing(*, at: datetime) -> Standing:
    """Raises what the database raises; it gives up after a few seconds, lest looking make a busy database busier."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{READ_SECONDS}s'")
        queued = Pair.objects.filter(state=PairState.QUEUED)
        waiting = OutgoingMail.objects.filter(state=MailState.WAITING).aggregate(n=Count("pk"), first=Min("created_at"))
        failed = OutgoingMail.objects.filter(state=MailState.FAILED, ended_at__gt=at - DAY).count()
        connections, most = _connections()
        return Standing(
            pairs=_pairs(),
            oldest_queued=_ages(queued, "state_changed_at", at),
            oldest_in_review=_ages(Pair.objects.filter(state=PairState.IN_REVIEW), "created_at", at),
            stalled=_counts(queued.filter(state_changed_at__lt=at - STALLED_AFTER), "challenge__slug"),
            ratings_hour=_counts(_ratings_since(at - HOUR), "rater__challenge__slug"),
            leases=_counts(Lease.objects.filter(closed_at=None), "rater__challenge__slug"),
            mails={"waiting": waiting["n"], "failed": failed},
            oldest_mail=_age(waiting["first"], at),
            building=_building(at),
            connections=connections,
            most_connections=most,
        )


def _pairs() -> dict[tuple[str, str], int]:
    rows = Pair.objects.order_by().values_list("challenge__slug", "state").annotate(n=Count("pk"))
    return {(slug, state): number for slug, state, number in rows}


def _counts(rows: QuerySet[Any], by: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(by).annotate(n=Count("pk")))


def _ages(rows: QuerySet[Any], since: str, at: datetime) -> dict[str, float]:
    firsts = rows.order_by().values_list("challenge__slug").annotate(first=Min(since))
    return {slug: _age(first, at) for slug, first in firsts}


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0


def _ratings_since(since: datetime) -> QuerySet[Rating]:
    """Answers that became final since then or may still be undone: both kinds have an index by time."""
    recent = Q(final_at__gt=since) | Q(state=RatingState.PROVISIONAL, created_at__gt=since)
    return Rating.objects.filter(recent, pair__isnull=False)


def _building(at: datetime) -> dict[str, Building]:
    """What workers build for somebody who asked, by kind."""
    done = (PoolOrderState.DONE, PoolOrderState.FAILED)
    kinds: Iterable[tuple[str, QuerySet[Any], str]] = (
        (
            "data_file",
            DataFile.objects.filter(state__in=[DataFileState.WAITING, DataFileState.BUILDING]),
            "requested_at",
        ),
        ("release", Release.objects.filter(state__in=[ReleaseState.WAITING, ReleaseState.BUILDING]), "requested_at"),
        (
            "evaluation",
            Evaluation.objects.filter(state__in=[EvaluationState.WAITING, EvaluationState.RUNNING]),
            "created_at",
        ),
        ("policy", PolicyWork.objects.filter(state__in=ON_THE_WAY), "requested_at"),
        ("pool", PoolOrder.objects.exclude(state__in=done), "requested_at"),
    )
    found = {}
    for kind, rows, since in kinds:
        counted = rows.aggregate(n=Count("pk"), first=Min(since))
        found[kind] = Building(number=counted["n"], oldest=_age(counted["first"], at))
    return found


def _connections() -> tuple[dict[str, int], int]:
    """Of the whole server, for it is the server that runs out of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' GROUP BY 1"
        )
        by_state = dict(cursor.fetchall())
        cursor.execute("SELECT current_setting('max_connections')::int")
        return by_state, int(cursor.fetchone()[0])


def queue_depths(*, suffixes: Iterable[str]) -> dict[tuple[str, int], int]:
    """How many messages wait in Redis, by queue and priority. `suffixes`: of editions with workers of their own."""
    names = [queue_name(base, suffix) for base in (WEB_QUEUE, SCORING_QUEUE) for suffix in sorted({"", *suffixes})]
    wanted = [(name, step) for name in names for step in PRIORITY_STEPS]
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=READ_SECONDS) as client, client.pipeline() as pipe:
        for name, step in wanted:
            pipe.llen(f"{name}{PRIORITY_MARK}{step}" if step else name)
        return dict(zip(wanted, pipe.execute(), strict=True))


def queue_suffixes() -> list[str]:
    return list(Challenge.objects.exclude(queue="").order_by().values_list("queue", flat=True).distinct())
