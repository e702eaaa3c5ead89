"""Cards for tests: small real networks with weights written into a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models_zoo import digits_nets, registry  # noqa: F401  (registers its networks)
from models_zoo.spec import ClassifierSpec

DIGITS = tuple("0123456789")


def card(**changes: Any) -> dict[str, Any]:
    """A well-formed card of a digits classifier, as `ClassifierSpec.from_dict` reads it."""
    return {
        "name": "a",
        "family": "builtin",
        "architecture": "digits_perceptron",
        "weights": "a.pt",
        "sha256": "a" * 64,
        "input": {"resize": [10, 10], "size": [10, 10], "colour": "grey", "mean": [0.5], "std": [0.5]},
        "activation": "softmax",
        "vocabulary": "digits",
        "labels": list(DIGITS),
        "source": "made for a test",
        "licence": "Apache-2.0",
    } | changes


def write_net(folder: Path, net: nn.Module, **changes: Any) -> ClassifierSpec:
    """Writes the weights of `net` as a state dict and gives the card that goes with them."""
    name = changes.setdefault("weights", "a.pt")
    torch.save(net.state_dict(), folder / name)
    checksum = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return ClassifierSpec.from_dict(card(sha256=checksum, **changes))


def write_perceptron(folder: Path, *, seed: int = 0, **changes: Any) -> ClassifierSpec:
    """A perceptron with weights drawn by `seed`."""
    torch.manual_seed(seed)
    return write_net(folder, registry.build("digits_perceptron", len(DIGITS)), **changes)


def remote_card(**changes: Any) -> dict[str, Any]:
    """A card of the digits network behind `tests.models_zoo.kserve_server`."""
    values = card(
        family="remote",
        endpoint="triton",
        model="digits",
        version="1",
        input_name="pictures",
        output_name="logits",
        input={"resize": [20, 20], "size": [20, 20], "colour": "grey", "mean": [0.5], "std": [0.5]},
    )
    for key in ("architecture", "weights", "sha256"):
        del values[key]
    return values | changes


def head_card(**changes: Any) -> dict[str, Any]:
    """A card of a head on a digits network."""
    backbone = {"family": "builtin", "architecture": "digits_conv", "weights": "b.pt", "sha256": "b" * 64}
    values = card(
        family="head",
        activation="sigmoid",
        backbone=backbone,
        input={"resize": [20, 20], "size": [20, 20], "colour": "grey", "mean": [0.5], "std": [0.5]},
    )
    del values["architecture"]
    return values | changes


def drawn_card(*, seed: int, **changes: Any) -> dict[str, Any]:
    """A card of a network without a file, its weights drawn by `seed`."""
    values = card(weights="", seed=seed)
    del values["sha256"]
    return values | changes
