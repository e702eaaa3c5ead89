"""An edition's data as files: their very bytes, when they are built anew, and what becomes of a build that died."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from cats4ml.catalog.models import Annotation, Image, ImportRun, ImportState
from cats4ml.challenges import data_files, data_tables
from cats4ml.challenges.actions import add_pool_images, add_target_labels
from cats4ml.challenges.data_contents import Snapshot, forget_pool_state
from cats4ml.challenges.data_files import ask_for, build, checksums, listed, offered, sweep
from cats4ml.challenges.dispatch import BUILD_DATA_FILE
from cats4ml.challenges.models import Challenge, DataFile, DataFileKind, DataFileState
from cats4ml.console.workers import worker_environment
from tests.concurrency import at_once
from tests.factories import START, make_world
from tests.messages import drain
from tests.open_images import APP, BIRD, MACHINE, OWL, image_id, make_draft, make_labels, make_pictures, say

KIND, STATE = DataFileKind, DataFileState
CC_BY = "https://creativecommons.org/licenses/by/2.0/"


@pytest.fixture
def edition(db: None) -> Challenge:
    """Three pictures out of order, the first one with everything that a table can hold, the last one bare."""
    labels, challenge = make_labels(), make_draft()
    pictures = make_pictures([2, 1, 3], files=True)
    Image.objects.filter(pk=pictures[1].pk).update(
        title='=2, "quoted"\nand é',
        author="-Ada",
        original_bytes=4405052,
        original_md5="KFukvivpCM5QXl5SqKe41g==",
        thumbnail_url="https://host.example/1_z.jpg",
        rotation=90,
    )
    bare = ("original_url", "landing_url", "license", "author_url", "author", "title")
    Image.objects.filter(pk=pictures[3].pk).update(**dict.fromkeys(bare, ""), subset="validation", rotation=0)
    say(pictures[1], labels[BIRD])
    say(pictures[1], labels[BIRD], APP, 0)
    say(pictures[1], labels[OWL], MACHINE, 0.7)
    say(pictures[2], labels[BIRD], confidence=0)
    add_target_labels(challenge=challenge, labels=[labels[OWL], labels[BIRD]])
    add_pool_images(challenge=challenge, images=list(pictures.values()))
    return challenge


def ask(challenge: Challenge, kind: DataFileKind, *, after: int = 0, **more) -> DataFile:
    return ask_for(challenge=challenge, kind=kind, at=START + timedelta(seconds=after), **more)


def content(row: DataFile) -> bytes:
    assert row.state == STATE.READY, row.error
    with default_storage.open(str(row.file)) as file:
        data = file.read()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (row.bytes, row.sha256)
    return data


def built(challenge: Challenge, kind: DataFileKind) -> bytes:
    """The bytes of a file that a worker builds."""
    row = ask(challenge, kind)
    build(data_file=row.pk, at=START)
    row.refresh_from_db()
    return content(row)


def stored(challenge: Challenge) -> list[str]:
    folder = f"data-files/{challenge.pk}"
    return sorted(default_storage.listdir(folder)[1]) if default_storage.exists(folder) else []


def test_labels_are_in_the_columns_of_open_images(edition) -> None:
    edition.target_labels.filter(label__key=OWL).update(position=5)
    assert content(ask(edition, KIND.LABELS)).decode() == "LabelName,DisplayName\n/m/015p6,Bird\n/m/09d5_,Owl\n"


def test_images_are_in_the_twelve_columns_of_open_images_and_one_more(edition, settings) -> None:
    settings.SITE_URL = "https://cats.example.org"
    uuids = dict(Image.objects.values_list("image_id", "uuid"))
    seen = [f"https://cats.example.org/pictures/{uuids[image_id(number)]}/" for number in (1, 2, 3)]
    assert content(ask(edition, KIND.IMAGES)).decode() == (
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
        "Thumbnail300KURL,Rotation,PictureURL\n"
        f"0000000000000001,train,https://host.example/1_o.jpg,https://host.example/1,{CC_BY},https://host.example/ada/,"
        f'\'-Ada,"\'=2, ""quoted""\nand é",4405052,KFukvivpCM5QXl5SqKe41g==,https://host.example/1_z.jpg,90.0,'
        f"{seen[0]}\n"
        f"0000000000000002,train,https://host.example/2_o.jpg,https://host.example/2,{CC_BY},https://host.example/ada/,"
        f"Ada,Picture 2,,,,,{seen[1]}\n"
        f"0000000000000003,validation,,,,,,,,,,0.0,{seen[2]}\n"
    )


def test_annotations_are_all_that_is_said_of_the_pool_as_open_images_writes_it(edition) -> None:
    outside = make_pictures([9])[9]
    say(outside, make_labels()[BIRD])
    assert content(ask(edition, KIND.ANNOTATIONS)).decode() == (
        "ImageID,Source,LabelName,Confidence\n"
        "0000000000000001,verification,/m/015p6,1\n"
        "0000000000000001,crowdsource-verification,/m/015p6,0\n"
        "0000000000000001,machine,/m/09d5_,0.7\n"
        "0000000000000002,verification,/m/015p6,0\n"
    )


def test_the_image_list_is_what_open_images_downloader_reads(edition) -> None:
    assert content(ask(edition, KIND.IDS)).decode() == (
        "train/0000000000000001\ntrain/0000000000000002\nvalidation/0000000000000003\n"
    )
    assert KIND.IDS in offered(edition)
    assert KIND.IDS not in offered(make_world().challenge)


def test_the_zip_has_the_pictures_as_they_are_and_whose_they_are(edition) -> None:
    gone, there = Image.objects.get(image_id=image_id(2)), Image.objects.get(image_id=image_id(1))
    default_storage.delete(str(gone.file))
    packed = zipfile.ZipFile(io.BytesIO(built(edition, KIND.PICTURES)))
    assert packed.testzip() is None
    assert [(one.filename, one.compress_type) for one in packed.infolist()] == [
        ("0000000000000001.png", zipfile.ZIP_STORED),
        ("0000000000000003.png", zipfile.ZIP_STORED),
        ("ATTRIBUTION.csv", zipfile.ZIP_STORED),
    ]
    assert hashlib.sha256(packed.read("0000000000000001.png")).hexdigest() == there.sha256
    rows = list(csv.reader(io.StringIO(packed.read("ATTRIBUTION.csv").decode())))
    assert rows == [
        ["ImageID", "File", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "Title"],
        [image_id(1), "0000000000000001.png", "'-Ada", "https://host.example/ada/", CC_BY, "https://host.example/1",
         "'=2, \"quoted\"\nand é"],
        [image_id(2), "", "Ada", "https://host.example/ada/", CC_BY, "https://host.example/2", "Picture 2"],
        [image_id(3), "0000000000000003.png", *[""] * 5],
    ]  # fmt: skip


def test_no_name_in_the_zip_leads_out_of_its_folder(edition) -> None:
    edition.pool.filter(image_key=image_id(1)).update(image_key="../../etc/passwd")
    assert "..%2F..%2Fetc%2Fpasswd.png" in zipfile.ZipFile(io.BytesIO(built(edition, KIND.PICTURES))).namelist()


def test_too_many_pictures_are_no_zip_and_too_many_bytes_neither(edition, settings) -> None:
    settings.DATA_ZIP_BYTES = 100
    row = ask(edition, KIND.PICTURES)
    build(data_file=row.pk, at=START)
    row.refresh_from_db()
    assert (row.state, row.error.startswith("The pictures are more than 0 MB together.")) == (STATE.FAILED, True)
    assert ask(edition, KIND.PICTURES, after=1000).state == STATE.FAILED  # not packed again only to be refused again
    settings.DATA_ZIP_PICTURES = 2
    other = ask(edition, KIND.PICTURES, after=1000)
    assert (other.state, other.error.startswith("3 pictures are too many")) == (STATE.FAILED, True)
    assert stored(edition) == []


def test_the_same_data_are_the_same_bytes_in_every_edition(edition) -> None:
    twin = make_draft("twin")
    labels = [target.label for target in edition.target_labels.order_by("position")]
    add_target_labels(challenge=twin, labels=labels)
    add_pool_images(challenge=twin, images=Image.objects.order_by("-pk"))
    for kind in KIND:
        assert built(edition, kind) == built(twin, kind)


def test_blocks_leave_no_seam(edition, monkeypatch) -> None:
    whole = {kind: content(ask(edition, kind)) for kind in (KIND.IMAGES, KIND.ANNOTATIONS, KIND.IDS)}
    for size in (1, 2, 3):
        monkeypatch.setattr(data_tables, "PICTURES_A_BLOCK", size)
        for kind, data in whole.items():
            out, steps = io.BytesIO(), []
            data_tables.write_table(challenge=edition, kind=kind, file=out, progress=steps.append)
            assert (out.getvalue(), steps) == (data, sorted({*range(size, 3, size), 3}))


def test_checksums_are_what_sha256sum_reads(edition, tmp_path) -> None:
    rows = listed(challenge=edition, at=START, snapshot=Snapshot(edition))
    names = ["labels.csv", "images.csv", "annotations.csv", "images.txt"]
    for name, row in zip(names, rows, strict=False):
        (tmp_path / name).write_bytes(content(row))
    (tmp_path / "CHECKSUMS").write_text(checksums(rows))
    said = subprocess.run(["sha256sum", "--check", "CHECKSUMS"], cwd=tmp_path, capture_output=True, check=True)
    assert said.stdout.decode().splitlines() == [f"{name}: OK" for name in names]
    assert [(row.kind, row.pk) for row in rows if row.kind == KIND.PICTURES] == [("pictures", None)]


CHANGES = {
    "a picture more": lambda one: add_pool_images(challenge=one, images=list(make_pictures([7]).values())),
    "a title": lambda one: Image.objects.filter(image_id=image_id(2)).update(title="Other"),
    "an annotation": lambda one: say(Image.objects.get(image_id=image_id(3)), make_labels()[BIRD]),
    "a confidence": lambda one: Annotation.objects.filter(source=MACHINE).update(confidence=0.8),
    "a target label less": lambda one: one.target_labels.filter(label__key=OWL).delete(),
    "the guidance": lambda one: one.target_labels.update(guidance="Not on a shirt"),
}


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ("a picture more", {"images", "ids"}),
        ("a title", {"images"}),
        ("an annotation", {"annotations"}),
        ("a confidence", {"annotations"}),
        ("a target label less", {"labels"}),
        ("the guidance", set()),
    ],
)
def test_a_file_is_built_anew_when_what_is_in_it_has_changed(edition, change, anew) -> None:
    tables = [kind for kind in KIND if kind != KIND.PICTURES]
    before = {kind: ask(edition, kind) for kind in tables}
    again = {kind: ask(edition, kind, after=60) for kind in tables}
    assert {kind: row.built_at for kind, row in again.items()} == dict.fromkeys(tables, START)
    CHANGES[change](edition)
    after = {kind: ask(edition, kind, after=120) for kind in tables}
    assert {kind.value for kind in tables if after[kind].built_at != before[kind].built_at} == anew
    assert stored(edition) == sorted(str(row.file).rpartition("/")[2] for row in after.values())


def test_a_large_pool_is_built_anew_after_an_import_and_when_its_pictures_change(edition, settings) -> None:
    settings.DATA_AT_ONCE_PICTURES = 2
    first = built(edition, KIND.IMAGES)
    assert ask(edition, KIND.IMAGES).state == STATE.READY
    ImportRun.objects.create(
        kind="images", source="x", fingerprint="x", started_at=START, updated_at=START, finished_at=START,
        state=ImportState.FINISHED,
    )  # fmt: skip
    assert ask(edition, KIND.IMAGES).state == STATE.WAITING
    assert built(edition, KIND.IMAGES) == first
    add_pool_images(challenge=edition, images=list(make_pictures([7]).values()))
    forget_pool_state(edition)
    assert ask(edition, KIND.IMAGES).state == STATE.WAITING
    assert built(edition, KIND.IMAGES) != first


def test_a_large_file_is_ordered_once_and_rung_for_again_only_while_nobody_builds_it(edition, settings) -> None:
    settings.DATA_AT_ONCE_PICTURES = 2
    drain("web")
    rows = [ask(edition, KIND.IMAGES, after=second) for second in range(3)]
    assert {(row.pk, row.state, row.done, row.total) for row in rows} == {(rows[0].pk, STATE.WAITING, 0, 3)}
    message = (BUILD_DATA_FILE, {"data_file": rows[0].pk})
    assert drain("web") == [message]
    assert sweep(at=START + timedelta(seconds=10)) == 0
    assert (sweep(at=START + timedelta(seconds=30)), drain("web")) == (1, [message])
    build(data_file=rows[0].pk, at=START)
    build(data_file=rows[0].pk, at=START + timedelta(seconds=5))  # the message came twice
    assert sweep(at=START + timedelta(seconds=60)) == 0
    row = ask(edition, KIND.IMAGES)
    assert (row.state, row.built_at, row.done) == (STATE.READY, START, 3)


def test_a_file_that_the_storage_lost_is_built_again(edition) -> None:
    row = ask(edition, KIND.LABELS)
    default_storage.delete(str(row.file))
    assert content(ask(edition, KIND.LABELS, certain=True)).startswith(b"LabelName")


def test_a_file_that_was_cut_short_in_the_storage_is_put_there_anew(edition) -> None:
    row = ask(edition, KIND.LABELS)
    whole = content(row)
    DataFile.objects.all().delete()
    default_storage.delete(str(row.file))
    default_storage.save(str(row.file), ContentFile(whole[:10]))
    assert content(ask(edition, KIND.LABELS)) == whole
    assert len(stored(edition)) == 1


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: writing fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("kind", [KIND.IMAGES, KIND.PICTURES])
def test_a_full_disk_is_told_in_words_leaves_nothing_and_is_tried_again_later(edition, kind) -> None:
    with full_disk(200):
        row = ask(edition, kind)
        build(data_file=row.pk, at=START)
        row.refresh_from_db()
    assert (row.state, str(row.file), row.sha256, stored(edition)) == (STATE.FAILED, "", "", [])
    assert row.error == "It could not be written: File too large. It is tried again in two minutes."
    assert ask(edition, kind, after=30).state == STATE.FAILED
    ask(edition, kind, after=150)
    build(data_file=row.pk, at=START)
    row.refresh_from_db()
    assert content(row)


def test_a_surprise_is_raised_and_told(edition) -> None:
    Image.objects.filter(image_id=image_id(3)).update(file="../outside.png")
    row = ask(edition, KIND.PICTURES)
    with pytest.raises(SuspiciousFileOperation):
        build(data_file=row.pk, at=START)
    row.refresh_from_db()
    assert (row.state, row.error.partition(";")[0]) == (STATE.FAILED, "It could not be built")


@pytest.mark.django_db(transaction=True)
def test_four_who_ask_at_once_get_the_same_file_built_once() -> None:
    challenge, label = make_draft(), make_labels()[BIRD]
    pictures = make_pictures(range(50))
    for image in pictures.values():
        say(image, label)
    add_pool_images(challenge=challenge, images=list(pictures.values()))
    rows = at_once([lambda: ask(challenge, KIND.ANNOTATIONS)] * 4)
    assert {(row.state, row.sha256) for row in rows} == {(STATE.READY, rows[0].sha256)}
    assert len(stored(challenge)) == 1


@contextmanager
def web_worker(folder) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker on the queue `web`, of this test's database, broker and storage."""
    command = [sys.executable, "-m", "celery", "-A", "cats4ml", "worker", "-Q", "web", "-c", "1", "-P", "solo"]
    with (folder / "worker.log").open("a") as out:
        process = subprocess.Popen(
            command, env=worker_environment(folder), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def until(row: DataFile, *states: str) -> DataFile:
    deadline = time.monotonic() + 120
    while row.state not in states and time.monotonic() < deadline:
        time.sleep(0.02)
        row.refresh_from_db()
    assert row.state in states, row.error
    return row


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_builds_and_another_takes_up_what_a_killed_one_began(tmp_path, settings, monkeypatch) -> None:
    settings.DATA_AT_ONCE_PICTURES = 10
    monkeypatch.setenv("DATA_AT_ONCE_PICTURES", "10")
    challenge, pictures = make_draft(), make_pictures(range(1, 400), files=True)
    drain("web")
    add_pool_images(challenge=challenge, images=list(pictures.values()))
    Image.objects.filter(image_id=image_id(399)).update(file="pipe.png")
    pipe = settings.STORAGES["default"]["OPTIONS"]["location"] + "/pipe.png"
    os.mkfifo(pipe)  # the build hangs at the last picture until it is killed
    row = ask(challenge, KIND.PICTURES)
    with web_worker(tmp_path) as process:
        until(row, STATE.BUILDING)
        while row.done < 380:
            time.sleep(0.02)
            row.refresh_from_db()
        assert sweep(at=START + timedelta(hours=1)) == 0  # somebody is at it
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    Path(pipe).unlink()
    Image.objects.filter(image_id=image_id(399)).update(file="")
    row.refresh_from_db()
    assert (row.state, stored(challenge)) == (STATE.BUILDING, [])
    drain("web")
    deadline = time.monotonic() + 30
    while not sweep(at=START + timedelta(hours=1)) and time.monotonic() < deadline:
        time.sleep(0.1)  # until PostgreSQL has seen that its client is gone
    with web_worker(tmp_path):
        until(row, STATE.READY)
    assert len(zipfile.ZipFile(io.BytesIO(content(row))).namelist()) == 399
    assert data_files.NAMES[KIND(row.kind)] == "pictures.zip"
