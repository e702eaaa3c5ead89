"""Data files in an object storage: built there, and handed out in parts without fetching the whole."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from moto.server import ThreadedMotoServer

from tests.factories import make_world


@pytest.fixture
def bucket(settings, monkeypatch) -> Iterator[None]:
    """A real S3-compatible server, with the storage of the pictures in it below a prefix."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    options = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
    boto3.client("s3", **options).create_bucket(Bucket="cats")
    storage = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": "cats", "location": "pool", "file_overwrite": False, **options},
    }
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    yield
    server.stop()


def test_a_part_of_a_file_in_s3_is_that_part(bucket, db) -> None:
    world = make_world()
    url = f"/challenges/{world.challenge.slug}/data/images.csv"
    whole = Client().get(url)
    data = b"".join(whole.streaming_content)
    part = Client().get(url, headers={"Range": "bytes=7-19"})
    assert (data.startswith(b"ImageID,"), part.status_code, b"".join(part.streaming_content)) == (True, 206, data[7:20])
    [name] = default_storage.listdir(f"data-files/{world.challenge.pk}")[1]
    default_storage.delete(f"data-files/{world.challenge.pk}/{name}")
    again = Client().get(url)
    assert (again.status_code, b"".join(again.streaming_content)) == (200, data)
