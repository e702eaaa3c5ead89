"""Networks out of cards: what they load, and the features that they give beside their logits."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models_zoo import registry, torchvision_nets
from models_zoo.classifier import load_classifier
from models_zoo.networks import build_backbone, build_network, with_features
from models_zoo.spec import ClassifierSpec
from models_zoo.vision import torchvision
from models_zoo.weights import HeadWeights, read_weights
from tests.models_zoo.cards import card, drawn_card, head_card, write_net, write_perceptron

CPU = torch.device("cpu")
RGB = {"resize": 64, "size": [64, 64], "mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def spec_of(architecture: str, outputs: int, **changes: Any) -> ClassifierSpec:
    values = card(family="torchvision", architecture=architecture, labels=[str(n) for n in range(outputs)], input=RGB)
    return ClassifierSpec.from_dict(values | changes)


def both(net: nn.Module, spec: ClassifierSpec, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The logits of the network, and logits and features of the network with features."""
    wide = with_features(net, spec)
    assert wide is not None
    with torch.inference_mode():
        logits, features = wide(pictures)
        assert features.shape == (len(pictures), wide.width)
        return net(pictures), logits, features


# One of each kind of last layer, and the size of its features.
KINDS = {
    "resnet18": 512,
    "squeezenet1_1": 512,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 1024,
    "shufflenet_v2_x0_5": 1024,
    "mnasnet0_5": 1280,
    "regnet_y_400mf": 440,
    "googlenet": 1024,
    "efficientnet_b0": 1280,
}


@pytest.mark.parametrize("architecture", KINDS)
def test_features_stand_beside_the_same_logits(architecture: str) -> None:
    drawn = {key: value for key, value in card(seed=1, weights="").items() if key != "sha256"}
    values = drawn | {"family": "torchvision", "architecture": architecture, "input": RGB}
    spec = ClassifierSpec.from_dict(values)
    logits, again, features = both(build_network(spec, None, CPU), spec, torch.randn(2, 3, 64, 64))
    assert torch.equal(logits, again)
    assert features.shape == (2, KINDS[architecture])


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["convnext_tiny", "swin_t", "vit_b_32"])
def test_large_networks_have_features_too(architecture: str) -> None:
    """On torch's device `meta`, where tensors have a shape and no numbers."""
    with torch.device("meta"):
        net = torchvision_nets.build(architecture, 7).eval()
    wide = with_features(net, spec_of(architecture, 7))
    assert wide is not None
    logits, features = wide(torch.zeros(2, 3, 224, 224, device="meta"))
    assert (tuple(logits.shape), tuple(features.shape)) == ((2, 7), (2, wide.width))


@pytest.mark.parametrize(("architecture", "side", "width"), [("digits_conv", 20, 400), ("digits_perceptron", 10, 32)])
def test_our_own_networks_have_features(architecture: str, side: int, width: int) -> None:
    spec = ClassifierSpec.from_dict(drawn_card(seed=3, architecture=architecture))
    logits, again, features = both(build_network(spec, None, CPU), spec, torch.randn(3, 1, side, side))
    assert torch.equal(logits, again)
    assert features.shape == (3, width)


