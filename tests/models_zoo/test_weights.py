"""Weights: out of the folder of classifiers, or fetched into it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models_zoo import torchvision_weights
from models_zoo.errors import ClassifierError
from models_zoo.spec import ClassifierSpec
from models_zoo.torchvision_weights import FetchError, check, fetch
from models_zoo.vision import torchvision
from models_zoo.weights import HeadWeights, read_weights
from tests.models_zoo.cards import card, drawn_card, head_card, remote_card

WEIGHTS = b"weights of a network"
CHECKSUM = hashlib.sha256(WEIGHTS).hexdigest()
NAME = f"net-{CHECKSUM[:8]}.pth"
RGB = {"resize": 256, "size": [224, 224], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pt").write_bytes(WEIGHTS)
    (tmp_path / "b.pt").write_bytes(WEIGHTS + b"!")
    return tmp_path


def spec(**changes: object) -> ClassifierSpec:
    return ClassifierSpec.from_dict(card(sha256=CHECKSUM) | changes)


def test_weights_are_the_bytes_of_the_file(folder: Path) -> None:
    assert read_weights(spec(), folder) == WEIGHTS


def test_a_head_has_the_bytes_of_two_files(folder: Path) -> None:
    second = hashlib.sha256(WEIGHTS + b"!").hexdigest()
    backbone = head_card()["backbone"] | {"sha256": second}
    values = head_card(sha256=CHECKSUM, backbone=backbone)
    assert read_weights(ClassifierSpec.from_dict(values), folder) == HeadWeights(WEIGHTS, WEIGHTS + b"!")
    values["backbone"] = backbone | {"sha256": "0" * 64}
    with pytest.raises(ClassifierError, match=r"the file 'b\.pt' has the checksum .* put the right file there"):
        read_weights(ClassifierSpec.from_dict(values), folder)


@pytest.mark.parametrize("values", [drawn_card(seed=1), remote_card()], ids=["drawn", "remote"])
def test_a_classifier_without_a_file_has_no_bytes(folder: Path, values: dict[str, object]) -> None:
    assert read_weights(ClassifierSpec.from_dict(values), folder) is None


def test_another_file_is_refused(folder: Path) -> None:
    with pytest.raises(ClassifierError, match=r"the file 'b\.pt' has the checksum .* load the roster again"):
        read_weights(spec(weights="b.pt"), folder)


def test_a_missing_file_is_named_with_its_folder(folder: Path) -> None:
    with pytest.raises(ClassifierError, match=r"'c\.pt' can't be read .* or set CLASSIFIERS_DIR to another folder"):
        read_weights(spec(weights="c.pt"), folder)


def enum_spec(**changes: object) -> ClassifierSpec:
    url = torchvision_weights.url_of("squeezenet1_1", "IMAGENET1K_V1")
    values = card(family="torchvision", architecture="squeezenet1_1", weights_enum="IMAGENET1K_V1", input=RGB)
    return ClassifierSpec.from_dict(values | {"weights": torchvision_weights.file_name(url)} | changes)


def test_weights_of_an_enum_are_read_where_they_are(folder: Path) -> None:
    assert read_weights(enum_spec(weights="a.pt", sha256=CHECKSUM), folder) == WEIGHTS


def test_weights_that_cannot_be_fetched_say_how_to_bring_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # as on a machine without a network
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ClassifierError) as caught:
        read_weights(enum_spec(), folder)
    assert str(caught.value).startswith(
        f"classifier 'a': 'squeezenet1_1-b8a52dc0.pth' isn't in the folder of classifiers {str(folder)!r} and can't be"
        " fetched from https://"
    )
    assert str(caught.value).endswith("where there is no network, fetch it elsewhere and put it there")
    assert sorted(path.name for path in folder.iterdir()) == ["a.pt", "b.pt"]


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class calls it so)
        return


@pytest.fixture
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server of files: one as its name says, and one that isn't."""
    shelf = tmp_path_factory.mktemp("shelf")
    (shelf / NAME).write_bytes(WEIGHTS)
    (shelf / "net-0badf00d.pth").write_bytes(WEIGHTS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=str(shelf))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_file_is_fetched_and_compared_with_its_name(address: str, tmp_path: Path) -> None:
    fetch(f"{address}/{NAME}", tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == WEIGHTS
    check(f"{address}/{NAME}", tmp_path / NAME)


def test_no_folder_is_made_for_a_misspelt_one(address: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="there is no folder"):
        fetch(f"{address}/{NAME}", tmp_path / "clasifiers" / NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("net-0badf00d.pth", "invalid hash value"),
        ("net-12345678.pth", "File not found"),
        ("net.pth", "has no checksum in its name"),
    ],
    ids=["another file", "no file", "no checksum"],
)
def test_what_is_not_as_its_name_says_is_not_kept(address: str, tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(FetchError, match=text):
        fetch(f"{address}/{name}", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_every_enum_of_torchvision_makes_a_card() -> None:
    cards = 0
    for architecture in torchvision.models.list_models(module=torchvision.models):
        for member in torchvision.models.get_model_weights(architecture):
            if member.meta.get("categories") is None:
                continue  # vgg16's IMAGENET1K_FEATURES, which has no last layer
            facts = torchvision_weights.facts(architecture, member.name)
            labels = facts.pop("labels")
            named = {"name": "a", "family": "torchvision", "architecture": architecture, "sha256": CHECKSUM}
            words = {"vocabulary": labels["vocabulary"], "labels": labels["keys"]}
            made = ClassifierSpec.from_dict(facts | named | words)
            assert (made.outputs, made.input.decode) == (1000, "full")
            cards += 1
    assert cards > 100


def test_an_enums_facts_are_torchvisions() -> None:
    facts = torchvision_weights.facts("efficientnet_b3", "DEFAULT")
    facts["labels"] = facts["labels"]["vocabulary"]
    url = torchvision_weights.url_of("efficientnet_b3", "IMAGENET1K_V1")
    assert facts == {
        "weights": "efficientnet_b3_rwightman-b3899882.pth",
        "weights_enum": "IMAGENET1K_V1",
        "input": {
            "resize": 320,
            "size": [300, 300],
            "interpolation": "bicubic",
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "activation": "softmax",
        "labels": "imagenet-1k",
        "source": f"torchvision's efficientnet_b3 IMAGENET1K_V1, {url}",
        "licence": "BSD-3-Clause, as torchvision's; trained on ImageNet-1k, whose own terms apply",
        "quality": {"reported by torchvision": {"ImageNet-1K": {"acc@1": 82.008, "acc@5": 96.054}}},
    }


def test_googlenets_input_is_what_its_network_makes_of_imagenets_mean() -> None:
    assert torchvision_weights.facts("googlenet", "IMAGENET1K_V1")["input"]["mean"] == [0.5] * 3
