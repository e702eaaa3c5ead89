from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models_zoo import onnx_backend, registry
from models_zoo.batch import Batch
from models_zoo.classifier import Outputs, load_classifier
from models_zoo.loading import ONNXRUNTIME, Compute, load
from models_zoo.onnx_backend import OnnxClassifier, OnnxUnfitError, difference, graph_path, onnx_classifier
from models_zoo.preprocess import geometry
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.cards import write_net, write_perceptron

CPU = torch.device("cpu")
GREY = {"resize": [20, 20], "size": [20, 20], "colour": "grey", "mean": [0.4], "std": [0.25]}


def noise(spec: ClassifierSpec, count: int) -> Batch:
    width, height = spec.input.size
    values = np.random.default_rng(1).integers(0, 256, (count, height, width, len(spec.input.mean)), dtype=np.uint8)
    return Batch({geometry(spec.input): values})


def both(spec: ClassifierSpec, folder: Path, count: int) -> tuple[Outputs, Outputs]:
    reference = load_classifier(spec, folder, CPU)
    other = onnx_classifier(reference, folder / "graphs", threads=1)
    batch = noise(spec, count)
    return reference.start(batch)(), other.start(batch)()


def test_onnx_runtime_gives_torchs_probabilities_and_features_in_every_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = write_net(tmp_path, registry.build("digits_conv", 10), architecture="digits_conv", input=GREY)
    for count in (1, 7):
        ours, other = both(spec, tmp_path, count)
        np.testing.assert_allclose(other.probabilities, ours.probabilities, atol=1e-5)
        assert ours.features is not None
        assert other.features is not None
        assert other.features.shape == (count, 400)
        np.testing.assert_allclose(other.features, ours.features, atol=1e-4)


def test_a_sigmoid_and_a_temperature_are_the_same_there(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path, activation="sigmoid", calibration={"method": "temperature", "temperature": 1.7})
    ours, other = both(spec, tmp_path, 3)
    np.testing.assert_allclose(other.probabilities, ours.probabilities, atol=1e-6)


def test_a_graph_is_exported_once_and_compared_at_every_load(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    reference = load_classifier(spec, tmp_path, CPU)
    onnx_classifier(reference, tmp_path / "graphs", threads=1)
    path = graph_path(spec, tmp_path / "graphs")
    written = path.stat().st_mtime_ns
    onnx_classifier(reference, tmp_path / "graphs", threads=1)
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_graph_that_gives_other_numbers_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec, foreign = write_perceptron(tmp_path), write_perceptron(tmp_path, seed=1, weights="b.pt")
    graphs = tmp_path / "graphs"
    reference = load_classifier(spec, tmp_path, CPU)
    onnx_classifier(load_classifier(foreign, tmp_path, CPU), graphs, threads=1)
    graph_path(foreign, graphs).rename(graph_path(spec, graphs))
    assert difference(reference, OnnxClassifier(spec, graph_path(spec, graphs), threads=1)) > onnx_backend.TOLERANCE
    with pytest.raises(OnnxUnfitError, match=r"from torch's; at most 0\.0001 is taken"):
        onnx_classifier(reference, graphs, threads=1)
    found = load(spec, tmp_path, Compute(CPU, backend=ONNXRUNTIME, cache_dir=graphs)).start(noise(spec, 4))()
    assert found.probabilities.tolist() == reference.start(noise(spec, 4))().probabilities.tolist()
    assert "classifier a runs by torch, for ONNX Runtime isn't fit for it" in caplog.text


def test_a_tiny_classifier_is_not_worth_an_export(tmp_path: Path) -> None:
    load(write_perceptron(tmp_path), tmp_path, Compute(CPU, cache_dir=tmp_path / "graphs"))
    assert not (tmp_path / "graphs").exists()


def test_a_damaged_graph_is_not_used(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    path = graph_path(spec, tmp_path)
    path.write_bytes(b"half a file")
    with pytest.raises(OnnxUnfitError):
        onnx_classifier(load_classifier(spec, tmp_path, CPU), tmp_path, threads=1)


def test_features_that_differ_from_torchs_are_seen_though_no_probability_does(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path)
    reference = load_classifier(spec, tmp_path, CPU)
    other = onnx_classifier(reference, tmp_path / "graphs", threads=1)
    assert difference(reference, other) <= onnx_backend.TOLERANCE
    net = reference.net
    doubled, last = copy.deepcopy(net), net.get_submodule("last")
    with torch.no_grad():  # twice the features, and half of each in the last layer
        layer = [layer for layer in doubled.get_submodule("trunk").modules() if isinstance(layer, nn.Linear)][-1]
        layer.weight *= 2
        layer.bias *= 2
        doubled.get_submodule("last").weight.copy_(last.get_parameter("weight") / 2)
    reference.net = doubled
    batch = noise(spec, 3)
    ours, theirs = reference.start(batch)(), other.start(batch)()
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-6)
    assert difference(reference, other) > onnx_backend.TOLERANCE
