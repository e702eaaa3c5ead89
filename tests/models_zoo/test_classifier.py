from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models_zoo import exported, torchvision_nets
from models_zoo.classifier import Classifier, ClassifierError, Probabilities, load_classifier
from models_zoo.digits_nets import TinyVisionTransformer
from models_zoo.preprocess import Pixels, normalise
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.cards import card, write_net, write_perceptron

CPU = torch.device("cpu")


def pictures(count: int, size: int, channels: int) -> list[Pixels]:
    values = np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    return list(values)


def plain_softmax(net: nn.Module, spec: ClassifierSpec, batch: list[Pixels]) -> Probabilities:
    with torch.no_grad():
        inputs = normalise(torch.from_numpy(np.stack(batch)), spec.input, torch.contiguous_format)
        values: Probabilities = net.eval()(inputs).softmax(dim=1).numpy()
    return values


def test_probabilities_are_those_of_plain_torch(tmp_path: Path) -> None:
    net = torchvision_nets.build("squeezenet1_1", 10)
    rgb = {"resize": 64, "size": [64, 64], "mean": [0.5] * 3, "std": [0.25] * 3}
    spec = write_net(tmp_path, net, family="torchvision", architecture="squeezenet1_1", input=rgb)
    batch = pictures(5, 64, 3)
    found = load_classifier(spec, tmp_path, CPU).probabilities(batch)
    assert (found.dtype.name, found.shape) == ("float32", (5, 10))
    np.testing.assert_allclose(found, plain_softmax(net, spec, batch), atol=1e-6)


def test_a_sigmoid_is_one_of_each_output(tmp_path: Path) -> None:
    soft, sharp = (write_perceptron(tmp_path, activation=name) for name in ("softmax", "sigmoid"))
    batch = pictures(3, 10, 1)
    sums = [load_classifier(spec, tmp_path, CPU).probabilities(batch).sum(axis=1) for spec in (soft, sharp)]
    np.testing.assert_allclose(sums[0], 1, atol=1e-6)
    assert (sums[1] > 1.5).all()


def test_a_picture_scores_the_same_in_whatever_company(tmp_path: Path) -> None:
    classifier = load_classifier(write_perceptron(tmp_path), tmp_path, CPU)
    batch = pictures(9, 10, 1)
    alone = np.concatenate([classifier.probabilities([one]) for one in batch])
    np.testing.assert_allclose(classifier.probabilities(batch), alone, atol=1e-6)


def test_no_pictures_give_no_rows(tmp_path: Path) -> None:
    assert load_classifier(write_perceptron(tmp_path), tmp_path, CPU).probabilities([]).shape == (0, 10)


def small_program() -> bytes:
    """An exported tiny transformer for 1 to 64 pictures of 20 x 20."""
    torch.manual_seed(0)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(
        TinyVisionTransformer(10).eval(), (torch.zeros(2, 1, 20, 20),), dynamic_shapes=({0: batch},)
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def exported_spec(folder: Path, data: bytes) -> ClassifierSpec:
    (folder / "a.pt2").write_bytes(data)
    values = card(family="exported", weights="a.pt2", sha256=hashlib.sha256(data).hexdigest())
    values["input"] = values["input"] | {"resize": 20, "size": [20, 20]}
    del values["architecture"]
    return ClassifierSpec.from_dict(values)


def load_exported(folder: Path, data: bytes) -> Classifier:
    return load_classifier(exported_spec(folder, data), folder, CPU)


def test_an_exported_program_gives_what_its_network_gave(tmp_path: Path) -> None:
    data = small_program()
    torch.manual_seed(0)
    net = TinyVisionTransformer(10)
    batch = pictures(5, 20, 1)
    found = load_exported(tmp_path, data).probabilities(batch)
    np.testing.assert_allclose(found, plain_softmax(net, exported_spec(tmp_path, data), batch), atol=1e-6)


def rewritten(data: bytes, change: Callable[[str, bytes], bytes], extra: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        root = old.namelist()[0].partition("/")[0]
        for name, content in (extra or {}).items():
            new.writestr(f"{root}/{name}", content)
    return buffer.getvalue()


def in_program(old: str, new: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        if "/models/" not in name:
            return content
        assert old in content.decode()
        return content.decode().replace(old, new).encode()

    return change


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (_explode, ("unpickled",))


def _explode(text: str) -> None:
    raise AssertionError(text)


def pickled_samples(name: str, content: bytes) -> bytes:
    if "/sample_inputs/" not in name:
        return content
    buffer = io.BytesIO()
    torch.save({"x": Bomb()}, buffer)
    return buffer.getvalue()


def pickled_weights(name: str, content: bytes) -> bytes:
    if not name.endswith("_weights_config.json"):
        return content
    config = json.loads(content)
    for payload in config["config"].values():
        payload["use_pickle"] = True
    return json.dumps(config).encode()


def unchanged(_name: str, content: bytes) -> bytes:
    return content


@pytest.mark.parametrize(
    ("change", "extra"),
    [
        (pickled_samples, {}),
        (pickled_weights, {}),
        (unchanged, {"data/constants/opaque_obj_0": pickle.dumps(Bomb())}),
        (unchanged, {"data/weights/model.pt": b"legacy"}),
        (unchanged, {"data/aotinductor/model/x.so": b"machine code"}),
        (in_program("torch.ops.aten.gelu.default", "torch.hub.load"), {}),
        (in_program("torch.ops.aten.gelu.default", "torch.ops.aten.from_file.default"), {}),
        (in_program("Symbol('s", "__import__('os').system('true') or Symbol('s"), {}),
        (in_program("builtins.tuple", "collections.defaultdict"), {}),
    ],
    ids=["samples", "weights", "object", "legacy", "compiled", "function", "file", "formula", "container"],
)
def test_a_program_that_could_run_code_is_refused(
    tmp_path: Path, change: Callable[[str, bytes], bytes], extra: dict[str, bytes]
) -> None:
    data = rewritten(small_program(), change, extra)
    with pytest.raises((exported.UnsafeProgramError, pickle.UnpicklingError)):
        exported.check(data)
    with pytest.raises(ClassifierError, match=r"classifier 'a' \(a.pt2\)"):
        load_exported(tmp_path, data)


def test_a_pickle_in_place_of_a_state_dict_is_refused(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    torch.save(Bomb(), tmp_path / "a.pt")
    checksum = hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()
    with pytest.raises(ClassifierError, match="Weights only load failed"):
        load_classifier(ClassifierSpec.from_dict(card(sha256=checksum, name=spec.name)), tmp_path, CPU)


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    (tmp_path / "a.pt").write_bytes(b"something else")
    with pytest.raises(ClassifierError, match="put the right file there, or load the roster again"):
        load_classifier(spec, tmp_path, CPU)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"'a\.pt' can't be read from the folder of classifiers"):
        load_classifier(ClassifierSpec.from_dict(card()), tmp_path, CPU)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="classifier 'a'"):
        load_classifier(write_perceptron(tmp_path, architecture="digits_conv"), tmp_path, CPU)


def test_an_output_that_is_not_as_the_card_says_is_refused(tmp_path: Path) -> None:
    data = small_program()
    derived = ("outputs", "labels_sha256", "digest")
    values = {key: value for key, value in exported_spec(tmp_path, data).to_dict().items() if key not in derived}
    spec = ClassifierSpec.from_dict(values | {"labels": ["yes", "no"]})
    with pytest.raises(ClassifierError, match=r"gives an output of shape \(2, 10\)"):
        load_classifier(spec, tmp_path, CPU)
