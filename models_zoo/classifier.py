"""A classifier that is loaded and ready: its card, its network, and the one way to run it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models_zoo import (
    digits_nets,  # noqa: F401  (registers its networks)
    exported,
    registry,
    torchvision_nets,
)
from models_zoo.architectures import BUILTIN, EXPORTED, TORCHVISION
from models_zoo.preprocess import Pixels, normalise
from models_zoo.spec import CHANNELS, ClassifierSpec

Probabilities = npt.NDArray[np.float32]


class ClassifierError(RuntimeError):
    """A classifier can't be loaded as its card says; the text says why and how to mend it."""


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Classifier:
    """A loaded network with its card."""

    def __init__(self, spec: ClassifierSpec, net: nn.Module, device: torch.device) -> None:
        """`net` is in evaluation mode and on `device`."""
        self.spec = spec
        self._device = device
        # 1.3 to 1.9 times as fast on the CPU; but the views in an exported graph were traced for the usual layout
        self._layout = torch.contiguous_format if spec.family == EXPORTED else torch.channels_last
        self._net: nn.Module = net.to(memory_format=self._layout)  # type: ignore[call-overload]

    @torch.inference_mode()
    def probabilities(self, batch: Sequence[Pixels]) -> Probabilities:
        """float32 [N, outputs] for N arrays out of `preprocess.pixels`; NaN and infinity are passed on as they are."""
        if not batch:
            return np.zeros((0, self.spec.outputs), dtype=np.float32)
        pixels = torch.from_numpy(np.stack(batch)).to(self._device)
        logits: Tensor = self._net(normalise(pixels, self.spec.input, self._layout)).float()
        active = logits.softmax(dim=1) if self.spec.activation == "softmax" else logits.sigmoid()
        result: Probabilities = active.cpu().numpy()
        return result


def load_classifier(spec: ClassifierSpec, classifiers_dir: Path, device: torch.device) -> Classifier:
    """Loads the weights that `spec` names out of `classifiers_dir`, after their checksum was compared.

    Raises `ClassifierError` if the file is missing, another one, no such network, or its output has another shape.
    """
    data = _read_weights(spec, classifiers_dir)
    try:
        net = _network(spec, data, device)
        classifier = Classifier(spec, net, device)
        _try_out(classifier)
    except Exception as error:  # whatever a damaged or foreign file makes torch raise, the card is what can't be run
        raise ClassifierError(f"classifier {spec.name!r} ({spec.weights}): {error}") from error
    return classifier


def _read_weights(spec: ClassifierSpec, classifiers_dir: Path) -> bytes:
    try:
        data = (classifiers_dir / spec.weights).read_bytes()
    except OSError as error:
        raise ClassifierError(
            f"classifier {spec.name!r}: {spec.weights!r} can't be read from the folder of classifiers"
            f" {str(classifiers_dir)!r}: {error.strerror}; put the file there, or set CLASSIFIERS_DIR to another folder"
        ) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != spec.sha256:
        raise ClassifierError(
            f"classifier {spec.name!r}: the file {spec.weights!r} has the checksum {actual}, its card says"
            f" {spec.sha256}; put the right file there, or load the roster again"
        )
    return data


def _network(spec: ClassifierSpec, data: bytes, device: torch.device) -> nn.Module:
    if spec.family == EXPORTED:
        return exported.load(data, device)
    builders = {TORCHVISION: torchvision_nets.build, BUILTIN: registry.build}
    net = builders[spec.family](spec.architecture, spec.outputs)
    net.load_state_dict(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True), strict=True)
    return net.eval().requires_grad_(requires_grad=False).to(device)


def _try_out(classifier: Classifier) -> None:
    """Two black pictures through the network: a wrong size or count of outputs shows now, not in the first chunk."""
    spec = classifier.spec
    width, height = spec.input.size
    black = np.zeros((height, width, CHANNELS[spec.input.colour]), dtype=np.uint8)
    shape = classifier.probabilities([black, black]).shape
    if shape != (2, spec.outputs):
        raise ValueError(f"gives an output of shape {shape} for two pictures; its card says (2, {spec.outputs})")
