"""Log lines: one record is one line, with its ids, and nothing in it that is secret or personal."""

from __future__ import annotations

import io
import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import current_app
from django.test import Client
from django_guid.api import clear_guid, set_guid

from cats4ml.challenges.dispatch import BUILD_DATA_FILE
from cats4ml.operations.request_ids import Names
from scoring.logs import JsonLines, PlainLines

FORGED = "no such page\nINFO django.security all is well\r\x1b[2J\u2028end"


@contextmanager
def lines_of(formatter: logging.Formatter) -> Iterator[list[str]]:
    """What a logger of its own writes in this form, as lines, once the block ends."""
    stream, found = io.StringIO(), []
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(Names())
    logger = logging.getLogger("tests.lines")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        found.extend(stream.getvalue().split("\n")[:-1])


def fail() -> None:
    raise ValueError(FORGED)


def write_all() -> None:
    logger = logging.getLogger("tests.lines")
    logger.warning("%s", FORGED)
    try:
        fail()
    except ValueError:
        logger.exception("failed")


def test_what_somebody_sends_cannot_begin_a_line_of_its_own() -> None:
    with lines_of(PlainLines()) as plain:
        write_all()
    with lines_of(JsonLines()) as as_json:
        write_all()
    assert [line for line in plain if not line.startswith("  | ")] == [
        r"WARNING tests.lines no such page\nINFO django.security all is well\r\x1b[2J\u2028end",
        "ERROR tests.lines failed",
    ]
    assert [line for line in plain if "\x1b" in line or "\u2028" in line or "\r" in line] == []
    messages = [(one["level"], one["message"]) for one in map(json.loads, as_json)]
    assert messages == [("WARNING", FORGED), ("ERROR", "failed")]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("can't reach postgresql://cats:s3cret@db:5432/cats", "can't reach postgresql://cats:[hidden]@db:5432/cats"),
        ("Authorization: Token abcdefgh12345678", "Authorization: Token [hidden]"),
        ("'password': 'hunter2hunter2'", "'password': [hidden]"),
        ("GET /challenges/x/?study_pid=A1B2 failed", "GET /challenges/x/?[hidden] failed"),
        ("see https://a.example/reset?key=3-abc.", "see https://a.example/reset?[hidden]"),
        ("DETAIL:  Key (email)=(ann@example.org) already exists.", "DETAIL:  Key (email)=([address]) already exists."),
        ("web@host.example ready.", "web@host.example ready."),
        ("scored 32 pictures with 3 classifiers in 1.20 s", "scored 32 pictures with 3 classifiers in 1.20 s"),
    ],
)
def test_secrets_and_addresses_of_people_are_not_written(said: str, written: str) -> None:
    with lines_of(PlainLines()) as plain:
        logging.getLogger("tests.lines").info(said)
    with lines_of(JsonLines()) as as_json:
        logging.getLogger("tests.lines").info(said)
    logging.getLogger("tests.lines").setLevel(logging.NOTSET)
    assert plain == [f"INFO tests.lines {written}"]
    assert [json.loads(line)["message"] for line in as_json] == [written]


def test_a_record_shows_no_field_that_is_not_known_to_be_harmless() -> None:
    with lines_of(JsonLines()) as lines:
        logging.getLogger("tests.lines").warning("x", extra={"path": "/a/", "data": {"args": ["ann"]}, "request": 1})
    shown = json.loads(lines[0])
    assert set(shown) == {"level", "logger", "message", "time", "path"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0123456789abcdef0123456789abcdef", True),
        ("01234567-89ab-cdef-0123-456789abcdef", True),
        ("urn:uuid:01234567-89ab-cdef-0123-456789abcdef", False),
        ("{0123456789abcdef0123456789abcdef}", False),
        ("0" * 31 + "_", False),
        ("a" * 4000, False),
        ("", False),
    ],
)
def test_a_requests_id_is_taken_over_only_if_it_is_well_formed(db: None, given: str, kept: bool) -> None:
    answered = Client().get("/accounts/login/", headers={"X-Request-ID": given})["X-Request-ID"]
    assert (answered == given) == kept
    assert uuid.UUID(answered)


def test_the_page_of_a_failure_shows_the_id_under_which_the_log_tells_of_it(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken for this test")

    monkeypatch.setattr("cats4ml.pages.views.visible_challenges", broken)
    given = "0123456789abcdef0123456789abcdef"
    response = Client(raise_request_exception=False).get("/", headers={"X-Request-ID": given})
    assert (response.status_code, response["X-Request-ID"]) == (500, given)
    assert f"<code>{given}</code>" in response.text
    assert [record.levelname for record in caplog.records if record.name == "django.request"] == ["ERROR"]


def test_a_task_carries_the_id_of_the_request_that_rang_it() -> None:
    given = uuid.uuid4().hex
    set_guid(given)
    try:
        current_app.send_task(BUILD_DATA_FILE, kwargs={"data_file": 0}, queue="request-ids")
    finally:
        clear_guid()
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("request-ids").get(timeout=5)
        message.ack()
    assert message.headers["X-Request-ID"] == given
