"""What is measured, who may read it, and that it is what happened."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from cats4ml.accounts.mail import post
from cats4ml.accounts.models import MailState, OutgoingMail
from cats4ml.challenges.dispatch import BUILD_DATA_FILE
from cats4ml.challenges.tasks import sweep_data_files
from cats4ml.heartbeats import BACKUP, WEB, beat
from cats4ml.operations import exposition as exposed
from cats4ml.operations import health
from cats4ml.operations.health import Building
from cats4ml.review.models import Lease
from cats4ml.submissions.models import Pair
from tests.factories import World


@pytest.fixture(autouse=True)
def fresh_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposed, "_work", exposed.Work())


def exposition() -> str:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return answer.text


def value_of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_counted_by_view_method_and_status(world: World) -> None:
    view = {"view": "pages:challenge", "method": "GET"}
    before = value_of("cats4ml_http_requests_total", **view, status="200")
    statements = value_of("cats4ml_http_database_statements_total", view="pages:challenge")
    unknown = value_of("cats4ml_http_requests_total", view="none", method="other", status="404")
    client = Client()
    assert client.get(f"/challenges/{world.challenge.slug}/").status_code == 200
    client.generic("BREW", "/no/such/page")
    assert value_of("cats4ml_http_requests_total", **view, status="200") == before + 1
    assert value_of("cats4ml_http_request_seconds_count", **view) >= 1
    assert value_of("cats4ml_http_database_statements_total", view="pages:challenge") > statements
    assert value_of("cats4ml_http_requests_total", view="none", method="other", status="404") == unknown + 1
    assert value_of("cats4ml_http_requests_now") == 0


def test_tasks_are_counted_by_name_and_how_they_ended(db: None, settings) -> None:
    counted = {"task": "cats4ml.challenges.tasks.sweep_data_files", "state": "success"}
    before = value_of("cats4ml_tasks_total", **counted)
    sweep_data_files.apply(throw=True)
    assert value_of("cats4ml_tasks_total", **counted) == before + 1


def test_how_the_work_stands_is_told_as_it_is(world: World) -> None:
    at = timezone.now()
    for mail in [post(to="a@example.org", subject="x", body="y", at=at - timedelta(seconds=90)) for _ in range(3)][:1]:
        OutgoingMail.objects.filter(pk=mail.pk).update(state=MailState.FAILED, ended_at=at)
    told = health.standing(at=at)
    assert (told.mails, told.oldest_mail) == ({"waiting": 2, "failed": 1}, 90.0)
    assert sum(told.pairs.values()) == Pair.objects.count()
    assert sum(told.leases.values()) == Lease.objects.filter(closed_at=None).count()
    assert told.building["release"] == Building(number=0, oldest=0.0)
    assert told.most_connections > sum(told.connections.values()) > 0
    assert told.stalled == {}
    text = exposition()
    assert 'cats4ml_mails{state="waiting"} 2.0' in text
    assert [line for line in text.splitlines() if line.startswith("cats4ml_readable")] == [
        'cats4ml_readable{part="heartbeats"} 1.0',
        'cats4ml_readable{part="queues"} 1.0',
        'cats4ml_readable{part="work"} 1.0',
    ]


def test_how_old_the_newest_backup_is_is_told_once_there_is_one(db: None) -> None:
    def told(at: datetime) -> list[tuple[str, dict[str, str], float]]:
        return [tuple(sample)[:3] for family in exposed.beat_families(at) for sample in family.samples]

    at = timezone.now()
    beat(WEB, at)
    silence = ("cats4ml_heartbeat_age_seconds", {"process": "web"}, 90.0)
    assert told(at + timedelta(seconds=90)) == [silence]
    beat(BACKUP, at - timedelta(hours=1))
    assert told(at + timedelta(seconds=90)) == [("cats4ml_backup_age_seconds", {}, 3690.0), silence]


def test_a_pair_that_waits_for_its_score_too_long_is_stalled(world: World) -> None:
    world.claim(world.finder(), (0, "cat"))
    told = health.standing(at=world.pair(0, "cat").state_changed_at + timedelta(minutes=5))
    slug = world.challenge.slug
    assert told.stalled == {slug: 1}
    assert told.pairs[slug, "queued"] == 1
    assert told.oldest_queued == {slug: 300.0}


def test_messages_that_wait_are_counted_by_queue_and_priority(db: None) -> None:
    current_app.send_task(BUILD_DATA_FILE, kwargs={"data_file": 0}, queue="web.counted", priority=3)
    depths = health.queue_depths(suffixes=["counted"])
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge("web.counted")
    # The other queues may hold what tests before this one rang for.
    assert {place: number for place, number in depths.items() if number and "counted" in place[0]} == {
        ("web.counted", 3): 1
    }
    assert {queue for queue, _ in depths} == {"web", "web.counted", "scoring", "scoring.counted"}


def test_where_redis_is_away_the_rest_is_told_all_the_same(db: None, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    text = exposition()
    assert 'cats4ml_readable{part="queues"} 0.0' in text
    assert "cats4ml_queue_messages" not in text
    assert 'cats4ml_mails{state="waiting"} 0.0' in text


@pytest.mark.parametrize(
    ("token", "production", "headers", "status"),
    [
        ("", False, {}, 200),
        ("", False, {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("", True, {}, 404),
        ("right", True, {"Authorization": "Bearer right"}, 200),
        ("right", True, {"Authorization": "Bearer right", "X-Forwarded-For": "10.0.0.9"}, 200),
        ("right", True, {"Authorization": "Bearer wröng"}, 404),
        ("right", False, {}, 404),
    ],
)
def test_who_may_read_them(db: None, settings, token: str, production: bool, headers: dict, status: int) -> None:
    settings.METRICS_TOKEN, settings.PRODUCTION = token, production
    assert Client().get("/metrics", headers=headers).status_code == status


def test_without_a_token_another_machine_may_not_read_them(db: None) -> None:
    assert Client().get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert Client().get("/metrics", REMOTE_ADDR="::1").status_code == 200
