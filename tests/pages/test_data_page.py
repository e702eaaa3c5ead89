"""The data page, and its files as a browser and a downloader get them."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client
from django.utils import timezone

from cats4ml.catalog.models import Annotation, Image
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.data_contents import Snapshot
from cats4ml.challenges.data_files import ask_for, build
from cats4ml.challenges.models import Challenge, ChallengeStatus, DataFile, DataFileKind, PoolCount, Role
from cats4ml.challenges.pool_counts import Counted, Credit, LabelCount, count_pool, counted
from cats4ml.challenges.pools import PoolChoice, draw_pool
from cats4ml.ui.served_files import NoSuchPart, asked_part
from tests.factories import START, World, make_user
from tests.open_images import APP, BIRD, MACHINE, OWL, make_draft, make_labels, make_pictures, say
from tests.web import HTMX, queries_of, signed_in

TABLES = ("labels.csv", "images.csv", "annotations.csv")


def url(world: World, name: str = "") -> str:
    return f"/challenges/{world.challenge.slug}/data/{name}"


def body(reply) -> bytes:
    return b"".join(reply.streaming_content) if reply.streaming else reply.content


@pytest.fixture
def birds(db: None) -> Challenge:
    """An open edition of five pictures of Open Images: two authors, and what was said of them."""
    labels, challenge = make_labels(), make_draft()
    pictures = make_pictures(range(5))
    say(pictures[0], labels[BIRD])
    say(pictures[0], labels[BIRD], APP)
    say(pictures[1], labels[BIRD], confidence=0)
    say(pictures[2], labels[BIRD], MACHINE, 0.6)
    say(pictures[3], labels[OWL])
    Image.objects.filter(pk=pictures[4].pk).update(author="Eve", author_url="javascript:alert(1)", license="")
    choice = PoolChoice(collection="openimages", labels=(BIRD, OWL), annotations=("any", "none"))
    draw_pool(challenge=challenge, choice=choice, seed="s", at=START)
    Challenge.objects.update(status=ChallengeStatus.OPEN)
    return challenge


def test_the_page_counts_what_is_said_and_names_who_made_the_pictures(birds) -> None:
    reply = Client().get("/challenges/birds/data/")
    said = {target.label.key: target.said for target in reply.context["labels"]}
    assert said == {BIRD: LabelCount(human_yes=1, human_no=1, machine=1), OWL: LabelCount(human_yes=1)}
    html = reply.content.decode()
    words = "5 of 5 pictures in which people or machines looked for any of the 2 target labels or without any word on"
    assert (words in html, "CC BY 2.0</a>: 4 pictures" in html, "<li>Eve: 1 picture</li>" in html) == (True, True, True)
    assert "javascript:" not in html


def test_a_pool_is_counted_once_for_what_it_is(birds, settings) -> None:
    def look() -> Counted | None:
        return counted(challenge=birds, at=timezone.now(), snapshot=Snapshot(birds))

    first = look()
    assert first is not None
    assert (first.authors, first.credits[0].pictures, first.credits[1]) == (
        2, 4, Credit("Eve", "javascript:alert(1)", "", 1),
    )  # fmt: skip
    assert look() == first
    Annotation.objects.filter(label__key=OWL).delete()
    second = look()
    assert second is not None
    assert (second.counted_at > first.counted_at, second.fresh, len(second.by_label)) == (True, True, 1)
    settings.DATA_AT_ONCE_PICTURES = 2  # a large pool is counted by a worker
    third = look()
    assert third is not None
    assert (third.fresh, third.by_label) == (False, second.by_label)
    count_pool(challenge_id=birds.pk, at=START)
    fourth = look()
    assert fourth is not None
    assert fourth.fresh
    PoolCount.objects.all().delete()
    assert look() is None
    assert "The pictures are being counted by label." in Client().get("/challenges/birds/data/").content.decode()


def test_the_page_costs_no_more_queries_for_more_of_everything(birds) -> None:
    cost = queries_of(Client(), "/challenges/birds/data/")
    other, labels = make_draft("more"), make_labels()
    for image in make_pictures(range(10, 60)).values():
        say(image, labels[BIRD])
        say(image, labels[OWL], MACHINE, 0.8)
    choice = PoolChoice(collection="openimages", labels=tuple(labels), annotations=("any",))
    draw_pool(challenge=other, choice=choice, seed="s", at=START)
    draw_pool(challenge=other, choice=choice, seed="t", at=START)
    Challenge.objects.update(status=ChallengeStatus.OPEN)
    assert (queries_of(Client(), "/challenges/more/data/"), cost <= 16) == (cost, True)


def test_the_files_are_ready_under_permanent_addresses_and_their_digests_shown(world) -> None:
    html = Client().get(url(world)).content.decode()
    for name in TABLES:
        reply = Client().get(url(world, name))
        digest = hashlib.sha256(body(reply)).hexdigest()
        assert (reply.status_code, reply["ETag"], reply["Accept-Ranges"]) == (200, f'"sha256:{digest}"', "bytes")
        assert reply["Content-Disposition"] == f'attachment; filename="{name}"'
        assert (digest in html, f'href="{url(world, name)}"' in html) == (True, True)
    reply = Client().get(url(world, "CHECKSUMS"))
    assert [line.split("  ")[1] for line in reply.content.decode().splitlines()] == list(TABLES)
    assert [Client().get(url(world, name)).status_code for name in ("images.txt", "secrets.csv")] == [404, 404]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-", (0, 99)), ("bytes=10-19", (10, 19)), ("bytes=90-400", (90, 99)), ("bytes=-5", (95, 99)),
        ("bytes=-500", (0, 99)), ("bytes=99-99", (99, 99)), ("", None), ("bytes=-", None), ("bytes=5-4", None),
        ("bytes=0-1,5-6", None), ("rows=0-1", None), ("bytes=x-", None), ("bytes=0x1-2", None), ("bytes=٣-", None),
    ],
)  # fmt: skip
def test_one_part_is_given_and_any_other_header_is_as_none(header, part) -> None:
    assert asked_part(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_bytes_that_are_not_there_are_refused(header) -> None:
    with pytest.raises(NoSuchPart):
        asked_part(header, 100)


def test_a_download_that_broke_off_goes_on(world) -> None:
    whole = Client().get(url(world, "images.csv"))
    data, tag = body(whole), whole["ETag"]
    part = Client().get(url(world, "images.csv"), headers={"Range": "bytes=50-", "If-Range": tag})
    assert (part.status_code, part["Content-Range"], part["Content-Length"], body(part)) == (
        206, f"bytes 50-{len(data) - 1}/{len(data)}", str(len(data) - 50), data[50:],
    )  # fmt: skip
    other = Client().get(url(world, "images.csv"), headers={"Range": "bytes=50-", "If-Range": '"sha256:other"'})
    assert (other.status_code, body(other)) == (200, data)
    beyond = Client().get(url(world, "images.csv"), headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond["Content-Range"], beyond.content) == (416, f"bytes */{len(data)}", b"")
    same = Client().get(url(world, "images.csv"), headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same["ETag"], same.content) == (304, tag, b"")
    head = Client().head(url(world, "images.csv"))
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(data)), b"")


def test_a_file_that_is_being_built_leads_a_browser_to_the_page_and_tells_a_program_to_wait(world) -> None:
    page = Client().get(url(world))
    assert ("Have it packed" in page.content.decode(), "hx-get" in page.content.decode()) == (True, False)
    browser = Client().get(url(world, "pictures.zip"), headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, browser.url) == (302, url(world) + "#files")
    program = Client().get(url(world, "pictures.zip"))
    assert (program.status_code, program["Retry-After"], program.content) == (
        202, "2", b"Being built: 0 of 6. Ask again.\n",
    )  # fmt: skip
    [row] = DataFile.objects.filter(kind=DataFileKind.PICTURES)
    DataFile.objects.filter(pk=row.pk).update(state="building", done=4)
    moving = Client().get(url(world), headers=HTMX).content.decode()
    assert ('hx-trigger="every 2s, click"' in moving, "4 of 6" in moving, "<html" in moving) == (True, True, False)
    build(data_file=row.pk, at=START)
    assert Client().get(url(world, "pictures.zip"))["Content-Type"] == "application/zip"
    assert "hx-get" not in Client().get(url(world), headers=HTMX).content.decode()


def test_what_failed_is_told_in_words(world, settings) -> None:
    settings.DATA_ZIP_PICTURES = 2
    assert "6 pictures are too many for one file." in Client().get(url(world)).content.decode()
    reply = Client().get(url(world, "pictures.zip"))
    assert (reply.status_code, reply.content.decode().startswith("6 pictures are too many")) == (409, True)


def test_a_drafts_files_are_its_organisers_alone(world) -> None:
    for kind in (DataFileKind.LABELS, DataFileKind.IMAGES):
        ask_for(challenge=world.challenge, kind=kind, at=START)
    Challenge.objects.update(status=ChallengeStatus.DRAFT)
    user = make_user()
    join_challenge(challenge=world.challenge, user=user, role=Role.ORGANISER, consent_version=None, at=START)
    names = ["", "CHECKSUMS", *TABLES, "pictures.zip"]
    for client in (Client(), signed_in(make_user()), signed_in(world.finder().user)):
        assert {client.get(url(world, name)).status_code for name in names} == {404}
    assert [signed_in(user).get(url(world, name)).status_code for name in names] == [200] * 5 + [202]
