"""Releases by program: for everybody, and for organisers."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cats4ml.releases.building import build
from cats4ml.releases.models import Release, ReleaseState
from tests.api.clients import address, body, only, organiser_of, program
from tests.factories import World, make_user
from tests.releases.small_world import frozen, settle_some

EVERYBODY = APIClient()


@pytest.fixture
def settled(world) -> World:
    return settle_some(world)


def of(release: Release, path: str = "") -> str:
    return f"/api/v1/releases/{release.pk}/{path}"


def test_an_organiser_makes_publishes_and_frees_a_release(settled) -> None:
    boss = organiser_of(settled)
    made = boss.post(address(settled, "releases/"), {"notes": "The first."}, format="json")
    assert (made.status_code, made.json()["state"], made.json()["version"], made.json()["pairs"]) == (
        202, "waiting", "1", None,
    )  # fmt: skip
    release = Release.objects.get()
    again = boss.post(address(settled, "releases/"), {}, format="json")
    assert (again.status_code, again.json()["detail"]) == (409, "Release 1 is being made. Wait until it is done.")
    assert boss.post(of(release, "publish/")).status_code == 409
    assert only(EVERYBODY.get(address(settled, "releases/")).json()["results"], "id") == []
    build(release, at=settled.pass_time(1))
    assert only(boss.get(address(settled, "releases/")).json()["results"], "version", "state") == [("1", "ready")]
    assert EVERYBODY.get(of(release)).status_code == 404
    assert boss.post(of(release, "publish/")).json()["state"] == "published"
    freed = boss.post(of(release, "free/")).json()
    assert (freed["freed_at"] is not None, boss.delete(of(release)).status_code) == (True, 409)
    bad = boss.post(address(settled, "releases/"), {"version": "../x"}, format="json")
    assert (bad.status_code, "can’t be a version" in bad.json()["detail"]) == (409, True)
    deleted = frozen(settled)
    assert boss.delete(of(deleted)).status_code == 204
    assert Release.objects.count() == 1


def test_others_may_not_and_are_told_why(settled) -> None:
    release = frozen(settled)
    for client, code in (
        (EVERYBODY, 403),
        (program(make_user()), 403),
        (program(make_user(is_superuser=True), "rate"), 403),
    ):
        assert client.post(address(settled, "releases/"), {}, format="json").status_code in (401, code)
        assert client.post(of(release, "publish/")).status_code in (401, 403, 404)
    release.refresh_from_db()
    assert (release.state, Release.objects.count()) == (ReleaseState.READY, 1)


def test_everybody_reads_a_published_release_and_only_organisers_what_is_held_out(settled) -> None:
    release = frozen(settled)
    boss = organiser_of(settled)
    boss.post(of(release, "publish/"))
    found = EVERYBODY.get(of(release)).json()
    public = release.counts["public"]
    assert {name: found[name] for name in ("version", "public_pairs", "heldout_pairs", "root_digest", "former")} == {
        "version": "1",
        "public_pairs": public["pairs"],
        "heldout_pairs": release.counts["heldout"]["pairs"],
        "root_digest": release.root_digest,
        "former": None,
    }
    assert found["public_outcomes"] == {
        name: public[name] for name in ("false_negative", "false_positive", "agreement", "ambiguous")
    }
    rows = EVERYBODY.get(of(release, "files/")).json()["results"]
    assert {row["part"] for row in rows} == {"common", "public"}
    everything = boss.get(of(release, "files/")).json()["results"]
    assert {row["part"] for row in everything} == {"common", "public", "heldout", "whole"}
    for row in everything:
        path = of(release, f"files/{row['path']}")
        assert row["url"] == f"http://testserver{path}"
        mine, theirs = boss.get(path), EVERYBODY.get(path)
        assert (mine.status_code, len(body(mine))) == (200, row["bytes"])
        assert theirs.status_code == (200 if row in rows else 404)
    weak = program(make_user(is_superuser=True), "submit", "rate")
    held = of(release, "files/heldout/pairs.csv")
    assert (weak.get(held).status_code, weak.get(of(release, "archive/"), {"part": "heldout"}).status_code) == (
        404,
        404,
    )
    part = EVERYBODY.get(of(release, "archive/"), HTTP_RANGE="bytes=0-3")
    assert (part.status_code, body(part)) == (206, b"PK\x03\x04")
    assert EVERYBODY.get(of(release, "archive/"), {"part": "heldout"}).status_code == 404
    assert EVERYBODY.get(of(release, "archive/"), {"part": "x"}).status_code == 404
    root = EVERYBODY.get(of(release, "root/")).json()
    assert (root["root_digest"], root["challenge"], root["version"]) == (
        release.root_digest, settled.challenge.slug, "1",
    )  # fmt: skip
    assert [EVERYBODY.get(f"/api/v1/releases/{one}/").status_code for one in (0, 10**40)] == [404, 404]


def test_lists_cost_the_same_however_long(settled, django_assert_num_queries) -> None:
    boss = organiser_of(settled)
    for number in (1, 2, 3):
        boss.post(of(frozen(settled), "publish/"))
        if number in (1, 3):
            with django_assert_num_queries(2):
                assert len(EVERYBODY.get(address(settled, "releases/")).json()["results"]) == number
    release = Release.objects.first()
    for rows in (1, 3):
        with django_assert_num_queries(3):
            assert len(EVERYBODY.get(of(release, "files/"), {"page_size": rows}).json()["results"]) == rows
