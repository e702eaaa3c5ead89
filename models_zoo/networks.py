"""A card's network, built and filled: raw logits, and features where they can be had."""

from __future__ import annotations

import importlib
import io
from collections import OrderedDict
from collections.abc import Mapping
from types import ModuleType

import torch
from torch import Tensor, nn

from models_zoo import (
    digits_nets,  # noqa: F401  (registers its networks)
    exported,
    features,
    registry,
)
from models_zoo.architectures import BUILTIN, EXPORTED, HEAD, JOINT, REMOTE, TORCHVISION
from models_zoo.card_parts import Weights
from models_zoo.features import HeadNet, HeadWithFeatures, WithFeatures
from models_zoo.spec import ClassifierSpec
from models_zoo.weights import HeadWeights, WeightsData

_FRESH_BACKBONE_OUTPUTS = 1000  # of a backbone without weights; a head doesn't look at them


def build_network(spec: ClassifierSpec, weights: WeightsData, device: torch.device) -> nn.Module:
    """The network of `spec`, which maps [N, C, H, W] float32 to raw logits [N, outputs], ready to be asked; of a
    joint card the image encoder, which maps them to vectors [N, dimensions].

    `weights` is what `models_zoo.weights.read_weights` gave. In evaluation mode, without gradients, on `device`.
    Raises `ValueError`, `TypeError`, `exported.UnsafeProgramError` or torch's own errors where the weights are another
    network's.
    """
    if spec.family == REMOTE:
        raise ValueError("a remote classifier has no network here; ask it with models_zoo.remote")
    if spec.family == HEAD:
        if not isinstance(weights, HeadWeights):
            raise TypeError("a head needs its own weights and its backbone's; read them with models_zoo.weights")
        return _head(spec, weights, device)
    if isinstance(weights, HeadWeights):
        raise TypeError(f"weights of a head were given to a classifier of family {spec.family!r}")
    return _plain(spec.family, spec.architecture, spec.file, weights, device, outputs=spec.outputs)


def with_features(net: nn.Module, spec: ClassifierSpec) -> WithFeatures | None:
    """`net` (out of `build_network`) as a module that gives (logits [N, outputs], features [N, D]) in one forward.

    It shares the weights of `net` and leaves `net` as it is; `width` is D. The features are the input of the last
    linear layer; for SqueezeNet the pooled map before its classifier; for a head the backbone's; for a joint card the
    image encoder's vectors, beside no logits. `None` where there
    are none that can be found for certain (some exported programs).
    """
    if isinstance(net, HeadNet):
        return HeadWithFeatures(net.backbone, net.head).eval()
    if spec.joint is not None:
        return exported.vectors_alone(net, spec.joint.dimensions)
    return _features_of(net, spec.family, spec.architecture)


def _features_of(net: nn.Module, family: str, architecture: str) -> WithFeatures | None:
    if family == EXPORTED:
        return exported.with_features(net)
    if architecture.startswith("squeezenet"):
        return features.of_squeezenet(net)
    return features.of_linear(net)


def build_backbone(
    family: str, architecture: str, weights: Weights, data: bytes | None, device: torch.device
) -> WithFeatures:
    """A frozen backbone: [N, C, H, W] to (its own logits, features [N, D]); `width` is D.

    `data` are the bytes of `weights`, `None` where they are drawn by a seed. Raises `ValueError` where no features can
    be found, and what `build_network` raises.
    """
    net = _features_of(_plain(family, architecture, weights, data, device, outputs=None), family, architecture)
    if net is None:
        raise ValueError("this exported program doesn't end with a linear layer, so it can't be a backbone")
    return net


def _head(spec: ClassifierSpec, weights: HeadWeights, device: torch.device) -> nn.Module:
    if spec.backbone is None:
        raise ValueError("the card of a head has no backbone")
    family, architecture = spec.backbone.family, spec.backbone.architecture
    backbone = build_backbone(family, architecture, spec.backbone.weights, weights.backbone, device)
    state = _state(weights.head)
    shape = tuple(state["weight"].shape) if "weight" in state else None
    wanted = (spec.outputs, backbone.width)
    if shape != wanted:
        raise ValueError(
            f"the head's weight has the shape {shape}; {spec.outputs} outputs on this backbone's features of"
            f" {backbone.width} numbers need {wanted}"
        )
    head = nn.Linear(wanted[1], wanted[0])
    head.load_state_dict(state, strict=True)
    return _ready(HeadNet(backbone, head), device)


def _plain(
    family: str, architecture: str, weights: Weights, data: bytes | None, device: torch.device, *, outputs: int | None
) -> nn.Module:
    """A network that is no head. `outputs`: how many; `None` for as many as its weights have."""
    if weights.seed is not None:
        return _ready(_fresh(family, architecture, outputs or _FRESH_BACKBONE_OUTPUTS, weights.seed), device)
    if data is None:
        raise ValueError("the weights are missing; read them with models_zoo.weights")
    if family in (EXPORTED, JOINT):
        return exported.load(data, device)
    state = _state(data)
    builders = _builders(family)
    if family == TORCHVISION:
        state = builders.fitted(architecture, state)
    net: nn.Module = builders.build(architecture, outputs or _outputs_of(state))
    net.load_state_dict(state, strict=True)
    return _ready(net, device)


def _fresh(family: str, architecture: str, outputs: int, seed: int) -> nn.Module:
    """A network with weights drawn by `seed`: the same on every machine, and good for nothing but measuring speed."""
    builders = _builders(family)  # before the seed, for what is imported may draw too
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net: nn.Module = builders.build(architecture, outputs)
    return net


def _builders(family: str) -> ModuleType:
    """The module that builds the networks of a family. torchvision's by name, for torchvision takes a second of a
    processor and 80 MB, which a worker of other cards can do without."""
    if family == BUILTIN:
        return registry
    if family == TORCHVISION:
        return importlib.import_module("models_zoo.torchvision_nets")
    raise ValueError(f"networks of family {family!r} aren't built here")


def _ready(net: nn.Module, device: torch.device) -> nn.Module:
    return net.eval().requires_grad_(requires_grad=False).to(device)


def _state(data: bytes) -> OrderedDict[str, Tensor]:
    """A state dict; unpickled without running anything of the file's own."""
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if not isinstance(state, Mapping):
        raise TypeError(f"the file has a {type(state).__name__}, not a state dict")
    return state if isinstance(state, OrderedDict) else OrderedDict(state)


def _outputs_of(state: Mapping[str, Tensor]) -> int:
    """How many outputs the last layer of a state dict has."""
    weights = [value for key, value in state.items() if key.endswith(".weight") and value.ndim in (2, 4)]
    if not weights:
        raise ValueError("the state dict has no linear layer")
    return int(weights[-1].shape[0])
