"""What visitors meet while PostgreSQL or Redis is away for a moment."""

from __future__ import annotations

import time

import psycopg2
import pytest
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client

from cats4ml.console.workers import database_url
from cats4ml.json_cache import count_once, count_up
from tests.factories import make_user, make_world

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a password of nine words that nobody ever guessed"


@pytest.fixture
def broken_off():
    """Ends the connection under the site, as a restart of PostgreSQL does."""

    def end() -> None:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        with psycopg2.connect(database_url()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)
        other.close()

    yield end
    connection.close()


@pytest.fixture
def redis_away(settings):
    """A site whose Redis can't be reached."""
    here = settings.CACHES
    settings.CACHES = {"default": {**here["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    yield
    settings.CACHES = here


def test_a_page_says_that_the_database_is_away_and_when_to_try_again(broken_off) -> None:
    make_world(slug="digits")
    visitor = Client(raise_request_exception=False)
    broken_off()
    answer = visitor.get("/challenges/digits/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The site is not reachable for a moment" in answer.text
    connection.close()  # as the end of a request does
    assert visitor.get("/challenges/digits/").status_code == 200


def test_the_api_says_so_too(broken_off) -> None:
    make_world(slug="digits")
    visitor = Client(raise_request_exception=False)
    broken_off()
    answer = visitor.get("/api/v1/challenges/digits/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"detail": "The database does not answer. Nothing was saved; try again in a few seconds."}


def test_a_mistake_of_ours_is_no_outage(world_with_a_broken_table) -> None:
    answer = Client(raise_request_exception=False).get("/challenges/digits/")
    assert (answer.status_code, "Retry-After" in answer.headers) == (500, False)
    assert "Something failed on our side" in answer.text


@pytest.fixture
def world_with_a_broken_table():
    make_world(slug="digits")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE challenges_targetlabel RENAME TO gone")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO challenges_targetlabel")


@pytest.mark.parametrize("path", ["", "data/", "explore/", "leaderboard/", "data/images.csv"])
def test_pages_are_read_without_redis(redis_away, path) -> None:
    make_world(slug="digits")
    answer = Client().get(f"/challenges/digits/{path}")
    assert answer.status_code == 200, path


def test_people_sign_in_without_redis(redis_away) -> None:
    ada = make_user("ada")
    ada.set_password(PASSWORD)
    ada.save()
    client = Client()
    wrong = client.post("/accounts/login/", {"login": "ada", "password": "wrong"})
    assert (wrong.status_code, "_auth_user_id" in client.session) == (200, False)
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_a_cache_that_is_away_is_empty_and_left_alone_for_a_while(redis_away) -> None:
    cache.set("one", 1)
    assert (cache.get("one"), cache.get("one", "none"), cache.get_many(["one"])) == (None, "none", {})
    assert (cache.add("one", 1), cache.delete("one")) == (True, False)
    assert (count_once("tries", seconds=5), count_up("now", "before", seconds=5)) == (0, (0, 0))
    client = caches["default"]._cache
    assert client._left_alone_until > time.monotonic()


def test_a_count_ends_so_long_after_it_began() -> None:
    assert [count_once("tries-of-a-test", seconds=60) for _ in range(3)] == [1, 2, 3]
    client = caches["default"]._cache.get_client()
    assert 50 < client.ttl(cache.make_key("tries-of-a-test")) <= 60
    cache.delete("tries-of-a-test")
