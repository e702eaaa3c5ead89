"""Pictures are fetched from servers that answer, and given up where they don't. Real servers on loopback."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from cats4ml.catalog.fetching.patience import Patience
from cats4ml.catalog.fetching.picture import Sources
from cats4ml.catalog.fetching.run import FetchStopped, Tally, fetch
from cats4ml.catalog.fetching.sources import Bucket, Web
from cats4ml.catalog.models import FetchFailure, Image
from tests.catalog.bucket_server import ANYBODY, Answer, Served, serving
from tests.catalog.picture_files import bomb, encoded, jpeg, photo, with_notes
from tests.concurrency import at_once

QUICK = Patience(connect=1, read=0.4, deadline=3, tries=3, pause=0.05, longest_pause=0.2, per_host=4)
THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def served(tmp_path, settings) -> Iterator[Served]:
    folder = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "pictures"}}
    settings.STORAGES = {**settings.STORAGES, "default": folder}
    with serving() as server:
        yield server


def sources(served: Served, *, bucket: bool = True, allow_private: bool = True, patience: Patience = QUICK) -> Sources:
    """The server as the bucket, and as the host of everything else if private addresses are let through."""
    place = Bucket(name="open", endpoint=served.url, connections=8, patience=patience) if bucket else None
    return Sources(bucket=place, web=Web(patience, allow_private=allow_private), patience=patience)


def wanted(number: int = 1, **fields: Any) -> list[Image]:
    images = [
        Image(collection="openimages", image_id=f"{place:016x}", **{"subset": "train", **fields})
        for place in range(1, number + 1)
    ]
    return Image.objects.bulk_create(images)


def path_of(image: Image) -> str:
    return f"/open/train/{image.image_id}.jpg"


def run(places: Sources, **options: Any) -> Tally:
    return fetch(Image.objects.all(), sources=places, **{"parallel": 4, **options})


def failures() -> dict[str, tuple[str, str]]:
    rows = FetchFailure.objects.values_list("image__image_id", "reason", "detail")
    return {image.lstrip("0"): (reason, detail) for image, reason, detail in rows}


def only_failure() -> tuple[str, str]:
    [failure] = failures().values()
    return failure


def files() -> list[Path]:
    return [path for path in Path(default_storage.location).rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_pictures_come_from_the_bucket_and_are_kept_whole(served) -> None:
    images = wanted(3)
    contents = {image.image_id: jpeg(place, (640, 400)) for place, image in enumerate(images)}
    served.answers = {path_of(image): [Answer(body=contents[image.image_id])] for image in images}
    assert run(sources(served)) == Tally(fetched=3, failed=0, bytes=sum(map(len, contents.values())))
    for image in Image.objects.all():
        content = contents[image.image_id]
        assert default_storage.open(image.file.name).read() == content
        assert (image.sha256, image.width, image.height) == (hashlib.sha256(content).hexdigest(), 640, 400)
        assert (image.upright.name, image.perceptual_hash is None, default_storage.exists(image.thumbnail.name)) == (
            "", False, True,
        )  # fmt: skip


@pytest.mark.django_db
def test_a_second_run_asks_for_nothing_again(served) -> None:
    there, gone = wanted(2)
    served.answers = {path_of(there): [Answer(body=jpeg())]}
    assert run(sources(served)) == Tally(1, 1, len(jpeg()))
    before = served.asked.copy()
    assert run(sources(served)) == Tally()
    assert served.asked == before
    served.answers[path_of(gone)] = [Answer(body=jpeg(1))]
    assert run(sources(served), retry_failed=True) == Tally(1, 0, len(jpeg(1)))
    assert failures() == {}


@pytest.mark.django_db
def test_the_same_bytes_are_kept_once(served) -> None:
    wanted(3)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}
    run(sources(served))
    assert len(files()) == 2
    assert Image.objects.values("file").distinct().count() == 1


@pytest.mark.django_db
def test_what_the_bucket_lacks_comes_from_the_original_and_then_from_the_small_version(served) -> None:
    original, small = jpeg(1), jpeg(2)
    md5 = base64.b64encode(hashlib.md5(original).digest()).decode()
    one, other = wanted(2, thumbnail_url=f"{served.url}/small")
    Image.objects.filter(pk=one.pk).update(
        original_url=f"{served.url}/original", original_bytes=len(original), original_md5=md5
    )
    Image.objects.filter(pk=other.pk).update(original_url=f"{served.url}/other", original_bytes=len(original) + 1)
    served.answers = {
        "/original": [Answer(body=original)], "/other": [Answer(body=original)], "/small": [Answer(body=small)],
    }  # fmt: skip
    run(sources(served))
    digests = Image.objects.order_by("pk").values_list("sha256", flat=True)
    assert list(digests) == [hashlib.sha256(content).hexdigest() for content in (original, small)]


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"original_bytes": 5}, "original: {length} bytes, the original has 5"),
        ({"original_md5": "KFukvivpCM5QXl5SqKe41g=="}, "original: the MD5 is not the original's"),
    ],
)
@pytest.mark.django_db
def test_another_file_than_the_original_is_refused(served, claims, detail) -> None:
    wanted(original_url=f"{served.url}/original", **claims)
    served.answers = {"/original": [Answer(body=jpeg())]}
    run(sources(served, bucket=False))
    assert only_failure() == ("not_the_original", detail.format(length=f"{len(jpeg()):,}"))


@pytest.mark.django_db
def test_the_rotation_of_the_collection_holds_for_the_bucket_and_not_for_flickrs_small_version(served) -> None:
    turned, _ = wanted(2, rotation=90, thumbnail_url=f"{served.url}/small")
    served.answers = {path_of(turned): [Answer(body=jpeg())], "/small": [Answer(body=jpeg())]}
    run(sources(served))
    sizes = Image.objects.order_by("pk").values_list("width", "height")
    assert list(sizes) == [(64, 96), (96, 64)]
    assert [bool(image.upright) for image in Image.objects.order_by("pk")] == [True, False]


@pytest.mark.django_db
def test_a_picture_on_its_side_by_its_own_note_is_shown_upright(served) -> None:
    wanted()
    served.answers = {ANYBODY: [Answer(body=with_notes(orientation=6))]}
    run(sources(served))
    image = Image.objects.get()
    assert (image.width, image.height, bool(image.upright)) == (64, 96, True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404), "gone"),
        (Answer(410), "gone"),
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), "forbidden"),
        (Answer(401), "forbidden"),
        (Answer(301, headers={"Location": "http://127.0.0.1:1/elsewhere"}), "forbidden"),
        (Answer(body=b"<html>wait</html>", headers={"Content-Type": "image/jpeg"}), "not_a_picture"),
        (Answer(body=jpeg()[:-300]), "damaged"),
        (Answer(body=bomb()), "too_large"),
        (Answer(), "not_a_picture"),
    ],
    ids=["404", "410", "403", "401", "a redirect", "a page", "a torn JPEG", "a bomb", "nothing"],
)
@pytest.mark.django_db
def test_what_is_no_picture_has_its_reason_and_leaves_no_file(served, answer, reason) -> None:
    wanted()
    served.answers = {ANYBODY: [answer]}
    assert run(sources(served)) == Tally(failed=1)
    assert (only_failure()[0], files(), set(served.asked.values())) == (reason, [], {1})


@pytest.mark.django_db
def test_a_gif_by_the_name_of_a_jpeg_is_kept_as_a_gif(served) -> None:
    wanted()
    served.answers = {ANYBODY: [Answer(body=encoded(photo(), "GIF"), headers={"Content-Type": "image/jpeg"})]}
    run(sources(served))
    assert Image.objects.get().file.name.endswith(".gif")


@pytest.mark.parametrize(
    "trouble",
    [Answer(429), Answer(500), Answer(503), Answer(body=jpeg(), hangs=True), Answer(body=jpeg(), breaks_off=True)],
    ids=["429", "500", "503", "hangs", "breaks off"],
)
@pytest.mark.django_db
def test_a_server_in_passing_trouble_is_asked_again(served, trouble) -> None:
    wanted()
    served.answers = {ANYBODY: [trouble, Answer(body=jpeg())]}
    assert run(sources(served)).fetched == 1


@pytest.mark.parametrize(
    ("trouble", "reason", "tries"),
    [
        (Answer(500), "server_error", 3),
        (Answer(429), "too_many_requests", 3),
        (Answer(body=jpeg(), hangs=True), "time_out", 3),
        (Answer(body=jpeg(), breaks_off=True), "unreachable", 3),
        (Answer(body=jpeg(size=(640, 400)), trickles=True), "time_out", 1),
        (Answer(429, headers={"Retry-After": "3600"}), "too_many_requests", 1),
    ],
    ids=["500", "429", "hangs", "breaks off", "trickles", "in an hour"],
)
@pytest.mark.django_db
def test_a_server_in_lasting_trouble_is_given_up_within_the_time_of_a_picture(served, trouble, reason, tries) -> None:
    wanted()
    served.answers = {ANYBODY: [trouble]}
    assert run(sources(served)) == Tally(failed=1)
    assert (only_failure()[0], served.asked.total()) == (reason, tries)


@pytest.mark.django_db
def test_a_server_that_asks_to_be_left_alone_is_left_alone_by_all_threads(served) -> None:
    images = wanted(6)
    served.answers = {ANYBODY: [Answer(429, headers={"Retry-After": "1"}), Answer(body=jpeg())]}
    assert run(sources(served), parallel=1).fetched == 6
    first, *rest = sorted(moment for moments in served.at.values() for moment in moments)
    assert (len(rest), min(rest) - first >= 1) == (len(images), True)


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_asked_by_few_at_once(served) -> None:
    wanted(24, subset="", original_url=f"{served.url}/original")
    served.answers, served.seconds = {ANYBODY: [Answer(body=jpeg())]}, 0.05
    assert run(sources(served), parallel=16).fetched == 24
    assert 1 < served.most_at_once <= QUICK.per_host


@pytest.mark.django_db
def test_a_private_address_in_the_files_is_never_asked(served) -> None:
    addresses = {"original_url": f"{served.url}/original", "thumbnail_url": "http://169.254.169.254/latest/meta-data"}
    wanted(subset="", **addresses)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}
    assert run(sources(served, allow_private=False)) == Tally(failed=1)
    assert (only_failure()[0], served.asked.total()) == ("refused_address", 0)


@pytest.mark.django_db
def test_a_picture_that_flickr_replaced_is_gone(served) -> None:
    wanted(subset="", original_url=f"{served.url}/original")
    served.answers = {
        "/original": [Answer(302, headers={"Location": "/images/photo_unavailable_l.png"})],
        "/images/photo_unavailable_l.png": [Answer(body=encoded(photo(), "PNG"))],
    }
    run(sources(served))
    assert only_failure() == ("gone", "original: the host shows “photo unavailable” instead")


@pytest.mark.django_db
def test_what_may_pass_is_the_reason_rather_than_what_is_gone(served) -> None:
    wanted(original_url=f"{served.url}/busy", thumbnail_url=f"{served.url}/gone")
    served.answers = {"/busy": [Answer(503)]}
    run(sources(served))
    reason, detail = only_failure()
    assert (reason, [part.split(":")[0] for part in detail.split("; ")]) == (
        "server_error", ["bucket", "original", "thumbnail"],
    )  # fmt: skip


@pytest.mark.django_db
def test_a_picture_of_which_no_place_is_known_says_so(served) -> None:
    wanted(subset="")
    run(sources(served))
    assert only_failure()[0] == "no_source"


@pytest.mark.django_db
def test_where_nobody_answers_the_run_stops_and_blames_no_picture() -> None:
    wanted(60)
    with serving() as closed:
        places = sources(closed)
    with pytest.raises(FetchStopped, match="no server answers"):
        run(places)
    assert FetchFailure.objects.count() == 0
    assert run(places, limit=1) == Tally(failed=1)
    assert only_failure()[0] == "unreachable"


@pytest.mark.django_db
def test_hosts_that_are_no_more_do_not_stop_a_run_whose_bucket_answers(served) -> None:
    with serving() as closed:
        gone = f"{closed.url}/1.jpg"
    wanted(40, original_url=gone)
    last = Image.objects.create(collection="openimages", image_id="f" * 16, subset="train")
    served.answers = {path_of(last): [Answer(body=jpeg())]}
    assert run(sources(served), parallel=16) == Tally(1, 40, len(jpeg()))
    assert {reason for reason, _ in failures().values()} == {"unreachable"}


@pytest.mark.django_db
def test_a_bucket_that_is_not_there_stops_the_run(served) -> None:
    wanted(3)
    served.answers = {ANYBODY: [Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")]}
    with pytest.raises(FetchStopped, match="has no bucket 'open': set OPEN_IMAGES_ENDPOINT or OPEN_IMAGES_BUCKET"):
        run(sources(served))
    assert (failures(), Image.objects.exclude(file="").count()) == ({}, 0)


@pytest.mark.django_db
def test_a_storage_that_cannot_be_written_stops_the_run_with_nothing_half_done(served, tmp_path) -> None:
    wanted(3)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}
    (tmp_path / "pictures").write_text("a file in the folder's place")
    with pytest.raises(FetchStopped, match="the picture storage can't be written: "):
        run(sources(served))
    assert (failures(), Image.objects.exclude(file="").count()) == ({}, 0)


@pytest.mark.django_db
def test_an_interrupted_run_keeps_what_came(served) -> None:
    wanted(200)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}

    def interrupt(tally: Tally) -> None:
        if tally.done >= 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sources(served), tell=interrupt)
    kept = Image.objects.exclude(file="").count()
    assert 64 <= kept < 200
    assert run(sources(served)).fetched == 200 - kept


@pytest.mark.django_db(transaction=True)
def test_two_runs_beside_each_other_harm_nothing(served) -> None:
    wanted(80)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}
    assert [isinstance(one, Tally) for one in at_once([lambda: run(sources(served))] * 2)] == [True, True]
    assert (Image.objects.exclude(file="").count(), failures(), len(files())) == (80, {}, 2)


@pytest.mark.django_db
def test_after_its_time_a_picture_is_not_asked_for_any_more(served) -> None:
    wanted(thumbnail_url=f"{served.url}/small")
    served.answers = {ANYBODY: [Answer(body=jpeg(), hangs=True)], "/small": [Answer(body=jpeg())]}
    run(sources(served, patience=replace(QUICK, deadline=0.3)))
    assert (only_failure()[0], served.asked["/small"]) == ("time_out", 0)


@pytest.mark.django_db
def test_a_limit_is_the_most_that_is_tried(served) -> None:
    wanted(10)
    served.answers = {ANYBODY: [Answer(body=jpeg())]}
    assert run(sources(served), limit=3).fetched == 3
    assert served.asked.total() == 3


def test_the_public_bucket_is_asked_at_its_own_address_whatever_the_platforms_storage_is(monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    bucket = Bucket(name="open-images-dataset", endpoint="", connections=1, patience=QUICK)
    assert bucket.host == "open-images-dataset.s3.amazonaws.com"
