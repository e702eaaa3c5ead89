"""Looking at pages as a browser gets them."""

from __future__ import annotations

from html.parser import HTMLParser

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

HTMX = {"HX-Request": "true"}


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def queries_of(client: Client, url: str, **headers: str) -> int:
    """How many queries a page costs once the session is warm."""
    client.get(url, headers=headers)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url, headers=headers).status_code == 200
    return len(queries)


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]


def attributes(html: str, *names: str) -> set[str]:
    """The values of these attributes, and of every `data-…` and `hx-…` with an address in it."""
    parser = _Attributes()
    parser.feed(html)
    return {
        value
        for _, name, value in parser.found
        if name in names or (name.startswith(("data-", "hx-")) and value.startswith("/"))
    }
