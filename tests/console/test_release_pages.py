"""The organiser freezes, publishes and frees a release, and is told what each of these means."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from cats4ml.challenges.models import Challenge
from cats4ml.releases.building import build
from cats4ml.releases.models import Release, ReleaseState
from cats4ml.submissions.models import Pair
from tests.factories import World, make_user
from tests.releases.released import organiser_of, release_of, rich_world
from tests.web import HTMX, queries_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def rich() -> World:
    return rich_world("paged")


@pytest.fixture
def client(rich: World) -> Client:
    return signed_in(organiser_of(rich))


URL = "/challenges/paged/console/releases/"


def text(client: Client, **headers: str) -> str:
    html = client.get(URL, headers=headers).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def post(client: Client, address: str = "", **data: str) -> str:
    """Press a button; gives what the page says then."""
    reply = client.post(URL + address, data, follow=True)
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def test_the_page_says_what_a_release_would_hold_and_what_not_and_freezes_it(client, rich) -> None:
    before = text(client)
    assert "No release yet" in before
    assert "It would have 7 settled pairs : 5 in the public part and 2 in the held-out part." in before
    assert "Not in it: 1 in review, 1 not scored yet, 0 that can’t be scored, 0 withdrawn." in before
    assert "Release 1 is being made. Nobody but organisers sees it." in post(client, version="1", notes="The first.")
    waiting = Release.objects.get()
    assert "Waits for a worker" in text(client)
    Release.objects.update(state=ReleaseState.BUILDING, step="Packing", done=850, total=1000)
    moving = client.get(URL, headers=HTMX).content.decode()
    assert moving.lstrip().startswith('<div id="releases"')
    assert (
        '<progress value="850" max="1000"' in moving,
        "85%" in moving,
        "Packing" in moving,
        "every 2s" in moving,
    ) == (True,) * 4
    built = build(waiting, at=rich.pass_time(60))
    after = text(client)
    assert "7 pairs: 5 public, 2 held out. 15 answers of 3 raters in the public part." in after
    assert (built.root_digest in after, "Frozen, not published" in after, "The first." in after) == (True, True, True)
    assert "every 2s" not in client.get(URL).content.decode()


def test_publishing_and_freeing_are_told_first_and_freeing_wants_the_version_typed(client, rich) -> None:
    release = release_of(rich.challenge, at=rich.clock, version="2026.1")
    assert "read and download the 5 pairs of the public part" in text(client)
    assert "Release 2026.1 is published." in post(client, f"{release.pk}/publish/")
    assert "Delete…" not in text(client)
    assert "Nothing was freed: type the version, 2026.1" in post(client, f"{release.pk}/free/", version="2026")
    release.refresh_from_db()
    assert (release.state, release.freed_at) == (ReleaseState.PUBLISHED, None)
    assert "The held-out part of release 2026.1 is everybody’s." in post(
        client, f"{release.pk}/free/", version="2026.1"
    )
    assert "Published with its held-out part" in text(client)
    assert "what others build on stays" in post(client, f"{release.pk}/delete/")


def test_what_is_wrong_is_said_where_it_can_be_mended(client, rich) -> None:
    release_of(rich.challenge, at=rich.clock, version="one")
    said = {
        "": "Give the release a version.",
        "a/b": "can’t be a version",
        "one": "There is a release one already",
    }
    for version, words in said.items():
        reply = client.post(URL, {"version": version})
        assert (reply.status_code, words in reply.content.decode()) == (422, True)
    Pair.objects.filter(pk=rich.pair(2, "dog").pk).update(no_ratings=1)
    failed = release_of(rich.challenge, at=rich.clock, version="two")
    assert "has the tally 2 yes, 1 no, 1 don’t know" in text(client)
    Pair.objects.filter(pk=rich.pair(2, "dog").pk).update(no_ratings=0)
    assert "Release two is being made again." in post(client, f"{failed.pk}/retry/")
    assert "is not whole yet" in post(client, f"{failed.pk}/publish/")
    build(failed, at=rich.clock)
    assert "Release two is deleted." in post(client, f"{failed.pk}/delete/")
    assert list(Release.objects.values_list("version", flat=True)) == ["one"]


def test_nobody_else_gets_at_it_and_no_other_editions_release(client, rich) -> None:
    release = release_of(rich.challenge, at=rich.clock)
    Challenge.objects.create(slug="other", title="Other", vocabulary="other")
    root = signed_in(make_user(is_superuser=True))
    finder = signed_in(rich.finder().user)
    for act in ("publish", "free", "retry", "delete"):
        assert finder.post(f"{URL}{release.pk}/{act}/").status_code == 403
        assert client.get(f"{URL}{release.pk}/{act}/").status_code == 405
        assert root.post(f"/challenges/other/console/releases/{release.pk}/{act}/").status_code == 404
    release.refresh_from_db()
    assert release.state == ReleaseState.READY


def test_the_list_costs_as_many_queries_for_three_releases_as_for_one(client, rich) -> None:
    release_of(rich.challenge, at=rich.clock)
    one = queries_of(client, URL)
    for _ in range(2):
        release_of(rich.challenge, at=rich.clock)
    assert queries_of(client, URL) == one
