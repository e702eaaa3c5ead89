"""Asking an address as somebody, and telling in a word what came of it. Nothing that is written stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.test import Client

from tests.security.people import MARKS

_WRITES = re.compile(r'((?:INSERT INTO|UPDATE|DELETE FROM) "\w+")')
# Written for whoever comes: sessions, when a token was used last, when somebody signed in, which files are wanted.
_NOTHING = re.compile(r'.*"django_session"|UPDATE "(accounts_apitoken|accounts_user)"|.*"challenges_datafile"')
# A figure is told only where it stands whole: among the digits of a longer one it is there by chance.
_MARKS = {
    what: re.compile(rf"(?<![\d.]){re.escape(mark)}(?!\d)" if mark[0].isdigit() else re.escape(mark))
    for what, mark in MARKS.items()
}


@dataclass(frozen=True)
class Answer:
    """`word`: the status, “in” where it leads to sign-in, “join” where to joining; with + where rows were written."""

    word: str
    marks: frozenset[str]
    headers: Mapping[str, str]
    body: bytes


def ask(client: Client, method: str, address: str, data: Any = None, **more: Any) -> Answer:
    written: set[str] = set()

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found = _WRITES.match(sql) if isinstance(sql, str) else None
        if found and not _NOTHING.match(found[1]):
            written.add(found[1])
        return execute(sql, params, many, context)

    kept = {name: one.value for name, one in client.cookies.items()}
    with transaction.atomic():
        with connection.execute_wrapper(note):
            response = getattr(client, method.lower())(address, data, **more)
            body = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    client.cookies.clear()  # signed out, or in: that is taken back too
    for name, value in kept.items():
        client.cookies[name] = value
    text = body.decode("utf-8", "replace")
    marks = frozenset(what for what, mark in _MARKS.items() if mark.search(text))
    wrote = "+" if written and response.status_code < 400 else ""
    return Answer(_word(response) + wrote, marks, response.headers, body)


def _word(response: Any) -> str:
    place = response.headers.get("Location", "") if 300 <= response.status_code < 400 else ""
    if "/login/" in place:
        return "in"
    return "join" if place.endswith("/join/") else str(response.status_code)
