"""A worker's parts, as its settings say."""

from __future__ import annotations

import torch

from models_zoo.loading import ONNXRUNTIME, Compute
from scoring.classifiers import ClassifierCache
from scoring.devices import device_of
from scoring.images import PictureStore
from scoring.settings import Settings


def make_compute(settings: Settings) -> Compute:
    """Whoever asks for ONNX Runtime means the processor, also beside a GPU."""
    only_here = settings.backend == ONNXRUNTIME and not settings.device
    return Compute(
        device=torch.device("cpu") if only_here else device_of(settings.device),
        backend=settings.backend,
        precision=settings.precision,
        threads=settings.threads,
        cache_dir=settings.cache_dir,
        remotes=settings.remotes,
    )


def make_cache(settings: Settings) -> ClassifierCache:
    return ClassifierCache(settings.classifiers_dir, make_compute(settings))


def make_store(settings: Settings) -> PictureStore:
    return PictureStore(settings.images_url)
