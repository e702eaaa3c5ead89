from __future__ import annotations

from pathlib import Path

import pytest

from models_zoo.remote import Endpoint
from scoring.settings import Settings, SettingsError, read_settings


def environ(tmp_path: Path, **changes: str) -> dict[str, str]:
    return {"REDIS_URL": "redis://h/0", "IMAGES_URL": "s3://b/images", "CLASSIFIERS_DIR": str(tmp_path)} | changes


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    changes = {"SCORING_THREADS": "2", "SCORING_BATCH": "8", "SCORING_MESSAGES": "3", "SCORING_BACKEND": "torch"}
    changes |= {"SCORING_PRECISION": "auto", "SCORING_DEVICE": "cpu", "SCORING_CACHE_DIR": "/c"}
    found = read_settings(environ(tmp_path, **changes, REMOTE_CLASSIFIERS="a=http://h:8000"))
    assert found == Settings(
        broker_url="redis://h/0",
        redis_url="redis://h/0",
        images_url="s3://b/images",
        classifiers_dir=tmp_path,
        cache_dir=Path("/c"),
        threads=2,
        batch=8,
        messages=3,
        backend="torch",
        precision="auto",
        device="cpu",
        remotes={"a": Endpoint("http://h:8000")},
    )


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"CATS4ML_HOME": "/home/c"}, "/home/c/scoring-cache"),
        ({"XDG_CACHE_HOME": "/caches"}, "/caches/cats4ml/scoring"),
    ],
)
def test_exported_graphs_have_a_folder_without_being_told(tmp_path: Path, given: dict[str, str], folder: str) -> None:
    found = read_settings(environ(tmp_path, **given))
    assert (str(found.cache_dir), found.batch, found.backend, found.precision) == (folder, None, "auto", "float32")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"SCORING_BACKEND": "tensorrt"}, "SCORING_BACKEND: 'tensorrt' should be one of auto, torch, onnxruntime"),
        ({"SCORING_PRECISION": "int8"}, "SCORING_PRECISION: 'int8' should be one of float32, auto"),
        ({"SCORING_DEVICE": "tpu"}, "SCORING_DEVICE: 'tpu' should be cpu, cuda or cuda:1; leave it out for CUDA"),
        ({"SCORING_DEVICE": "cuda:99"}, "SCORING_DEVICE: 'cuda:99' isn't there: torch sees"),
        ({"REMOTE_CLASSIFIERS": "a=ftp://h"}, "REMOTE_CLASSIFIERS: 'ftp://h' of 'a' should be an address"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, given: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ(tmp_path, **given))
    assert str(caught.value).splitlines()[1].startswith(f"  {line}")


def test_everything_that_is_missing_or_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"CLASSIFIERS_DIR": "/none", "SCORING_BATCH": "many", "SCORING_THREADS": "0", "REDIS_URL": "x"})
    assert str(caught.value).splitlines() == [
        "The scoring worker can't start:",
        "  IMAGES_URL is not set: the picture storage: a folder or an fsspec URL",
        "  CLASSIFIERS_DIR: '/none' is no folder",
        "  REDIS_URL: the address of Redis should begin with redis://, rediss://, sentinel:// or unix:///",
        "  SCORING_THREADS: '0' should be a whole number from 1 to 256",
        "  SCORING_BATCH: 'many' should be a whole number from 1 to 1024",
    ]
