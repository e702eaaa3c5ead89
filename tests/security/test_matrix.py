"""Every address of the site × everybody who may come: what each may read, and what each may do.

The addresses are found by walking the resolver. What is expected stands in `facts.py`, one line for each of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from tests.security.asking import Answer, ask
from tests.security.facts import API, MAY_READ, PAGES, PROGRAMS, ROLES, row_of, words_of
from tests.security.people import Everybody, build_everybody
from tests.security.routes import Route, all_routes
from tests.security.sent import API_SENT, SENT

NO_LINE = (
    "These routes have no line in tests/security/facts.py ({table}). Look whether what they answer is what each should "
    "get, and add the lines there."
)
METHODS = ("GET", "POST")
CONSOLE_ROLES = ("visitor", "finder", "rater", "organiser", "elsewhere")
# Where something can be deleted; everywhere else nobody can.
DELETING = {"api:submission", "api:rating_last", "api:release"}
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def here(django_db_setup, django_db_blocker) -> Iterator[Everybody]:
    """One world for all these tests, taken back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_everybody()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def quiet_and_unlimited(settings, monkeypatch) -> Iterator[None]:
    settings.PAGE_RATES = dict.fromkeys(settings.PAGE_RATES)
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def routes_of(table: str) -> list[Route]:
    is_api = {"API": True, "PAGES": False}[table]
    return [
        route
        for route in all_routes()
        if not route.name.startswith("admin:") and route.pattern.startswith("api/v1/") == is_api
    ]


def test_everybody_gets_from_every_page_what_they_should_and_nobody_elses_secrets(here) -> None:
    clients = {role: here.client(role) for role in ROLES}
    known = words_of(PAGES, ROLES)
    wrong, unknown, told = [], [], set()
    for route in routes_of("PAGES"):
        address, sent = route.address(here), SENT.get(route.name, lambda here: {})(here)
        found: dict[str, list[str]] = {}
        # The console's pages are many, and one line of code lets people in: not everybody who is refused tries each.
        roles = CONSOLE_ROLES if route.name.startswith("console:") and route.name in known else ROLES
        for method, data in zip(METHODS, (None, sent), strict=True):
            answers = {role: ask(clients[role], method, address, data) for role in roles}
            found[method] = [answer.word for answer in answers.values()]
            told |= _told(route, answers)
        if route.name not in known:
            unknown.append(row_of(route.name, *found.values(), roles=ROLES))
            continue
        wanted = [
            [word for word, role in zip(words, ROLES, strict=True) if role in roles] for words in known[route.name]
        ]
        if wanted != list(found.values()):
            wrong.append((route.name, wanted, found))
    assert not unknown, "\n".join([NO_LINE.format(table="PAGES"), *unknown])
    assert wrong == [], "these answer otherwise than tests/security/facts.py says"
    assert sorted(told) == []


def _told(route: Route, answers: dict[str, Answer]) -> set[str]:
    """Private things in the answers of somebody who should not know them."""
    return {
        f"{route.name} tells {role} {mark}"
        for role, answer in answers.items()
        for mark in answer.marks
        if role not in MAY_READ[mark] and not (mark == "a mail address" and _is_own(answer, role))
    }


def _is_own(answer: Answer, role: str) -> bool:
    return set(re.findall(rb"([\w-]+)@private\.example", answer.body)) == {f"the-{role}".encode()}


