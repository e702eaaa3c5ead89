"""What machines ask: is the process alive, and may people be sent to it?"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from cats4ml.operations import probes
from cats4ml.operations.probes import Look

OK = {"database": "ok", "migrations": "ok", "redis": "ok", "storage": "ok", "stopping": "no"}


@pytest.fixture(autouse=True)
def fresh_look(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> None:
    settings.DRAIN_FILE = str(tmp_path / "draining")
    settings.IMAGES_URL = str(tmp_path)
    monkeypatch.setattr(probes, "look", Look(kept=0, seconds=10))
    monkeypatch.setattr(probes, "_migrated", threading.Event())


@pytest.fixture
def stranger() -> Client:
    """Somebody who knows neither the site's host name nor TLS, as a cluster's probes."""
    return Client(headers={"host": "10.0.0.7:8000"})


@pytest.mark.django_db(transaction=True)
def test_a_server_that_has_all_it_needs_is_ready(stranger: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = stranger.get("/readyz/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": OK})
    assert answer.cookies == {}


@pytest.mark.django_db(transaction=True)
def test_a_server_that_lacks_something_says_what_and_no_secret(stranger: Client, settings) -> None:
    settings.REDIS_URL = "redis://:hush@127.0.0.1:1/0"
    settings.IMAGES_URL = "/nowhere/pictures"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'accounts' RETURNING app, name, applied")
        rows = cursor.fetchall()
    try:
        answer = stranger.get("/readyz/")
    finally:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", rows)
    wrong = {
        "migrations": "migrations are not made yet",
        "redis": "cannot be reached",
        "storage": "the folder of pictures is not there",
    }
    assert (answer.status_code, answer.json()) == (503, {"status": "unready", "checks": {**OK, **wrong}})
    assert "hush" not in answer.text
    assert stranger.get("/healthz/").json() == {"status": "ok"}


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_about_to_stop_is_not_ready_and_alive(stranger: Client, settings) -> None:
    Path(settings.DRAIN_FILE).touch()
    answer = stranger.get("/readyz/")
    assert (answer.status_code, answer.json()["checks"]) == (503, {**OK, "stopping": "yes"})
    assert stranger.get("/healthz/").status_code == 200


def test_a_check_that_hangs_holds_neither_the_answer_nor_the_others_and_is_not_begun_again() -> None:
    go, begun = threading.Event(), []

    def hangs() -> None:
        begun.append(1)
        go.wait()

    hanging = Look(seconds=0.05, kept=0, checks={"storage": hangs, "redis": lambda: None})
    late = {"storage": "does not answer in time", "redis": "ok"}
    assert [hanging.found(), hanging.found()] == [late, late]
    assert begun == [1]
    go.set()
    waiting = Look(seconds=10, kept=0, checks={"storage": hangs, "redis": lambda: None})
    assert waiting.found() == {"storage": "ok", "redis": "ok"}


def test_only_looks_are_answered_before_everything_else(db: None, stranger: Client) -> None:
    assert stranger.post("/healthz/").status_code == 400  # no host of this site
    assert stranger.get("/healthz").status_code == 400
