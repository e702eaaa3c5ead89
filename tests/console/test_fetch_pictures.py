"""``manage.py fetch_pictures`` as an operator runs it: into a folder and into S3, killed and run again."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.core.management.base import CommandError
from moto.server import ThreadedMotoServer

from cats4ml.catalog.actions import add_images
from cats4ml.catalog.models import FetchFailure, Image
from cats4ml.challenges.actions import add_pool_images
from cats4ml.challenges.editions import create_edition
from cats4ml.challenges.models import Challenge
from cats4ml.console.workers import database_url
from cats4ml.rules.policy import Policy
from scoring.contract import ImageRef
from scoring.images import PictureStore
from tests.catalog.bucket_server import ANYBODY, Answer, serving
from tests.catalog.picture_files import jpeg, opened
from tests.console.commands import command_json

ROOT = Path(__file__).resolve().parents[2]


def make_pool(number: int, **fields: Any) -> Challenge:
    challenge = create_edition(slug="pool", title="Pool", summary="", vocabulary="pool", policy=Policy())
    images = [Image(image_id=f"{place:016x}", subset="train", **fields) for place in range(number)]
    add_pool_images(challenge=challenge, images=add_images(collection="openimages", images=images))
    return challenge


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "fetch_pictures", "pool", "--json", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def s3(monkeypatch) -> Iterator[str]:
    """The address of a server that speaks S3, with an empty bucket `kept` and a public one."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for bucket in ("kept", "open-images-dataset"):
        client.create_bucket(Bucket=bucket)
    yield url
    server.stop()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kept", ["folder", "s3"])
def test_pictures_go_from_one_s3_to_a_folder_or_another_and_the_scoring_worker_reads_them(s3, kept, tmp_path) -> None:
    make_pool(5, rotation=90)
    client = boto3.client("s3")
    for place in range(4):
        client.put_object(
            Bucket="open-images-dataset", Key=f"train/{place:016x}.jpg", Body=jpeg(place), ACL="public-read"
        )
    images_url = str(tmp_path) if kept == "folder" else "s3://kept/pictures"
    report = tmp_path / "gone.csv"
    process = command("--report", str(report), IMAGES_URL=images_url, OPEN_IMAGES_ENDPOINT=s3)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    came = json.loads(out)
    del came["seconds"]
    gone = f"{4:016x}"
    assert came == {
        "challenge": "pool", "images": 5, "there": 4, "fetched": 4, "failed": 1, "left": 0,
        "bytes": sum(len(jpeg(place)) for place in range(4)),
        "troubles": [{"reason": "gone", "pictures": 1, "first": [gone]}],
    }  # fmt: skip
    detail = f"bucket: {urlsplit(s3).hostname} answered 404"
    rows = list(csv.reader(report.open(encoding="utf-8")))
    assert rows == [["image_id", "reason", "detail", "tries"], [gone, "gone", detail, "1"]]

    worker = PictureStore(images_url)
    for place, image in enumerate(Image.objects.exclude(file="").order_by("pk")):
        seen = worker.picture(ImageRef(image.pk, str(image.file), image.sha256))
        lying = opened(jpeg(place))
        assert seen.tobytes() == lying.rotate(90, expand=True).tobytes()
        shown = worker.picture(ImageRef(image.pk, str(image.upright)))
        assert (shown.size, worker.picture(ImageRef(image.pk, str(image.thumbnail))).size) == ((64, 96), (64, 96))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path) -> None:
    make_pool(200)
    with serving() as served:
        served.answers, served.seconds = {ANYBODY: [Answer(body=jpeg())]}, 0.03
        place = {"IMAGES_URL": str(tmp_path), "OPEN_IMAGES_ENDPOINT": served.url}
        killed = command("--parallel", "4", **place)
        deadline = time.monotonic() + 60
        while not Image.objects.exclude(file="").exists():
            assert killed.poll() is None, killed.stderr and killed.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.kill()
        killed.communicate()
        kept = Image.objects.exclude(file="").count()
        assert 0 < kept < 200
        out, errors = command("--parallel", "4", **place).communicate(timeout=120)
    came = json.loads(out or errors)
    assert (came["there"], came["fetched"], came["left"]) == (200, 200 - kept, 0)
    digest = hashlib.sha256(jpeg()).hexdigest()
    assert set(Image.objects.values_list("sha256", flat=True)) == {digest}
    assert (tmp_path / Image.objects.first().file.name).read_bytes() == jpeg()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_asked_to_end_does_so_and_says_how_to_go_on(tmp_path) -> None:
    make_pool(200)
    with serving() as served:
        served.answers = {ANYBODY: [Answer(body=jpeg(), hangs=True)]}
        process = command(IMAGES_URL=str(tmp_path), OPEN_IMAGES_ENDPOINT=served.url)
        deadline = time.monotonic() + 60
        while not served.asked:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted. What was fetched is kept: run the command again to go on." in errors
    assert FetchFailure.objects.count() == 0


@pytest.mark.django_db
def test_a_wrong_call_is_refused_in_words(settings) -> None:
    with pytest.raises(CommandError, match="there is no challenge 'nowhere'"):
        command_json("fetch_pictures", "nowhere")
    make_pool(1)
    for wrong in (["--limit", 0], ["--parallel", 0], ["--parallel", 1000]):
        with pytest.raises(CommandError, match=f"{wrong[0]} must be a whole number"):
            command_json("fetch_pictures", "pool", *wrong)
    with pytest.raises(CommandError, match="the report can't be written"):
        command_json("fetch_pictures", "pool", "--report", "/nowhere/at/all.csv")
    for name, wrong in (("ENDPOINT", "no address"), ("BUCKET", "no/bucket")):
        settings.OPEN_IMAGES_ENDPOINT, settings.OPEN_IMAGES_BUCKET = "http://127.0.0.1", "open"
        setattr(settings, f"OPEN_IMAGES_{name}", wrong)
        with pytest.raises(CommandError, match="set OPEN_IMAGES_ENDPOINT or OPEN_IMAGES_BUCKET anew: Invalid"):
            command_json("fetch_pictures", "pool")