def test_every_program_gets_what_its_person_and_its_token_may(here) -> None:
    clients = {role: here.program(role) for role in PROGRAMS}
    known = words_of(API, PROGRAMS)
    wrong, unknown, told = [], [], set()
    for route in routes_of("API"):
        address, sent = route.address(here), API_SENT.get(route.name, lambda here: {})(here)
        found = {}
        for method in (*METHODS, "DELETE") if route.name in DELETING else METHODS:
            data = sent if method == "POST" else None
            more = {} if method == "GET" else {"content_type": "application/json"}
            answers = {role: ask(client, method, address, data, **more) for role, client in clients.items()}
            found[method] = [answer.word for answer in answers.values()]
            told |= _told(route, {role.partition("/")[0]: answer for role, answer in answers.items()})
        line = row_of(route.name, *found.values(), roles=PROGRAMS)
        if route.name not in known:
            unknown.append(line)
            continue
        if route.name not in DELETING:
            boss = ask(clients["superuser"], "DELETE", address, None, content_type="application/json").word
            assert (route.name, boss) in {(route.name, "405"), (route.name, "403"), (route.name, "404")}
        if list(known[route.name]) != list(found.values()):
            wrong.append(line)
    assert not unknown, "\n".join([NO_LINE.format(table="API"), *unknown])
    assert wrong == [], "these answer otherwise than tests/security/facts.py says"
    assert sorted(told) == []


def test_nobody_but_a_superuser_gets_past_the_door_of_the_admin(here, settings) -> None:
    """Signing in is no way in either: whoever is no member of the staff is asked again."""
    clients = {role: here.client(role) for role in ("visitor", "organiser")}
    open_to_all = {"admin:login", "admin:logout"}
    for route in all_routes():
        if route.name.startswith("admin:") and route.name not in open_to_all:
            address = route.address(here)
            words = [ask(clients["visitor"], "GET", address).word, ask(clients["organiser"], "POST", address, {}).word]
            assert (route.name, set(words)) == (route.name, {"in"})
    boss = here.client("superuser")
    lists = [route for route in all_routes() if route.name.endswith("_changelist")]
    # This one has no second factor.
    assert {ask(boss, "GET", route.address(here)).word for route in lists} == {"in"}
    settings.ADMIN_SECOND_FACTOR = False
    assert {ask(boss, "GET", route.address(here)).word for route in lists} == {"200"}


def test_organisers_of_another_edition_reach_nothing_of_this_one_under_their_own_address(here) -> None:
    boss, own = here.client("elsewhere"), here.elsewhere.challenge.slug
    found = {}
    for route in all_routes():
        arguments = [
            one for one in re.findall(r"<(?:\w+:)?(\w+)>", route.pattern) if one not in ("slug", "name", "version")
        ]
        if route.name.startswith("console:") and arguments:
            address = route.address(here).replace(f"/{here.world.challenge.slug}/", f"/{own}/")
            sent = SENT.get(route.name, lambda here: {})(here)
            found[route.name] = {ask(boss, method, address, sent).word for method in METHODS}
    assert len(found) > 25
    assert {name: words for name, words in found.items() if not words <= {"302", "404", "405"}} == {}


def test_a_draft_and_all_below_it_is_not_there_for_anybody_but_its_organisers(here) -> None:
    for role in ("visitor", "stranger", "organiser"):
        client, words = here.client(role), set()
        for route in all_routes():
            if "<slug:slug>" in route.pattern:
                address = route.address(here).replace(f"/{here.world.challenge.slug}/", f"/{here.draft.slug}/")
                words.add(ask(client, "GET", address).word)
        assert (role, words - {"in", "401", "405"}) == (role, {"404"})


def test_nothing_is_done_for_a_form_without_its_token(here) -> None:
    """Another site can have a browser send a form with its cookies; it can't know the token. The API by session too."""
    done = {}
    known = words_of(PAGES, ROLES) | words_of(API, PROGRAMS)
    for role in ("finder", "rater", "organiser"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(here.people[role])
        for route in all_routes():
            if route.name in known and any(word[0] == "2" or "+" in word for word in known[route.name][1]):
                sent = {**SENT, **API_SENT}.get(route.name, lambda here: {})(here)
                kind = {"content_type": "application/json"} if route.pattern.startswith("api/v1/") else {}
                word = ask(client, "POST", route.address(here), sent, **kind).word
                if word not in ("403", "404", "405", "in", "join"):
                    done[role, route.name] = word
    assert done == {}
