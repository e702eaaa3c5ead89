"""A frozen network out of a roster, asked for its features and its own probabilities in one forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models_zoo import card_parts
from models_zoo.architectures import BACKBONES, EXPORTED
from models_zoo.calibration import probabilities
from models_zoo.card_parts import FULL, InputSpec
from models_zoo.errors import ClassifierError
from models_zoo.networks import build_network, with_features
from models_zoo.pictures import decode
from models_zoo.preprocess import Pixels, normalise, pixels
from models_zoo.spec import PREPROCESSING_VERSION, ClassifierSpec, canonical_sha256
from models_zoo.training.features import Array
from models_zoo.weights import read_weights

FEATURES_VERSION = 1  # raise it when a change of the code changes the features of a picture


class FrozenBackbone:
    """A loaded network. `card`: what a head's card says of it. `digest` names it, its input and this code's version."""

    def __init__(self, spec: ClassifierSpec, classifiers_dir: Path, device: torch.device) -> None:
        """Raises `ClassifierError` where it can't be loaded, or has no features that can be found for certain."""
        if spec.family not in BACKBONES:
            raise ClassifierError(
                f"classifier {spec.name!r}: of family {spec.family!r}, which can't be a backbone; name one of family "
                + ", ".join(BACKBONES)
            )
        self.spec = spec
        self.input: InputSpec = replace(spec.input, decode=FULL)
        self.card = card_parts.Backbone(spec.family, spec.architecture, spec.file)
        self._device = device
        self._layout = torch.contiguous_format if spec.family == EXPORTED else torch.channels_last
        try:
            net = build_network(spec, read_weights(spec, classifiers_dir), device)
            both = with_features(net, spec)
        except ClassifierError:
            raise
        except Exception as error:  # whatever a damaged or foreign file makes torch raise
            raise ClassifierError(f"classifier {spec.name!r} ({spec.weights}): {error}") from error
        if both is None:
            raise ClassifierError(
                f"classifier {spec.name!r}: this exported program doesn't end with a linear layer, so that no features"
                " can be had of it; name another backbone"
            )
        self._net = both.to(memory_format=self._layout)  # type: ignore[call-overload]

    @property
    def digest(self) -> str:
        return canonical_sha256(
            {
                "features": FEATURES_VERSION,
                "preprocessing": PREPROCESSING_VERSION,
                "backbone": self.card.identity,
                "input": self.input.to_dict(),
                "classifier": self.spec.digest,  # its probabilities are kept beside its features
            }
        )

    def read(self, data: bytes) -> Pixels:
        return pixels(decode(data), self.input)

    @torch.inference_mode()
    def see(self, batch: Sequence[Pixels]) -> tuple[Array, Array]:
        inputs = torch.from_numpy(np.stack(batch)).to(self._device)
        logits, features = self._net(normalise(inputs, self.input, self._layout))
        return features.float().cpu().numpy(), probabilities(logits, self.spec).cpu().numpy()
