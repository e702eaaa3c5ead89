"""What every answer carries, what the cache may hold, how often one may ask, and what production refuses."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.cache import cache, caches
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as some

from cats4ml.addresses import client_address
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, OrganiserAct
from cats4ml.console.agreement import Alpha
from cats4ml.headers import PERMISSIONS
from cats4ml.leaderboard.history import Step
from cats4ml.plain_values import NotPlain, read_plain, write_plain
from cats4ml.rules.answers import Answer
from cats4ml.rules.intervals import Interval
from cats4ml.throttling import KINDS, seconds_to_wait
from tests.factories import make_user
from tests.security.routes import all_routes
from tests.test_settings import ROOT, WHOLE
from tests.web import signed_in

NOW = datetime(2026, 11, 2, 9, 0, 0, 5, tzinfo=UTC)
VALUES = [
    None, True, -3, 2.5, "ä\x00", [1, (2, "x")], {"a": 1, 2: (3,)}, {1, 2}, frozenset({"x"}), Counter({"x": 2}), NOW,
    timedelta(days=1, microseconds=3), UUID(int=7), Answer.YES, Step(NOW, 3), Alpha(0.5, Interval(0.1, 0.9), 7),
    {(1, None): [Step(NOW, 3)]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_kept_comes_back_as_it_was(value) -> None:
    back = read_plain(write_plain(value))
    assert (back, type(back)) == (value, type(value))


class Danger:
    def __reduce__(self):
        return os.system, ("true",)


@dataclasses.dataclass
class Foreign:
    x: int = 0


@pytest.mark.parametrize("value", [Danger(), object, Foreign(), b"bytes", datetime(2026, 1, 1), make_user])  # noqa: DTZ001
def test_what_is_no_value_is_not_kept(value) -> None:
    with pytest.raises(NotPlain):
        write_plain(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"is":"value","of":["subprocess:Popen",{"args":["true"]}]}',
        '{"is":"value","of":["cats4ml.json_cache:RedisCache",{}]}',
        '{"is":"value","of":["cats4ml.plain_values:json",{}]}',
        '{"is":"named","of":["cats4ml.accounts.models:User",[1]]}',
        '{"is":"enum","of":["cats4ml.rules.answers:Answer","perhaps"]}',
        '{"is":"nothing","of":1}',
        '{"of":1}',
        '{"is":"time","of":1}',
        "[" * 100_000,
        "not json",
    ],
)
def test_nothing_else_can_be_read(text) -> None:
    with pytest.raises(NotPlain):
        read_plain(text.encode())


TREES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda of: some.lists(of) | some.dictionaries(some.text(), of),
)


@given(TREES)
@examples(max_examples=40)
def test_what_is_written_is_read_back(value) -> None:
    assert read_plain(write_plain(value)) == value


@given(some.binary() | TREES.map(json.dumps).map(str.encode))
@examples(max_examples=40)
def test_any_bytes_are_a_value_that_can_be_written_or_refused(data) -> None:
    try:
        value = read_plain(data)
    except NotPlain:
        return
    # Written and not compared as values, for not-a-number is not even itself.
    assert write_plain(read_plain(write_plain(value))) == write_plain(value)


def test_a_pickle_in_redis_is_as_nothing(settings) -> None:
    client = caches["default"]._cache.get_client(write=True)
    client.set(cache.make_key("planted"), pickle.dumps({"x": 1}))
    assert cache.get("planted", "nothing") == "nothing"
    assert cache.get_many(["planted"]) == {}
    cache.set("counted", 1)
    assert (cache.incr("counted"), cache.get("counted")) == (2, 2)
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]


@pytest.mark.parametrize("path", ["", "explore/", "leaderboard.csv", "data/images.csv", "no-such-page/"])
def test_whoever_asks_for_headers_alone_gets_those_of_the_page_and_no_body(world, path) -> None:
    address = f"/challenges/{world.challenge.slug}/{path}"
    asked = [getattr(Client(), method)(address) for method in ("get", "head")]
    page, head = asked
    body = b"".join(page) if page.streaming else page.content
    assert (head.status_code, b"".join(head)) == (page.status_code, b"")
    assert head.headers["Content-Type"] == page.headers["Content-Type"]
    assert head.headers.get("Content-Length", str(len(body))) == str(len(body))


def test_every_answer_tells_browsers_what_is_forbidden(world) -> None:
    page = f"/challenges/{world.challenge.slug}/"
    stranger, ada = Client().get(page), signed_in(make_user()).get(page)
    own = {
        name: stranger.headers[name]
        for name in (
            "Permissions-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy", "X-Frame-Options",
            "X-Content-Type-Options", "Referrer-Policy", "Cache-Control",
        )
    }  # fmt: skip
    assert own == {
        "Permissions-Policy": PERMISSIONS,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
    }
    assert ada.headers["Cache-Control"] == "private, no-store"
    for address in (page, "/api/docs/", "/api/redoc/", "/admin/login/", "/nowhere/"):
        policy = Client().get(address).headers["Content-Security-Policy"]
        assert {"script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= {
            part.strip() for part in policy.split(";")
        }
        assert ("unsafe-inline" in policy) == address.startswith("/api/")


def test_whoever_asks_too_often_waits(world, settings) -> None:
    settings.PAGE_RATES = {**settings.PAGE_RATES, "search": (3, 3600)}
    cache.clear()
    page = f"/challenges/{world.challenge.slug}/explore/"
    stranger, ada = Client(REMOTE_ADDR="192.0.2.7", HTTP_ACCEPT="text/html"), signed_in(make_user())
    assert [stranger.get(page).status_code for _ in range(4)] == [200, 200, 200, 429]
    last = stranger.get(page)
    assert 1 <= int(last["Retry-After"]) <= 3601
    assert ("too much at once" in last.content.decode(), last["Cache-Control"]) == (True, "no-store")
    # Somebody else, and who is signed in from there, is held up by none of it; and a made-up header opens nothing.
    assert Client(REMOTE_ADDR="192.0.2.8").get(page).status_code == 200
    assert ada.get(page, REMOTE_ADDR="192.0.2.7").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="198.51.100.9").get(page).status_code == 429
    assert stranger.get(f"/challenges/{world.challenge.slug}/").status_code == 200


def test_the_window_slides(settings) -> None:
    settings.PAGE_RATES = {"pages": (10, 60)}
    cache.clear()
    assert [seconds_to_wait("pages", "x", at=120.0 + 59) for _ in range(10)] == [0] * 10
    assert (seconds_to_wait("pages", "x", at=180.0), seconds_to_wait("pages", "x", at=239.0)) == (61, 0)


def test_without_redis_nobody_is_held_up(world, settings) -> None:
    settings.PAGE_RATES = {**settings.PAGE_RATES, "pages": (1, 3600)}
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    here = Client()
    assert [here.get("/accounts/login/").status_code for _ in range(3)] == [200] * 3
    assert here.get("/api/v1/challenges/").status_code == 200


def test_wrong_tokens_are_counted_by_address(db, settings) -> None:
    settings.PAGE_RATES = {**settings.PAGE_RATES, "wrong-tokens": (2, 3600)}
    cache.clear()
    wrong = Client(HTTP_AUTHORIZATION="Token c4m_wrong", REMOTE_ADDR="192.0.2.7")
    found = [wrong.get("/api/v1/me/") for _ in range(3)]
    assert [answer.status_code for answer in found] == [401, 401, 429]
    assert int(found[2]["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "wanted"),
    [
        (0, "198.51.100.9", "192.0.2.7", "192.0.2.7"),
        (1, "198.51.100.9, 203.0.113.5", "192.0.2.7", "203.0.113.5"),
        (2, "198.51.100.9, 203.0.113.5, 192.0.2.1", "192.0.2.7", "203.0.113.5"),
        (3, "203.0.113.5", "192.0.2.7", "203.0.113.5"),
        (1, "", "::ffff:192.0.2.7", "192.0.2.7"),
        (1, "2001:db8:1:2:3:4:5:6", "192.0.2.7", "2001:db8:1:2::/64"),
        (1, "x\ny", "192.0.2.7", "unknown"),
        (0, "", "", "unknown"),
    ],
)
def test_the_address_is_what_our_own_proxy_saw(settings, proxies, forwarded, remote, wanted) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR=remote)
    assert client_address(request) == wanted


def test_each_address_with_a_limit_of_its_own_exists() -> None:
    assert set(KINDS) - {route.name for route in all_routes()} == set()


def _executed(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'never_emptied'")
        for (table,) in cursor.fetchall():  # the tests' own set-up has them off
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER never_emptied")
        cursor.execute(statement)


def test_nobody_empties_or_changes_the_log_of_acts(world, settings) -> None:
    settings.ADMIN_SECOND_FACTOR = False
    record_act(challenge=world.challenge, kind=ActKind.STATUS, summary="Opened it", by=make_user(), at=world.clock)
    for statement in (
        "UPDATE challenges_organiseract SET summary = 'x'",
        "DELETE FROM challenges_organiseract",
        "TRUNCATE challenges_organiseract",
        "TRUNCATE challenges_challenge CASCADE",
        "TRUNCATE submissions_credit",
        "TRUNCATE review_verdictbasis CASCADE",
    ):
        with pytest.raises(DatabaseError, match="never change"):
            _executed(statement)
    boss = signed_in(make_user(is_superuser=True, is_staff=True))
    act = OrganiserAct.objects.latest("pk")
    place = "/admin/challenges/organiseract/"
    sent = [
        boss.post(f"{place}{path}", {"post": "yes", "summary": "x"}).status_code
        for path in (f"{act.pk}/delete/", f"{act.pk}/change/", "add/")
    ]
    many = boss.post(place, {"action": "delete_selected", "_selected_action": [act.pk], "post": "yes"}).status_code
    assert (sent, many, OrganiserAct.objects.filter(pk=act.pk, summary="Opened it").exists()) == ([403] * 3, 200, True)


PRINT = """
from django.conf import settings
for name in (
    "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE", "SESSION_COOKIE_DOMAIN", "SESSION_COOKIE_PATH",
    "SECURE_HSTS_SECONDS",
):
    print(getattr(settings, name))
"""


def test_production_has_cookies_that_no_neighbour_can_set() -> None:
    environment = {**os.environ, **WHOLE, "DJANGO_SETTINGS_MODULE": "cats4ml.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "Lax", "Lax", "None", "/", "31536000",
    ]  # fmt: skip
