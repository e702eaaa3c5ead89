"""What the whole path is held against: the bare forward pass, the bare decoder, and the loop that one would write."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from models_zoo.batch import Batch
from models_zoo.classifier import Runnable
from models_zoo.loading import ONNXRUNTIME, TORCH, Compute, load
from models_zoo.networks import build_network
from models_zoo.pictures import decode
from models_zoo.preprocess import Geometry, Pixels, geometry, pixels
from models_zoo.spec import ClassifierSpec
from models_zoo.vision import torchvision
from models_zoo.weights import read_weights

Prepared = dict[Geometry, Pixels]


def rate(number: int, work: Callable[[], None]) -> float:
    """Pictures per second."""
    began = time.perf_counter()
    work()
    return number / (time.perf_counter() - began)


def ensembles(specs: Sequence[ClassifierSpec], folder: Path, compute: Compute) -> dict[str, list[Runnable]]:
    """The roster loaded once by each backend that this device has."""
    backends = [TORCH] if compute.device.type == "cuda" else [TORCH, ONNXRUNTIME]
    return {
        backend: [load(spec, folder, Compute(**{**compute.__dict__, "backend": backend})) for spec in specs]
        for backend in backends
    }


def prepare(contents: Sequence[bytes], specs: Sequence[ClassifierSpec], threads: int) -> list[Prepared]:
    """Every picture decoded once and resized for every classifier, by so many threads."""
    inputs = {geometry(spec.input): spec.input for spec in specs}

    def one(content: bytes) -> Prepared:
        picture = decode(content)
        return {shape: pixels(picture, spec) for shape, spec in inputs.items()}

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, contents))


def forward(ensemble: Sequence[Runnable], prepared: Sequence[Prepared], batch: int) -> None:
    """Every classifier over every picture, out of memory. On CUDA the pictures are copied there first, untimed."""
    batches = [Batch.of(prepared[start : start + batch]) for start in range(0, len(prepared), batch)]
    for one in batches:
        waiting = [runnable.start(one) for runnable in ensemble]
        for pending in waiting:
            pending()


class Loop:
    """Pillow opens, torchvision transforms, torch computes: one picture after the other."""

    def __init__(self, specs: Sequence[ClassifierSpec], folder: Path, device: torch.device) -> None:
        self._device = device
        self._nets = [(self._transform(spec), self._network(spec, folder), spec.activation) for spec in specs]

    def _network(self, spec: ClassifierSpec, folder: Path) -> nn.Module:
        return build_network(spec, read_weights(spec, folder), self._device)

    def _transform(self, spec: ClassifierSpec) -> Callable[[Image.Image], torch.Tensor]:
        wanted, size = spec.input, spec.input.size
        resize = wanted.resize if isinstance(wanted.resize, int) else (wanted.resize[1], wanted.resize[0])
        steps = torchvision.transforms
        transform: Callable[[Image.Image], torch.Tensor] = steps.Compose(
            [
                steps.Resize(resize),
                steps.CenterCrop((size[1], size[0])),
                steps.ToTensor(),
                steps.Normalize(wanted.mean, wanted.std),
            ]
        )
        return transform

    @torch.inference_mode()
    def run(self, contents: Sequence[bytes]) -> None:
        for content in contents:
            picture = Image.open(io.BytesIO(content)).convert("RGB")
            said = []
            for transform, net, activation in self._nets:
                logits = net(transform(picture)[None].to(self._device))
                said.append((logits.softmax(dim=1) if activation == "softmax" else logits.sigmoid()).cpu().numpy())
            np.mean(said, axis=0)