def test_a_network_with_features_has_no_weights_of_its_own(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    net = build_network(spec, read_weights(spec, tmp_path), CPU)
    names = [name for name, _ in net.named_modules()]
    wide = with_features(net, spec)
    assert wide is not None
    assert {weight.data_ptr() for weight in wide.parameters()} == {weight.data_ptr() for weight in net.parameters()}
    assert [name for name, _ in net.named_modules()] == names


def test_networks_are_ready_to_be_asked(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    net = build_network(spec, read_weights(spec, tmp_path), CPU)
    assert not net.training
    assert not any(weight.requires_grad for weight in net.parameters())


def test_drawn_weights_are_the_same_every_time_and_leave_the_draw_of_others_alone() -> None:
    one, other, third = (ClassifierSpec.from_dict(drawn_card(seed=seed)) for seed in (3, 3, 4))
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    first, again, another = (build_network(spec, None, CPU).state_dict() for spec in (one, other, third))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["1.weight"], another["1.weight"])


@pytest.mark.parametrize(
    ("architecture", "side", "auxiliary"),
    [("googlenet", 64, True), ("googlenet", 64, False), ("inception_v3", 96, True)],
)
def test_auxiliary_heads_of_a_file_are_dropped(architecture: str, side: int, auxiliary: bool) -> None:
    theirs = torchvision.models.get_model(
        architecture, weights=None, num_classes=7, aux_logits=auxiliary, init_weights=False
    ).eval()
    net = build_network(spec_of(architecture, 7), saved(theirs.state_dict()), CPU)
    pictures = torch.randn(1, 3, side, side)
    with torch.inference_mode():
        assert torch.equal(net(pictures), theirs(pictures))


def test_halves_are_what_torchvisions_googlenet_makes_of_imagenets_mean() -> None:
    theirs = torchvision.models.googlenet(
        weights=None, num_classes=7, aux_logits=True, init_weights=False, transform_input=True
    ).eval()
    net = build_network(spec_of("googlenet", 7), saved(theirs.state_dict()), CPU)
    values = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        torch.testing.assert_close(net((values - 0.5) / 0.5), theirs((values - mean) / std), atol=1e-4, rtol=1e-4)


def test_old_names_of_densenets_layers_are_read() -> None:
    theirs = torchvision_nets.build("densenet121", 7).eval()
    parts = ("norm1", "conv1", "norm2", "conv2")
    old = OrderedDict()
    for key, value in theirs.state_dict().items():
        for part in parts:
            key = key.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.") if ".denselayer" in key else key  # noqa: PLW2901
        old[key] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    pictures = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(build_network(spec_of("densenet121", 7), saved(old), CPU)(pictures), theirs(pictures))


def test_mnasnets_version_of_its_parts_is_kept() -> None:
    theirs = torchvision_nets.build("mnasnet0_5", 7).eval()
    net = build_network(spec_of("mnasnet0_5", 7), saved(theirs.state_dict()), CPU)
    pictures = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(net(pictures), theirs(pictures))


def program_of(net: nn.Module, pictures: Tensor) -> bytes:
    batch = torch.export.Dim("batch", min=1, max=64)
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(net.eval(), (pictures,), dynamic_shapes=({0: batch},)), buffer)
    return buffer.getvalue()


def exported_spec(data: bytes, **changes: Any) -> ClassifierSpec:
    values = card(family="exported", weights="a.pt2", sha256=hashlib.sha256(data).hexdigest()) | changes
    del values["architecture"]
    return ClassifierSpec.from_dict(values)


@pytest.fixture(scope="module")
def exported_conv() -> tuple[nn.Module, bytes]:
    """A small network and its exported program: [N, 1, 20, 20] to ten logits, with features of 400 numbers."""
    net = registry.build("digits_conv", 10)
    return net, program_of(net, torch.zeros(2, 1, 20, 20))


def test_an_exported_program_gives_the_input_of_its_last_layer(exported_conv: tuple[nn.Module, bytes]) -> None:
    net, data = exported_conv
    spec = exported_spec(data)
    logits, again, features = both(build_network(spec, data, CPU), spec, torch.randn(5, 1, 20, 20))
    assert torch.equal(logits, again)
    with torch.inference_mode():
        torch.testing.assert_close(net.get_submodule("7")(features), logits)


def test_a_program_that_ends_with_a_softmax_has_features_too() -> None:
    net = nn.Sequential(registry.build("digits_perceptron", 10), nn.Softmax(dim=1))
    data = program_of(net, torch.zeros(2, 1, 10, 10))
    spec = exported_spec(data, activation="sigmoid")
    logits, again, features = both(build_network(spec, data, CPU), spec, torch.randn(3, 1, 10, 10))
    assert torch.equal(logits, again)
    assert features.shape == (3, 32)


