from __future__ import annotations

from pathlib import Path

import pytest

from scoring.settings import Settings, SettingsError, read_settings


def environ(tmp_path: Path, **changes: str) -> dict[str, str]:
    return {"REDIS_URL": "redis://h/0", "IMAGES_URL": "s3://b/images", "CLASSIFIERS_DIR": str(tmp_path)} | changes


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    found = read_settings(environ(tmp_path, SCORING_THREADS="2", SCORING_BATCH="8"))
    assert found == Settings("redis://h/0", "s3://b/images", tmp_path, threads=2, batch=8)


def test_everything_that_is_missing_or_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"CLASSIFIERS_DIR": "/none", "SCORING_BATCH": "many", "SCORING_THREADS": "0", "REDIS_URL": "x"})
    assert str(caught.value).splitlines() == [
        "The scoring worker can't start:",
        "  IMAGES_URL is not set: the picture storage: a folder or an fsspec URL",
        "  CLASSIFIERS_DIR: '/none' is no folder",
        "  SCORING_THREADS: '0' should be a whole number from 1 to 256",
        "  SCORING_BATCH: 'many' should be a whole number from 1 to 1024",
        "  REDIS_URL: the address of Redis should begin with redis://, rediss://, sentinel:// or unix:///",
    ]
