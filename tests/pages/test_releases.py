"""The pages of releases, and their files under permanent addresses."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.test import Client

from cats4ml.releases.actions import free_heldout, publish
from cats4ml.releases.models import Release
from tests.api.clients import body
from tests.factories import World, make_user
from tests.releases.small_world import frozen, published, settle_some
from tests.web import queries_of, signed_in

EVERYBODY = Client()


NO_FILES = (
    "../pairs.csv", "public/../pairs.csv", "..%2f..%2fpairs.csv", "%2e%2e/pairs.csv", "public%2fpairs.csv/", "public/",
    "/etc/passwd", "public%00/pairs.csv", "x" * 5000, "PUBLIC/PAIRS.CSV", "public\\pairs.csv",
)  # fmt: skip


@pytest.fixture
def released(world) -> tuple[World, Release]:
    settle_some(world)
    return world, frozen(world)


def url(world: World, path: str = "") -> str:
    return f"/challenges/{world.challenge.slug}/releases/{path}"


def status(client: Client, world: World, *paths: str) -> list[int]:
    return [client.get(url(world, path)).status_code for path in paths]


def test_a_release_is_seen_by_organisers_then_by_everybody_and_its_held_out_part_once_freed(released) -> None:
    world, release = released
    boss = signed_in(make_user(is_superuser=True))
    own = ("1/", "1/root.txt", "1/files/public/pairs.csv", "1/files/README.md", "1/files/public.zip")
    held = ("1/files/heldout/pairs.csv", "1/files/pairs.csv", "1/files/heldout.zip", "1/files/heldout/nonce")
    assert (status(EVERYBODY, world, *own, *held), status(boss, world, *own, *held)) == ([404] * 9, [200] * 9)
    assert "Not published: only organisers see this page" in boss.get(url(world, "1/")).content.decode()
    edition = f"/challenges/{world.challenge.slug}/"
    assert ("/releases/" in EVERYBODY.get(edition).content.decode()) is False
    publish(release=release, by=None, at=world.pass_time(1))
    assert (status(EVERYBODY, world, *own), status(EVERYBODY, world, *held)) == ([200] * 5, [404] * 4)
    challenge_page = EVERYBODY.get(edition).content.decode()
    assert (f'href="{url(world)}"' in challenge_page, f'href="{url(world, "1/")}"' in challenge_page) == (True, True)
    free_heldout(release=release, by=None, at=world.pass_time(1))
    assert status(EVERYBODY, world, *held) == [200] * 4


def test_the_page_says_what_it_holds_and_how_it_is_loaded_verified_and_cited(released) -> None:
    world, release = released
    publish(release=release, by=None, at=world.pass_time(1))
    html = EVERYBODY.get(url(world, "1/")).content.decode()
    assert f"Edition {world.challenge.title.split()[1]}, release 1" in html
    base = f"http://testserver{url(world, '1/')}"
    facts = (
        f"{base}root.txt",
        f"{base}files/public/pairs.csv",
        release.root_digest,
        "files/public/data/public-00000-of-00001.parquet",
        "files/public/pairs.csv",
        f"cats4ml verify {world.challenge.slug}-1 --root {release.root_digest}",
        f"@misc{{{world.challenge.slug}-1,",
        "Pairs held out",
        f'href="{url(world, "1/")}classifiers/"',
    )
    assert [fact for fact in facts if fact not in html] == []
    assert re.findall(r'href="[^"]*/files/(heldout[^"]*|pairs.csv)"', html) == []
    public = release.counts["public"]
    assert f"<dd>{public['pairs']}</dd>" in html
    listed = EVERYBODY.get(url(world)).content.decode()
    assert (release.root_digest in listed, "Nothing is released yet" in listed) == (True, False)


def test_files_come_whole_or_in_parts_and_whoever_has_them_need_not_have_them_again(released) -> None:
    world, release = released
    publish(release=release, by=None, at=world.pass_time(1))
    for file in release.files.filter(part__in=["common", "public"]):
        whole = EVERYBODY.get(url(world, f"1/files/{file.path}"))
        data = body(whole)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
        assert whole["ETag"] == f'"sha256:{file.sha256}"'
        assert whole["Cache-Control"] == "public, max-age=3600"
    address, tag = (
        url(world, "1/files/public/pairs.csv"),
        f'"sha256:{release.files.get(path="public/pairs.csv").sha256}"',
    )
    whole = body(EVERYBODY.get(address))
    part = EVERYBODY.get(address, headers={"Range": "bytes=10-19", "If-Range": tag})
    assert (part.status_code, body(part), part["Content-Range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert EVERYBODY.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert EVERYBODY.get(address, headers={"Range": "bytes=99999999-"}).status_code == 416
    head = EVERYBODY.head(address)
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(whole)), b"")
    assert EVERYBODY.get(url(world, "1/root.txt")).content.decode() == f"{release.root_digest}  MANIFEST.sha256\n"
    manifest = body(EVERYBODY.get(url(world, "1/files/MANIFEST.sha256")))
    assert hashlib.sha256(manifest).hexdigest() == release.root_digest
    assert [path for path in NO_FILES if EVERYBODY.get(url(world, f"1/files/{path}")).status_code != 404] == []
    assert status(EVERYBODY, world, "2/", "%00/", "x" * 200 + "/") == [404, 404, 404]
    signed = signed_in(make_user(is_superuser=True)).get(url(world, "1/files/heldout/pairs.csv"))
    assert signed["Cache-Control"] == "private, no-cache"


def test_the_list_costs_the_same_however_long_and_says_so_where_it_is_empty(db, world) -> None:
    assert "Nothing is released yet" in EVERYBODY.get(url(world)).content.decode()
    settle_some(world)
    published(world)
    one = queries_of(EVERYBODY, url(world))
    published(world, version="2021.1")
    published(world, version="three")
    assert (queries_of(EVERYBODY, url(world)) == one, one) == (True, 3)
    versions = re.findall(r"Release ([\w.]+)</a>", EVERYBODY.get(url(world)).content.decode())
    assert versions == ["three", "2021.1", "1"]


def test_a_release_that_was_never_published_is_linked_from_no_public_page(released) -> None:
    world, draft = released
    later = frozen(world, version="2")
    publish(release=later, by=None, at=world.pass_time(1))
    assert (later.former, draft.published_at) == (None, None)
    assert url(world, "1/") not in EVERYBODY.get(url(world, "2/")).content.decode()


def test_whoever_has_any_copy_of_a_file_is_told_that_it_is_there(released) -> None:
    world, release = released
    publish(release=release, by=None, at=world.pass_time(1))
    path = url(world, "1/files/public/pairs.csv")
    assert EVERYBODY.get(path, headers={"If-None-Match": "*"}).status_code == 304
    assert EVERYBODY.get(url(world, "%00/classifiers/")).status_code == 404