def test_a_program_that_ends_otherwise_has_no_features() -> None:
    net = nn.Sequential(nn.Conv2d(1, 10, kernel_size=3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    data = program_of(net, torch.zeros(2, 1, 10, 10))
    spec = exported_spec(data)
    assert with_features(build_network(spec, data, CPU), spec) is None
    values = head_card(backbone={"family": "exported", "weights": "a.pt2", "sha256": spec.sha256})
    with pytest.raises(ValueError, match="doesn't end with a linear layer, so it can't be a backbone"):
        build_network(ClassifierSpec.from_dict(values), HeadWeights(b"", data), CPU)


NAMED = {"weights": "b.pt", "sha256": "b" * 64}
SQUEEZENET = {"family": "torchvision", "architecture": "squeezenet1_1"}
BACKBONES = {  # a table of each family, and the size of its features
    "builtin": ({"family": "builtin", "architecture": "digits_conv", **NAMED}, 400),
    "exported": ({"family": "exported", **NAMED}, 400),
    "torchvision": (SQUEEZENET | NAMED, 512),
    "drawn": (SQUEEZENET | {"weights": "", "seed": 5}, 512),
}


@pytest.fixture
def backbone(request: pytest.FixtureRequest) -> tuple[dict[str, Any], bytes | None, int]:
    """(table, bytes of the weights, width of the features) of the backbone that a test asks for."""
    table, width = BACKBONES[request.param]
    weights: dict[str, Callable[[], bytes | None]] = {
        "builtin": lambda: saved(registry.build("digits_conv", 10).state_dict()),
        "exported": lambda: request.getfixturevalue("exported_conv")[1],
        "torchvision": lambda: saved(torchvision_nets.build("squeezenet1_1", 12).state_dict()),
        "drawn": lambda: None,
    }
    return table, weights[request.param](), width


Backbone = tuple[dict[str, Any], bytes | None, int]


@pytest.mark.parametrize("backbone", BACKBONES, indirect=True)
def test_a_head_is_a_linear_layer_on_its_backbones_features(backbone: Backbone) -> None:
    table, data, width = backbone
    spec = ClassifierSpec.from_dict(head_card(backbone=table, labels=["yes", "no", "perhaps"]))
    layer = nn.Linear(width, 3)
    net = build_network(spec, HeadWeights(saved(layer.state_dict()), data), CPU)
    pictures = torch.randn(4, 3 if "torchvision" in table["family"] else 1, 64, 64)
    pictures = pictures if width == 512 else pictures[..., :20, :20]
    logits, again, features = both(net, spec, pictures)
    assert spec.backbone is not None
    below = build_backbone(spec.backbone.family, spec.backbone.architecture, spec.backbone.weights, data, CPU)
    with torch.inference_mode():
        assert torch.equal(features, below(pictures)[1])
        assert torch.equal(logits, layer(features))
    assert torch.equal(logits, again)


def test_a_head_on_an_exported_program_runs_in_the_layout_that_was_traced(tmp_path: Path) -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = nn.Conv2d(1, 4, kernel_size=3), nn.Linear(4 * 8 * 8, 5)

        def forward(self, pictures: Tensor) -> Tensor:
            logits: Tensor = self.last(self.conv(pictures).view(pictures.shape[0], -1))
            return logits

    data, head = program_of(Viewed(), torch.zeros(2, 1, 10, 10)), saved(nn.Linear(256, 10).state_dict())
    files = {
        name: {"weights": name, "sha256": hashlib.sha256(raw).hexdigest()} for name, raw in (("b", data), ("h", head))
    }
    for name, raw in (("b", data), ("h", head)):
        (tmp_path / name).write_bytes(raw)
    grey = card()["input"]
    spec = ClassifierSpec.from_dict(head_card(**files["h"], backbone={"family": "exported", **files["b"]}, input=grey))
    assert load_classifier(spec, tmp_path, CPU).probabilities([np.zeros((10, 10, 1), np.uint8)] * 3).shape == (3, 10)


@pytest.mark.parametrize("backbone", ["builtin"], indirect=True)
def test_a_head_of_another_backbone_is_refused(backbone: Backbone) -> None:
    table, data, _ = backbone
    spec = ClassifierSpec.from_dict(head_card(backbone=table))
    head = saved(nn.Linear(512, 10).state_dict())
    with pytest.raises(ValueError, match=r"shape \(10, 512\); 10 outputs on this backbone's features of 400 numbers"):
        build_network(spec, HeadWeights(head, data), CPU)


@pytest.mark.parametrize("backbone", ["exported"], indirect=True)
def test_networks_with_features_can_be_traced(backbone: Backbone) -> None:
    table, data, width = backbone
    spec = ClassifierSpec.from_dict(head_card(backbone=table))
    net = build_network(spec, HeadWeights(saved(nn.Linear(width, 10).state_dict()), data), CPU)
    wide = with_features(net, spec)
    assert wide is not None
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(wide, (torch.zeros(2, 1, 20, 20),), dynamic_shapes=({0: batch},))
    pictures = torch.randn(5, 1, 20, 20)
    with torch.inference_mode():
        for found, wanted in zip(program.module()(pictures), wide(pictures), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_file_that_is_no_state_dict_is_refused() -> None:
    with pytest.raises(TypeError, match="the file has a list, not a state dict"):
        build_network(ClassifierSpec.from_dict(card()), saved([1, 2]), CPU)


def test_weights_of_another_number_of_outputs_are_refused(tmp_path: Path) -> None:
    spec = write_net(tmp_path, registry.build("digits_perceptron", 9))
    with pytest.raises(RuntimeError, match="size mismatch"):
        build_network(spec, read_weights(spec, tmp_path), CPU)
