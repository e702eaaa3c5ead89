"""Releases in an object storage: kept, copied and removed as in a folder; a storage that is away fails the build."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage

from cats4ml.releases.actions import delete_release, request_release
from cats4ml.releases.building import build
from cats4ml.releases.models import Release, ReleaseState
from cats4ml.releases.storage import copy_to
from tests.challenges.test_data_files_in_s3 import bucket  # noqa: F401 - a fixture
from tests.releases.released import release_of, rich_world


def test_a_release_lies_in_a_bucket_as_it_lies_in_a_folder(bucket, db, tmp_path, settings) -> None:  # noqa: F811
    world = rich_world("bucket")
    default_storage.save("releases/bucket/1/public/half.csv", (world.images[0].file.file))
    release = release_of(world.challenge, at=world.pass_time(1))
    assert release.state == ReleaseState.READY
    copy_to(release, tmp_path / "out")
    assert (tmp_path / "out" / "public" / "pairs.csv").read_text().count("\n") == 6
    assert sorted(default_storage.listdir("releases/bucket/1")[1]) == sorted(
        path.name for path in (tmp_path / "out").iterdir() if path.is_file()
    )
    assert "half.csv" not in default_storage.listdir("releases/bucket/1/public")[1]
    ordered = request_release(challenge=world.challenge, by=None, at=world.clock, ring=False)
    there = settings.STORAGES
    away = {**there["default"], "OPTIONS": {**there["default"]["OPTIONS"], "bucket_name": "gone"}}
    settings.STORAGES = {**there, "default": away}
    with pytest.raises(Exception, match="NoSuchBucket"):
        build(ordered, at=world.clock)
    ordered.refresh_from_db()
    assert (ordered.state, ordered.error) == (
        ReleaseState.FAILED,
        "It could not be built; the worker’s log says why.",
    )
    settings.STORAGES = there
    delete_release(release=Release.objects.get(pk=ordered.pk), by=None, at=world.clock)
    assert list(Release.objects.values_list("version", flat=True)) == ["1"]
