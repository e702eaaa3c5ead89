"""Data files over REST: what there is, how far it is, and the bytes."""

from __future__ import annotations

import hashlib

from rest_framework.test import APIClient

from cats4ml.challenges.data_files import build
from cats4ml.challenges.models import Challenge, ChallengeStatus, DataFile, DataFileKind
from tests.api.clients import address, body, only, organiser_of, program
from tests.factories import START, make_user


def test_the_list_says_what_there_is_and_how_far_it_is(world) -> None:
    rows = APIClient().get(address(world, "data/")).json()
    assert only(rows, "kind", "name", "state", "done", "total", "error") == [
        ("labels", "labels.csv", "ready", 6, 6, ""),
        ("images", "images.csv", "ready", 6, 6, ""),
        ("annotations", "annotations.csv", "ready", 6, 6, ""),
        ("pictures", "pictures.zip", "waiting", 0, 6, ""),
    ]
    assert (rows[3]["bytes"], rows[3]["sha256"], rows[3]["built_at"]) == (None, None, None)
    for row in rows[:3]:
        reply = APIClient().get(row["url"])
        data = body(reply)
        assert (reply.status_code, reply["ETag"]) == (200, f'"sha256:{row["sha256"]}"')
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["bytes"], row["sha256"])


def test_a_file_in_the_making_says_so_until_it_is_there(world) -> None:
    client = APIClient()
    reply = client.get(address(world, "data/pictures/"))
    assert (reply.status_code, reply["Retry-After"], reply.json()) == (
        202, "2", {"state": "waiting", "done": 0, "total": 6},
    )  # fmt: skip
    [row] = DataFile.objects.filter(kind=DataFileKind.PICTURES)
    build(data_file=row.pk, at=START)
    whole = body(client.get(address(world, "data/pictures/")))
    part = client.get(address(world, "data/pictures/"), headers={"Range": "bytes=-22"})
    assert (part.status_code, body(part)) == (206, whole[-22:])


def test_what_cannot_be_had_is_refused_with_the_reason(world, settings) -> None:
    settings.DATA_ZIP_PICTURES = 2
    assert APIClient().get(address(world, "data/pictures/")).status_code == 409
    settings.DATA_ZIP_PICTURES = 6
    reply = APIClient().get(address(world, "data/pictures/"))
    assert reply.status_code == 202  # the limit was raised, and the pool fits
    settings.DATA_ZIP_BYTES = 100
    assert APIClient().get(address(world, "data/pictures/")).status_code == 202
    build(data_file=DataFile.objects.get(kind=DataFileKind.PICTURES).pk, at=START)
    assert APIClient().get(address(world, "data/pictures/")).status_code == 409
    for kind in ("ids", "secrets"):
        assert APIClient().get(address(world, f"data/{kind}/")).status_code == 404


def test_a_drafts_files_are_its_organisers_alone(world) -> None:
    organiser = organiser_of(world)
    Challenge.objects.update(status=ChallengeStatus.DRAFT)
    paths = [address(world, path) for path in ("data/", "data/labels/", "data/pictures/")]
    for client in (APIClient(), program(make_user()), program(world.finder().user)):
        assert [client.get(path).status_code for path in paths] == [404] * 3
    assert [organiser.get(path).status_code for path in paths] == [200, 200, 202]
