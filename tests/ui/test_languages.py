"""Who reads in which language and time zone, and what must be the same in every language."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from cats4ml.accounts.models import User
from cats4ml.ui import words
from cats4ml.ui.languages import in_english, told
from cats4ml.ui.zones import zone_of
from tests.factories import make_user
from tests.pages.test_every_page import PAGES, lively, organiser
from tests.web import signed_in

# Attributes that a browser or a script reads as numbers or moments.
MACHINE = re.compile(
    r"\s(?:x|y|x1|x2|y1|y2|cx|cy|r|dx|dy|width|height|points|viewBox|max|min|step|datetime|data-[a-z-]*(?:seconds|token))="
    r'"([^"]*)"'
)
PLAIN = re.compile(r"[-\d.,%\sTZ:]*|any|[\w-]{20,}|100%")
LOCAL_NUMBER = re.compile(r"^\d+,\d+%?$|^\d{1,3}(\.\d{3})+,?\d*$")


def language_of(client: Client, **headers: str) -> tuple[str, str]:
    reply = client.get("/accounts/login/", headers=headers)
    [lang] = re.findall(r'<html lang="([\w-]+)" dir="ltr">', reply.content.decode())
    assert {"Accept-Language", "Cookie"} <= {part.strip() for part in reply.headers["Vary"].split(",")}
    return lang, reply.headers["Content-Language"]


def test_the_language_is_the_persons_choice_then_the_cookies_then_the_browsers(db) -> None:
    client = Client()
    german = {"accept-language": "de-AT,de;q=0.8"}
    assert language_of(client) == ("en-GB", "en-gb")
    assert language_of(client, **german) == ("de", "de")
    client.post("/account/language/", {"language": "en-gb", "next": "/accounts/login/"})
    assert language_of(client, **german) == ("en-GB", "en-gb")
    person = make_user(language="de")
    client.force_login(person)
    reply = client.get(reverse("accounts:preferences"))
    assert (reply.status_code, reply.headers["Content-Language"]) == (200, "de")


def test_the_switch_keeps_the_choice_and_leads_back_to_this_site_only(db) -> None:
    person = make_user()
    client = signed_in(person)
    reply = client.post("/account/language/", {"language": "de", "next": "/account/tokens/?a=1"})
    assert (reply.status_code, reply.url) == (302, "/account/tokens/?a=1")
    assert User.objects.get(pk=person.pk).language == "de"
    assert [f">{name}</button>" in client.get("/account/").text for name in ("English", "Deutsch")] == [True, True]
    elsewhere = ("https://example.org/", "//example.org", "javascript:alert(1)", "")
    assert {client.post("/account/language/", {"language": "xx", "next": one}).url for one in elsewhere} == {"/"}
    assert User.objects.get(pk=person.pk).language == "de"
    assert client.get("/account/language/").status_code == 405
    guest = make_user(is_guest=True)
    assert signed_in(guest).post("/account/language/", {"language": "de"}).status_code == 302


def test_preferences_are_kept_and_a_wrong_one_is_refused(db) -> None:
    person = make_user()
    client, page = signed_in(person), reverse("accounts:preferences")
    assert client.post(page, {"language": "de", "time_zone": "Europe/Berlin"}).status_code == 302
    person.refresh_from_db()
    assert (person.language, person.time_zone) == ("de", "Europe/Berlin")
    assert client.post(page, {"language": "", "time_zone": "Mars/Base"}).status_code == 422
    assert client.post(page, {"language": "", "time_zone": ""}).status_code == 302
    person.refresh_from_db()
    assert (person.language, person.time_zone) == ("", "")


def test_times_are_written_in_the_zone_that_was_chosen_and_say_which() -> None:
    at = datetime(2026, 12, 18, 18, 0, tzinfo=UTC)
    with timezone.override(zone_of("Europe/Berlin")):
        shown = Template("{% load ui %}{% when at 'short' %}").render(Context({"at": at}))
    assert shown == '<time datetime="2026-12-18T18:00:00Z" data-when="short" data-zone="CET">18 Dec, 19:00 CET</time>'
    assert zone_of("Mars/Base").key == "UTC"


def test_numbers_follow_the_language_and_lengths_for_svg_do_not() -> None:
    def said() -> list[str]:
        return [words.figure(-9412), words.decimal(0.934, 2), words.score_text(0.4999, 0.5), words.percentage(0.935)]

    assert said() == ["−9,412", "0.93", "0.4999", "93.5%"]
    with translation.override("de"):
        assert said() == ["−9.412", "0,93", "0,4999", "93.5%"]
        assert words.date_text(datetime(2026, 11, 27, tzinfo=UTC), "day") == "27. November 2026"
        assert words.share_text(0.48) == "48\u00a0%"
        with in_english():
            assert said() == ["−9,412", "0.93", "0.4999", "93.5%"]
    with told(make_reader("de", "Europe/Berlin")):
        assert (translation.get_language(), timezone.get_current_timezone_name()) == ("de", "Europe/Berlin")
    with told(make_reader("", "")):
        assert (translation.get_language(), timezone.get_current_timezone_name()) == ("en-gb", "UTC")
    assert words.time_left(timedelta(days=1, hours=2)) == "1 day and 2 hours left"


def make_reader(language: str, time_zone: str) -> User:
    return User(language=language, time_zone=time_zone)


@pytest.mark.parametrize("code", ["de"])
def test_what_programs_read_of_a_page_is_the_same_in_every_language(world, code) -> None:
    lively(world)
    for user in (world.finder().user, world.rater().user, organiser(world)):
        client = signed_in(user)
        client.cookies["django_language"] = code
        for page in PAGES:
            reply = client.get(reverse(page, args=[world.challenge.slug]))
            if reply.status_code != 200 or not reply.headers["Content-Type"].startswith("text/html"):
                continue
            assert reply.headers["Content-Language"] == code
            html = reply.content.decode()
            wrong = [
                value for value in MACHINE.findall(html) if LOCAL_NUMBER.match(value) or not PLAIN.fullmatch(value)
            ]
            inputs = re.findall(r'<input[^>]*type="(?:hidden|number|date|datetime-local)"[^>]*value="([^"]*)"', html)
            assert (page, wrong, [value for value in inputs if LOCAL_NUMBER.match(value)]) == (page, [], [])


def test_styles_know_no_left_and_right() -> None:
    """So that a page in a language that is written from right to left is mirrored by the browser."""
    physical = re.compile(r"(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|[ {;](?:left|right):")
    sheets = (settings.BASE_DIR / "cats4ml" / "static" / "cats4ml").glob("*.css")
    found = {sheet.name: physical.findall(sheet.read_text()) for sheet in sheets}
    assert {name: rules for name, rules in found.items() if rules} == {}
