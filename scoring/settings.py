"""The worker's settings: read out of the environment in this one place, and loud about what is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models_zoo.loading import AUTO, BACKENDS, FLOAT32, ONNXRUNTIME, PRECISIONS
from models_zoo.remote import Endpoint, EndpointError, remote_endpoints
from scoring.broker import celery_broker_url
from scoring.devices import DeviceError, check_device
from scoring.logs import FORMATS

MAX_BATCH = 1024
MAX_MESSAGES = 64


class SettingsError(RuntimeError):
    """Settings are missing or unusable; the text has one line for each."""


@dataclass(frozen=True)
class Settings:
    """`images_url`: the root of the picture storage, a folder or an fsspec URL (`s3://bucket/pictures`).
    `threads`: processor threads for forward passes, and as many for decoding. `batch`: pictures a forward pass,
    `None` for what the device likes. `messages`: how many are in hand at once. `device`: `cpu`, `cuda`, `cuda:1`; empty
    for CUDA where it is. `cache_dir`: the folder of exported graphs. `redis_url`: the broker's address as given.
    `metrics_port`: where Prometheus asks, if anywhere. `traces`: whether OpenTelemetry's variables say where to."""

    broker_url: str
    redis_url: str = field(repr=False)
    images_url: str
    classifiers_dir: Path
    cache_dir: Path
    threads: int
    batch: int | None = None
    messages: int = 4
    backend: str = AUTO
    precision: str = FLOAT32
    device: str = ""
    remotes: Mapping[str, Endpoint] = field(default_factory=dict, repr=False)
    log_format: str = "plain"
    metrics_port: int | None = None
    traces: bool = False
    sentry_dsn: str = field(default="", repr=False)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` that names every missing or unusable variable at once."""
    read = _Reader(environ)
    redis_url = read.required("REDIS_URL", "the address of Redis, such as redis://localhost:6379/0")
    images_url = read.required("IMAGES_URL", "the picture storage: a folder or an fsspec URL")
    folder = read.required("CLASSIFIERS_DIR", "the folder of the classifiers' weights")
    if folder and not Path(folder).is_dir():
        read.problems.append(f"CLASSIFIERS_DIR: {folder!r} is no folder")
    settings = Settings(
        broker_url=read.broker(redis_url),
        redis_url=redis_url,
        images_url=images_url,
        classifiers_dir=Path(folder),
        cache_dir=_cache_dir(environ),
        threads=read.count("SCORING_THREADS", most=256) or os.cpu_count() or 1,
        batch=read.count("SCORING_BATCH", most=MAX_BATCH),
        messages=read.count("SCORING_MESSAGES", most=MAX_MESSAGES) or 4,
        backend=read.choice("SCORING_BACKEND", BACKENDS, default=AUTO),
        precision=read.choice("SCORING_PRECISION", PRECISIONS, default=FLOAT32),
        device=read.device("SCORING_DEVICE"),
        remotes=read.remotes(),
        log_format=read.log_format(),
        metrics_port=read.count("SCORING_METRICS_PORT", most=65_535),
        traces=bool(read.text("OTEL_EXPORTER_OTLP_ENDPOINT")),
        sentry_dsn=read.text("SENTRY_DSN"),
    )
    if settings.backend == ONNXRUNTIME and settings.device.startswith("cuda"):
        read.problems.append(
            "SCORING_BACKEND: ONNX Runtime runs on the processor only; on CUDA leave it at auto or torch"
        )
    if read.problems:
        raise SettingsError("The scoring worker can't start:\n" + "\n".join(f"  {one}" for one in read.problems))
    return settings


class _Reader:
    """Reads one variable after the other and keeps what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def required(self, name: str, meaning: str) -> str:
        value = self.text(name)
        if not value:
            self.problems.append(f"{name} is not set: {meaning}")
        return value

    def count(self, name: str, *, most: int) -> int | None:
        text = self.text(name)
        if text and (not text.isdecimal() or not 1 <= int(text) <= most):
            self.problems.append(f"{name}: {text!r} should be a whole number from 1 to {most}")
            return None
        return int(text) if text else None

    def choice(self, name: str, known: Sequence[str], *, default: str) -> str:
        value = self.text(name) or default
        if value not in known:
            self.problems.append(f"{name}: {value!r} should be one of {', '.join(known)}")
        return value

    def log_format(self) -> str:
        """Lines of JSON in production, lines for people elsewhere."""
        production = self.text("CATS4ML_ENV") == "production"
        return self.choice("LOG_FORMAT", FORMATS, default="json" if production else "plain")

    def device(self, name: str) -> str:
        value = self.text(name)
        try:
            check_device(value)
        except DeviceError as error:
            self.problems.append(f"{name}: {error}")
        return value

    def broker(self, redis_url: str) -> str:
        try:
            return celery_broker_url(redis_url) if redis_url else ""
        except ValueError as error:
            self.problems.append(f"REDIS_URL: {error}")
            return ""

    def remotes(self) -> Mapping[str, Endpoint]:
        try:
            return remote_endpoints(self._environ)
        except EndpointError as error:
            self.problems.append(str(error))
            return {}


def _cache_dir(environ: Mapping[str, str]) -> Path:
    """`SCORING_CACHE_DIR`, else a folder below `CATS4ML_HOME`, else below the user's folder of caches."""
    if chosen := environ.get("SCORING_CACHE_DIR", "").strip():
        return Path(chosen)
    if home := environ.get("CATS4ML_HOME", "").strip():
        return Path(home) / "scoring-cache"
    caches = environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache"
    return Path(caches) / "cats4ml" / "scoring"
