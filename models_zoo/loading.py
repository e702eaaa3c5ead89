"""How classifiers are run on this machine: device, backend, precision. Loads one by its card accordingly."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from models_zoo.architectures import REMOTE
from models_zoo.batch import Batch
from models_zoo.classifier import Outputs, Pending, Runnable, best_device, load_classifier
from models_zoo.errors import ClassifierError
from models_zoo.onnx_backend import OnnxUnfitError, onnx_classifier
from models_zoo.precision import reduced
from models_zoo.preprocess import normalise
from models_zoo.remote import ENDPOINTS, Endpoint, RemoteClassifier
from models_zoo.spec import ClassifierSpec

logger = logging.getLogger(__name__)

AUTO, TORCH, ONNXRUNTIME = "auto", "torch", "onnxruntime"
BACKENDS = (AUTO, TORCH, ONNXRUNTIME)
FLOAT32 = "float32"
PRECISIONS = (FLOAT32, AUTO)


# Below that a forward pass takes no time by torch either, and an export takes seconds.
WORTH_EXPORTING = 100_000  # weights


@dataclass(frozen=True)
class Compute:
    """`device`: `cpu`, `cuda`, `cuda:1`. `backend`: `auto` is ONNX Runtime for a classifier of some size
    on a processor, and torch on CUDA.

    `precision`: `float32`, or `auto` for less on CUDA where a check at load allows it. `threads`: of the processor.
    `cache_dir`: the folder of exported graphs; without one there is no ONNX Runtime. `remotes`: the addresses of remote
    endpoints by their alias.
    """

    device: torch.device = field(default_factory=best_device)
    backend: str = AUTO
    precision: str = FLOAT32
    threads: int = 1
    cache_dir: Path | None = None
    remotes: Mapping[str, Endpoint] = field(default_factory=dict)

    @property
    def runs_onnx(self) -> bool:
        return self.backend != TORCH and self.device.type == "cpu" and self.cache_dir is not None


class RemoteRunner:
    """A remote classifier, asked in a thread of its own, so that local ones go on meanwhile."""

    def __init__(self, remote: RemoteClassifier) -> None:
        self.spec = remote.spec
        self._remote = remote
        self._asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remote")

    def start(self, batch: Batch) -> Pending:
        """Sends the pictures; the call waits for the answer, and raises `ClassifierError` where there is none."""
        pixels = batch.tensor(self.spec.input, torch.device("cpu"))
        inputs = normalise(pixels, self.spec.input, torch.contiguous_format).numpy()
        answer = self._asking.submit(self._remote.probabilities, inputs)
        return lambda: Outputs(answer.result(), None)


def load(spec: ClassifierSpec, classifiers_dir: Path, compute: Compute) -> Runnable:
    """The classifier of `spec`, ready to be run by `compute`.

    Of a joint card the image encoder; `models_zoo.joint` has the other. Raises `ClassifierError` where it can't be
    loaded as its card says. What ONNX Runtime can't run as torch does, torch
    runs, with a warning.
    """
    started = time.monotonic()
    runnable, how = _load(spec, classifiers_dir, compute)
    seconds = time.monotonic() - started
    logger.info(
        "loaded classifier %s (%s) on %s by %s in %.1f s", spec.name, spec.digest[:12], compute.device, how, seconds
    )
    return runnable


def _load(spec: ClassifierSpec, classifiers_dir: Path, compute: Compute) -> tuple[Runnable, str]:
    if spec.remote is not None:
        return RemoteRunner(_remote(spec, spec.remote.endpoint, compute)), REMOTE
    if compute.device.type == "cuda":
        # What calls itself float32 is that, also as the reference that less precision is compared with.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    classifier = load_classifier(spec, classifiers_dir, compute.device)
    if compute.device.type == "cuda" and compute.precision == AUTO and spec.joint is None:
        return reduced(classifier), TORCH
    tiny = sum(weights.numel() for weights in classifier.net.parameters()) < WORTH_EXPORTING
    if compute.runs_onnx and compute.cache_dir is not None and not (tiny and compute.backend == AUTO):
        try:
            return onnx_classifier(classifier, compute.cache_dir, threads=compute.threads), ONNXRUNTIME
        except OnnxUnfitError as error:
            logger.warning("classifier %s runs by torch, for ONNX Runtime isn't fit for it: %s", spec.name, error)
    return classifier, TORCH


def _remote(spec: ClassifierSpec, alias: str, compute: Compute) -> RemoteClassifier:
    endpoint = compute.remotes.get(alias)
    if endpoint is None:
        raise ClassifierError(
            f"classifier {spec.name!r}: this worker doesn't know where {alias!r} is; say so in {ENDPOINTS}, as in"
            f" {ENDPOINTS}={alias}=http://host:8000"
        )
    return RemoteClassifier(spec, endpoint.url, endpoint.token)
