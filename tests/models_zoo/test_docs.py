"""The examples in docs/classifiers.md are rosters that work."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from models_zoo import registry, torchvision_nets
from models_zoo.architectures import FAMILIES, REMOTE
from models_zoo.networks import build_network
from models_zoo.remote import RemoteClassifier
from models_zoo.roster import RosterError, read_joint, read_roster
from models_zoo.spec import CHANNELS
from models_zoo.torchvision_weights import file_name, url_of
from models_zoo.weights import read_weights
from tests.models_zoo.kserve_server import digits_model, serving

PAGE = Path(__file__).resolve().parents[2] / "docs" / "classifiers.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
JOINT_CARD = next(text for text in EXAMPLES if 'family = "joint"' in text)
BY_ENUM, *OTHERS = [text for text in EXAMPLES if text != JOINT_CARD]


def write(path: Path, net: nn.Module) -> None:
    torch.save(net.state_dict(), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that the examples name, with weights that are drawn."""
    path = tmp_path_factory.mktemp("classifiers")
    write(path / "squeezenet1_1.pth", torchvision_nets.build("squeezenet1_1", 3))
    write(path / "mobilenet_v3_small.pth", torchvision_nets.build("mobilenet_v3_small", 5))
    write(path / "moods.pt", nn.Linear(1024, 2))
    write(path / "digits_conv.pt", registry.build("digits_conv", 10))
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    net = registry.build("digits_conv", 10).eval()
    program = torch.export.export(net, (torch.zeros(2, 1, 20, 20),), dynamic_shapes=(batch,))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    (path / "own.pt2").write_bytes(buffer.getvalue())
    return path


def test_every_family_has_an_example() -> None:
    assert {family for text in EXAMPLES for family in re.findall(r'^family = "(\w+)"', text, re.MULTILINE)} == set(
        FAMILIES
    )


def test_the_examples_are_one_roster(folder: Path) -> None:
    roster = folder / "roster.toml"
    roster.write_text("\n".join(OTHERS), encoding="utf-8")
    for spec in read_roster(roster, folder):
        width, height = spec.input.size
        pictures = torch.zeros(3, CHANNELS[spec.input.colour], height, width)
        if spec.family == REMOTE:
            with serving(digits_model()) as address:
                assert RemoteClassifier(spec, address).probabilities(pictures.numpy()).shape == (3, spec.outputs)
        else:
            net = build_network(spec, read_weights(spec, folder), torch.device("cpu"))
            with torch.inference_mode():
                assert net(pictures).shape == (3, spec.outputs)


def test_the_example_of_an_enum_asks_for_torchvisions_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # as on a machine without a network
    monkeypatch.setenv("no_proxy", "")
    (tmp_path / "roster.toml").write_text(BY_ENUM, encoding="utf-8")
    with pytest.raises(RosterError, match=re.escape(file_name(url_of("mobilenet_v3_small", "IMAGENET1K_V1")))):
        read_roster(tmp_path / "roster.toml", tmp_path)


def test_the_example_of_a_joint_card_is_one(tmp_path: Path) -> None:
    for name in ("image.pt2", "text.pt2", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"its checksum is taken")
    (tmp_path / "joint.toml").write_text(JOINT_CARD, encoding="utf-8")
    spec = read_joint(tmp_path / "joint.toml", tmp_path)
    assert spec.joint is not None
    assert (spec.outputs, spec.joint.dimensions, spec.joint.context, spec.joint.pad) == (0, 512, 77, 49407)
