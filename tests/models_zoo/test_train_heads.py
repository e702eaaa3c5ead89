"""From labels and pictures to a classifier that can be loaded."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from models_zoo import train_heads
from models_zoo.classifier import load_classifier
from models_zoo.pictures import decode
from models_zoo.preprocess import pixels
from models_zoo.roster import read_roster
from models_zoo.training.backbone import FrozenBackbone
from tests.models_zoo.training_data import TrainingData, make_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make_training_data(tmp_path_factory.mktemp("training"))


def trained(data: TrainingData, capsys: pytest.CaptureFixture[str], *more: object) -> dict[str, Any]:
    """What is printed with `--json`: one object."""
    status = train_heads.main([*data.arguments(*more), "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if "refused" in answer else 0)
    return answer


def test_a_trained_head_is_a_roster_of_one_that_gives_the_measured_probabilities(
    data: TrainingData, capsys: pytest.CaptureFixture[str]
) -> None:
    (data.pictures / "p001.png").rename(data.pictures / "p001.gone")
    try:
        made = trained(data, capsys, "--name", "sides", "--measure", "parts", "--min-each", "10")
    finally:
        (data.pictures / "p001.gone").rename(data.pictures / "p001.png")
    assert (made["labels"], made["left_out"]) == (["left", "top"], {"rare": "1 yes, 0 no"})
    assert (made["pictures"], made["cells"], made["features_computed"]) == (59, 118, 59)
    assert made["missing"] == {"count": 1, "first": ["p001"]}
    assert made["notes"] == ["60 rows of source 'machine' are no verified yes or no and were left out"]

    [spec] = read_roster(Path(made["card"]), data.classifiers)
    assert (spec.family, spec.labels, spec.vocabulary, spec.digest) == (
        "head",
        ("left", "top"),
        "sides",
        made["digest"],
    )
    assert spec.quality == made["quality"]
    left, top = (spec.quality["labels"][key] for key in ("left", "top"))
    assert left["average_precision"][0] > 0.9
    assert left["beats_backbone"] == (left["average_precision_minus_backbone"][1] > 0)
    assert "beats_backbone" not in top  # the backbone has no such output
    assert "By label: " in made["in_words"]

    classifier = load_classifier(spec, data.classifiers, torch.device("cpu"))
    inputs = [pixels(decode((data.pictures / f"p{n:03d}.png").read_bytes()), spec.input) for n in range(5)]
    [backbone_card] = read_roster(data.roster, data.classifiers)
    features, _ = FrozenBackbone(backbone_card, data.classifiers, torch.device("cpu")).see(inputs)
    state = torch.load(made["weights"], weights_only=True)
    logits = features @ state["weight"].numpy().T + state["bias"].numpy()
    table = tomllib.loads(Path(made["card"]).read_text())["classifier"][0]["calibration"]
    scale = np.array(table.get("scale", 1 / table.get("temperature", 1.0)))
    np.testing.assert_allclose(
        classifier.probabilities(inputs), expit(scale * logits + np.array(table.get("offset", 0.0))), atol=1e-5
    )


def test_the_same_seed_gives_the_same_bytes_and_features_are_used_again(
    data: TrainingData, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = ("--features-dir", tmp_path / "kept", "--measure", "parts", "--min-each", "10", "--name", "same")
    first = trained(data, capsys, *kept, "--out-dir", tmp_path / "a")
    second = trained(data, capsys, *kept, "--out-dir", tmp_path / "b")
    other = trained(data, capsys, *kept, "--out-dir", tmp_path / "c", "--seed", "1")
    assert (first["features_computed"], second["features_computed"]) == (60, 0)
    weights = [Path(one["weights"]).read_bytes() for one in (first, second, other)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]
    assert Path(first["card"]).read_bytes() == Path(second["card"]).read_bytes()
    # Outside the folder of classifiers the new folder is one of its own, whole.
    assert [spec.digest for spec in read_roster(Path(first["card"]), tmp_path / "a")] == [first["digest"]]


def test_a_backbone_of_another_vocabulary_without_a_table_is_nothing_to_compare_with(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = make_training_data(tmp_path / "data", pictures=30, vocabulary="elsewhere")
    more = ("--out-dir", data.classifiers / "heads", "--measure", "parts", "--min-each", "5")
    made = trained(data, capsys, "--name", "sides", *more)
    assert "The backbone itself knows none of these labels: there is nothing to compare with." in made["in_words"]
    [spec] = read_roster(Path(made["card"]), data.classifiers)
    assert spec.weights == "heads/sides.pt"
    again = trained(data, capsys, "--name", "sides", *more)
    assert again["refused"].endswith(
        "sides.toml: is there already; choose another --name, or overwrite it with --replace"
    )


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--name", "../up"], "--name '../up' should be letters, digits, dots and dashes"),
        (["--name", "x", "--min-each", "1"], "--min-each must be at least 2"),
        (["--name", "x", "--min-each", "500"], "no label has 500 yes and 500 no: 121 verified cells were read, 121 of"),
        (["--name", "x", "--pictures", "/nowhere"], "/nowhere: there is no such folder of pictures"),
        (["--name", "x", "--labels", "/nowhere.csv"], "/nowhere.csv: can't be read: No such file"),
        (["--name", "x", "--backbone", "/nowhere.toml:a"], "/nowhere.toml: can't be read"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(
    data: TrainingData, capsys: pytest.CaptureFixture[str], more: list[str], reason: str
) -> None:
    assert reason in trained(data, capsys, *more)["refused"]


def test_a_backbone_is_named_where_the_roster_has_several(
    data: TrainingData, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    roster = tmp_path / "two.toml"
    one = data.roster.read_text()
    roster.write_text(one + one.replace('name = "random"', 'name = "other"').replace("[0.5]", "[0.4]"))
    refused = trained(data, capsys, "--name", "x", "--backbone", roster)["refused"]
    assert refused == f"--backbone: {roster} has several classifiers; name one of random, other, as in {roster}:random"
    refused = trained(data, capsys, "--name", "x", "--backbone", f"{roster}:third")["refused"]
    assert refused.startswith(f"--backbone: {roster} has no classifier 'third'; name one of random, other")
