"""The worker's settings: read out of the environment in this one place, and loud about what is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoring.broker import celery_broker_url

MAX_BATCH = 1024


class SettingsError(RuntimeError):
    """Settings are missing or unusable; the text has one line for each."""


@dataclass(frozen=True)
class Settings:
    """`images_url`: the root of the picture storage, a folder or an fsspec URL (`s3://bucket/pictures`).
    `threads`: processor threads for torch and for decoding. `batch`: pictures a forward pass."""

    broker_url: str
    images_url: str
    classifiers_dir: Path
    threads: int
    batch: int


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` that names every missing or unusable variable at once."""
    problems: list[str] = []
    broker_url = _required(environ, "REDIS_URL", "the address of Redis, such as redis://localhost:6379/0", problems)
    images_url = _required(environ, "IMAGES_URL", "the picture storage: a folder or an fsspec URL", problems)
    folder = _required(environ, "CLASSIFIERS_DIR", "the folder of the classifiers' weights", problems)
    if folder and not Path(folder).is_dir():
        problems.append(f"CLASSIFIERS_DIR: {folder!r} is no folder")
    threads = _count(environ, "SCORING_THREADS", default=os.cpu_count() or 1, most=256, problems=problems)
    batch = _count(environ, "SCORING_BATCH", default=16, most=MAX_BATCH, problems=problems)
    try:
        broker_url = celery_broker_url(broker_url) if broker_url else ""
    except ValueError as error:
        problems.append(f"REDIS_URL: {error}")
    if problems:
        raise SettingsError("The scoring worker can't start:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Settings(broker_url, images_url, Path(folder), threads, batch)


def _required(environ: Mapping[str, str], name: str, meaning: str, problems: list[str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        problems.append(f"{name} is not set: {meaning}")
    return value


def _count(environ: Mapping[str, str], name: str, *, default: int, most: int, problems: list[str]) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= most:
        problems.append(f"{name}: {text!r} should be a whole number from 1 to {most}")
        return default
    return int(text)
