"""A classifier that is loaded and ready: its card, its network, and the one way to run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models_zoo import calibration
from models_zoo.architectures import EXPORTED, JOINT
from models_zoo.batch import Batch
from models_zoo.errors import ClassifierError
from models_zoo.networks import build_network, with_features
from models_zoo.preprocess import Pixels, geometry, normalise
from models_zoo.spec import CHANNELS, ClassifierSpec
from models_zoo.weights import read_weights

__all__ = ["Classifier", "ClassifierError", "Outputs", "Probabilities", "Runnable", "best_device", "load_classifier"]

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outputs:
    """`probabilities`: float32 [N, outputs]; NaN and infinity are passed on as they are. `features`: float32 [N, D],
    or `None` where the network has none that can be found."""

    probabilities: Probabilities
    features: npt.NDArray[np.float32] | None


Pending = Callable[[], Outputs]
"""A forward pass that was begun; calling it waits for the numbers."""


class Runnable(Protocol):
    """A classifier in whatever way it is run."""

    @property
    def spec(self) -> ClassifierSpec: ...

    def start(self, batch: Batch) -> Pending:
        """Begins a forward pass over a batch of at least one picture."""


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Classifier:
    """A loaded network with its card, run by torch: the reference for every other way."""

    def __init__(
        self, spec: ClassifierSpec, net: nn.Module, device: torch.device, *, dtype: torch.dtype | None = None
    ) -> None:
        """`net` is in evaluation mode and on `device`. `dtype`: of an autocast, `None` for float32 throughout."""
        self.spec = spec
        self.device = device
        self._dtype = dtype
        # 1.3 to 1.9 times as fast on the CPU; but the views in an exported graph were traced for the usual layout
        families = {spec.family, spec.backbone.family if spec.backbone is not None else ""}
        exported = bool(families & {EXPORTED, JOINT})
        self._layout = torch.contiguous_format if exported else torch.channels_last
        net = net.to(memory_format=self._layout)  # type: ignore[call-overload]
        wide = with_features(net, spec)
        self.has_features = wide is not None
        self.net: nn.Module = net if wide is None else wide
        """Gives (logits, features) if `has_features`, else logits."""

    def with_dtype(self, dtype: torch.dtype) -> Classifier:
        """The same network under an autocast to `dtype`."""
        other = Classifier.__new__(Classifier)
        other.__dict__ = self.__dict__ | {"_dtype": dtype}
        return other

    @torch.inference_mode()
    def start(self, batch: Batch) -> Pending:
        """Begins a forward pass; on a processor it is done at once, CUDA goes on by itself."""
        pixels = batch.tensor(self.spec.input, self.device)
        with torch.autocast(self.device.type, dtype=self._dtype, enabled=self._dtype is not None):
            found = self.net(normalise(pixels, self.spec.input, self._layout))
        logits, features = found if self.has_features else (found, None)
        active = calibration.probabilities(logits.float(), self.spec)
        return _fetching(active, None if features is None else features.float())

    def probabilities(self, batch: Sequence[Pixels]) -> Probabilities:
        """float32 [N, outputs] for N arrays out of `preprocess.pixels`; NaN and infinity are passed on as they are."""
        if not batch:
            return np.zeros((0, self.spec.outputs), dtype=np.float32)
        return self.start(Batch({geometry(self.spec.input): np.stack(batch)}))().probabilities


def _fetching(active: Tensor, features: Tensor | None) -> Pending:
    """Begins to copy the results to the host; the call waits for them."""
    if active.device.type != "cuda":
        done = Outputs(active.numpy(), None if features is None else features.numpy())
        return lambda: done
    copies = [_to_host(values) for values in (active, features) if values is not None]
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(active.device))

    def wait() -> Outputs:
        event.synchronize()
        arrays = [values.numpy().copy() for values in copies]
        return Outputs(arrays[0], arrays[1] if len(arrays) > 1 else None)

    return wait


def _to_host(values: Tensor) -> Tensor:
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return pinned.copy_(values, non_blocking=True)


def load_classifier(spec: ClassifierSpec, classifiers_dir: Path, device: torch.device) -> Classifier:
    """Loads the weights that `spec` names out of `classifiers_dir`, after their checksum was compared.

    Raises `ClassifierError` if the file is missing, another one, no such network, or its output has another shape.
    """
    data = read_weights(spec, classifiers_dir)
    try:
        classifier = Classifier(spec, build_network(spec, data, device), device)
        _try_out(classifier)
    except Exception as error:  # whatever a damaged or foreign file makes torch raise, the card is what can't be run
        where = f" ({spec.weights})" if spec.weights else ""
        raise ClassifierError(f"classifier {spec.name!r}{where}: {error}") from error
    return classifier


def _try_out(classifier: Classifier) -> None:
    """Two black pictures through the network: a wrong size or count of outputs shows now, not in the first chunk."""
    spec = classifier.spec
    width, height = spec.input.size
    black = np.zeros((2, height, width, CHANNELS[spec.input.colour]), dtype=np.uint8)
    found = classifier.start(Batch({geometry(spec.input): black}))()
    shape, wanted = found.probabilities.shape, (2, spec.outputs)
    if spec.joint is not None:
        shape = found.features.shape if found.features is not None else ()
        wanted = (2, spec.joint.dimensions)
    if shape != wanted:
        raise ValueError(f"gives an output of shape {shape} for two pictures; its card says {wanted}")
