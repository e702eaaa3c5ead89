"""torchvision's classification networks with weights out of a local file; nothing is ever downloaded."""

from __future__ import annotations

from torch import nn

from models_zoo.vision import torchvision


def build(architecture: str, outputs: int) -> nn.Module:
    """A fresh network of torchvision's builder `architecture`, with `outputs` logits.

    Raises `ValueError` for a name that torchvision doesn't have.
    """
    net = torchvision.models.get_model(architecture, weights=None, num_classes=outputs)
    if not isinstance(net, nn.Module):
        raise TypeError(f"torchvision's builder {architecture!r} gave {type(net).__name__}, not a network")
    return net


def architectures() -> list[str]:
    """The names of all of torchvision's classification networks (not detection, segmentation, video)."""
    return sorted(torchvision.models.list_models(module=torchvision.models))
