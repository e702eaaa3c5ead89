from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from models_zoo import registry, torchvision_nets
from models_zoo.architectures import ARCHITECTURES, BUILTIN, TORCHVISION
from models_zoo.fields import FieldError
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.cards import card, drawn_card, head_card, remote_card


def digest(**changes: Any) -> str:
    return ClassifierSpec.from_dict(card(**changes)).digest


def test_a_card_comes_back_from_json_as_it_was() -> None:
    spec = ClassifierSpec.from_dict(card())
    assert ClassifierSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_card_without_its_labels_is_the_same_classifier() -> None:
    spec = ClassifierSpec.from_dict(card())
    small = spec.to_dict(with_labels=False)
    assert "labels" not in small
    assert ClassifierSpec.from_dict(small).digest == spec.digest


def test_a_card_without_its_labels_keeps_only_the_figures_that_it_needs() -> None:
    shift = {"decode_shift_mean": 0.002, "decode_shift_max": 0.05}
    values = head_card(quality={"average_precision": {"0": 0.8}, **shift})
    values["input"] = values["input"] | {"decode": "reduced"}
    spec = ClassifierSpec.from_dict(values)
    small = spec.to_dict(with_labels=False)
    assert small["quality"] == shift
    assert ClassifierSpec.from_dict(small).digest == spec.digest
    assert "quality" not in ClassifierSpec.from_dict(head_card(quality={"seen": 3})).to_dict(with_labels=False)


RGB = {"resize": 256, "size": [224, 224], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
STORED = {  # digests that are in databases: scores were stored under them before cards had the keys they have today
    "builtin": "945cb386d44e958382c908b41df83273ddbacd177a100720eba5fd69f1aa44d4",
    "torchvision": "85ad8f8fd79750bce04b2a8697042d16a65df2cecae8982e382d3276d6ff7d51",
    "exported": "3da9930597cd5f6323ed7b29561a13430eca4adf3461a7580e049b5a8a6de475",
}


def test_the_digest_is_the_same_on_every_machine_and_in_every_version() -> None:
    exported = card(family="exported", input=RGB)
    del exported["architecture"]
    assert {
        "builtin": digest(),
        "torchvision": digest(family="torchvision", architecture="resnet50", input=RGB),
        "exported": ClassifierSpec.from_dict(exported).digest,
    } == STORED


TEMPERATURE = {"method": "temperature", "temperature": 1.7}
PLATT = {"method": "platt", "scale": [1.5] * 10, "offset": [-0.25] * 10}
REDUCED = {"decode": "reduced"}
SHIFT = {"decode_shift_mean": 0.001, "decode_shift_max": 0.04}


@pytest.mark.parametrize(
    "values",
    [
        card(calibration=TEMPERATURE),
        card(activation="sigmoid", calibration=PLATT),
        card(input=card()["input"] | REDUCED, quality=SHIFT | {"accuracy": {"digits": 0.97, "by": ["a", "b"]}}),
        card(family="torchvision", architecture="resnet50", input=RGB, weights_enum="IMAGENET1K_V2"),
        drawn_card(seed=3),
        head_card(),
        remote_card(),
        remote_card(activation="none", version="", max_batch=64),
    ],
    ids=["temperature", "platt", "reduced", "enum", "seed", "head", "remote", "probabilities"],
)
def test_every_kind_of_card_comes_back_from_json_as_it_was(values: dict[str, Any]) -> None:
    spec = ClassifierSpec.from_dict(values)
    for with_labels in (True, False):
        again = ClassifierSpec.from_dict(json.loads(json.dumps(spec.to_dict(with_labels=with_labels))))
        assert again.to_dict(with_labels=False) == spec.to_dict(with_labels=False)
    assert ClassifierSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert isinstance(hash(spec), int)


def changed_head(**changes: Any) -> dict[str, Any]:
    return head_card(backbone=head_card()["backbone"] | changes)


def test_every_new_key_that_changes_a_number_is_in_the_digest() -> None:
    sigmoid = card(activation="sigmoid")
    cards = [
        card(),
        card(calibration=TEMPERATURE),
        card(calibration=TEMPERATURE | {"temperature": 1.8}),
        sigmoid,
        sigmoid | {"calibration": PLATT},
        sigmoid | {"calibration": PLATT | {"offset": [0] * 10}},
        card(input=card()["input"] | REDUCED, quality=SHIFT),
        drawn_card(seed=3),
        drawn_card(seed=4),
        head_card(),
        changed_head(sha256="e" * 64),
        changed_head(architecture="digits_perceptron"),
        remote_card(),
        remote_card(endpoint="other"),
        remote_card(model="letters"),
        remote_card(version="2"),
        remote_card(input_name="x"),
        remote_card(output_name="y"),
    ]
    digests = [ClassifierSpec.from_dict(values).digest for values in cards]
    assert len(set(digests)) == len(cards)


def test_what_is_only_said_about_a_classifier_is_not_in_its_digest() -> None:
    enum = card(family="torchvision", architecture="resnet50", input=RGB, weights_enum="IMAGENET1K_V2")
    assert ClassifierSpec.from_dict(enum).digest == STORED["torchvision"]
    assert digest(quality={"accuracy": 0.9}) == digest()
    assert digest(input=card()["input"] | {"decode": "full"}) == digest()
    one, other = (ClassifierSpec.from_dict(remote_card(max_batch=count)) for count in (1, 64))
    assert one.digest == other.digest
    here, there = (ClassifierSpec.from_dict(changed_head(weights=name)) for name in ("a.pt", "b/a.pt"))
    assert here.digest == there.digest


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (card(calibration={"method": "isotonic"}), "calibration.method: 'isotonic' is unknown"),
        (card(calibration={"method": "temperature"}), "calibration.temperature: is missing"),
        (card(calibration=TEMPERATURE | {"temperature": -1}), "calibration.temperature: should be a number above 0"),
        (card(calibration=TEMPERATURE | {"scale": [1]}), "calibration.scale: is an unknown key"),
        (card(calibration=PLATT), "calibration.method: 'platt' is for activation 'sigmoid'; here it is 'softmax'"),
        (
            card(activation="sigmoid", calibration=PLATT | {"scale": [1, 2]}),
            "calibration.scale: should have 10 number(s), one an output; has 2",
        ),
        (remote_card(activation="none", calibration=TEMPERATURE), "calibration: needs logits"),
        (card(activation="none"), "it can be: sigmoid, softmax"),
        (card(input=card()["input"] | REDUCED), "quality.decode_shift_mean: is missing: a reduced decode changes"),
        (card(input=card()["input"] | REDUCED, quality={"decode_shift_mean": 0.1}), "quality.decode_shift_max: is"),
        (card(input=card()["input"] | {"decode": "draft"}), "input.decode: 'draft' is unknown"),
        (card(quality={"a": {"b": float("nan")}}), "quality.a.b: should be a text, a finite number"),
        (card(quality=3), "quality: should be a table"),
        (card(weights_enum="IMAGENET1K_V1"), "weights_enum: is an unknown key"),
        (card(weights=""), "seed: is missing"),
        (card(seed=1), "seed: is an unknown key"),
        (head_card(backbone=3), "backbone: should be a table of keys and values"),
        (changed_head(family="remote"), "backbone.family: 'remote' is unknown"),
        (changed_head(family="head"), "backbone.family: 'head' is unknown"),
        (changed_head(weights="../b.pt"), "backbone.weights: '../b.pt' should be a plain path"),
        (changed_head(sha256="b"), "backbone.sha256: should be 64 hex digits"),
        (head_card(weights=""), "weights: is empty"),
        (card(backbone=head_card()["backbone"]), "backbone: is an unknown key"),
        (remote_card(endpoint="http://host:8000"), "endpoint: 'http://host:8000' should be an alias, such as 'triton'"),
        (remote_card(sha256="a" * 64), "sha256: a remote classifier's weights can't be verified; remove the key"),
        (remote_card(max_batch=0), "max_batch: should be a whole number of at least 1"),
        (card(model="x"), "model: is an unknown key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_part_of_a_card_is_named_with_what_is_wrong(values: dict[str, Any], text: str) -> None:
    with pytest.raises(FieldError) as caught:
        ClassifierSpec.from_dict(values)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"name": "b"}, {"weights": "folder/b.pt"}, {"source": "elsewhere"}, {"licence": "MIT"}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_changes_no_number_is_not_in_the_digest(changes: dict[str, Any]) -> None:
    assert digest(**changes) == digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "b" * 64},
        {"architecture": "digits_conv"},
        {"activation": "sigmoid"},
        {"labels": list("1023456789")},
        {"vocabulary": "numbers"},
        {"input": card()["input"] | {"interpolation": "bicubic"}},
        {"input": card()["input"] | {"resize": 10}},
        {"input": card()["input"] | {"resize": [12, 12]}},
        {"input": card()["input"] | {"mean": [0.25]}},
        {"input": card()["input"] | {"std": [0.25]}},
    ],
    ids=str,
)
def test_what_changes_a_number_is_in_the_digest(changes: dict[str, Any]) -> None:
    assert digest(**changes) != digest()


def test_whole_numbers_and_fractions_are_one_number_in_the_digest() -> None:
    assert digest(input=card()["input"] | {"std": [1]}) == digest(input=card()["input"] | {"std": [1.0]})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"family": "torchvison"}, "family: 'torchvison' is unknown (did you mean 'torchvision'?)"),
        ({"architecture": "digits_cnov"}, "did you mean 'digits_conv'?"),
        ({"family": "exported"}, "architecture: a classifier of family 'exported' has none; remove the key"),
        ({"licens": "MIT"}, "licens: is an unknown key (did you mean 'licence'?)"),
        ({"source": ""}, "source: is empty"),
        ({"labels": ["0", "1", "0"]}, "labels: '0' stands there twice"),
        ({"labels": [0, 1]}, "labels: should be a list of non-empty texts"),
        ({"outputs": 9}, "outputs: there are 10 labels"),
        ({"sha256": "A" * 64}, "sha256: should be 64 hex digits in lower case"),
        ({"digest": "a" * 64}, "digest: isn't that of this card"),
        ({"activation": "relu"}, "it can be: sigmoid, softmax"),
        ({"input": card()["input"] | {"mean": [0.5] * 3}}, "input.mean: should have 1 number(s)"),
        ({"input": card()["input"] | {"mean": [float("nan")]}}, "input.mean: should be a list of numbers"),
        ({"input": card()["input"] | {"std": [0.0]}}, "input.std: should be above 0"),
        ({"input": card()["input"] | {"resize": 9}}, "input.resize: is smaller than input.size, which is 10 x 10"),
        ({"input": card()["input"] | {"size": [10]}}, "input.size: should be [width, height] in pixels"),
        ({"input": [10, 10]}, "input: should be a table of keys and values"),
    ],
    ids=str,
)
def test_a_wrong_key_is_named_with_what_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(FieldError) as caught:
        ClassifierSpec.from_dict(card(**changes))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "weights", ["/etc/passwd", "../a.pt", "a/../../b.pt", "a\\b.pt", "s3://b/a.pt", "./a.pt", ".."]
)
def test_weights_outside_the_folder_of_classifiers_are_refused(weights: str) -> None:
    with pytest.raises(FieldError, match=r"weights: .* should be a plain path inside the folder"):
        ClassifierSpec.from_dict(card(weights=weights))


def test_every_missing_key_is_said_to_be_missing() -> None:
    optional = {"labels"}
    for key in card().keys() - optional:
        with pytest.raises(FieldError, match=f"^{key}: is missing"):
            ClassifierSpec.from_dict({name: value for name, value in card().items() if name != key})


def test_the_lists_of_architectures_are_what_there_really_is() -> None:
    assert sorted(ARCHITECTURES[TORCHVISION]) == torchvision_nets.architectures()
    assert sorted(ARCHITECTURES[BUILTIN]) == registry.registered()


def test_two_networks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two networks are registered as 'digits_conv'"):
        registry.register("digits_conv")(lambda outputs: registry.build("digits_conv", outputs))


@pytest.mark.parametrize("module", ["models_zoo.spec", "models_zoo.roster", "models_zoo.demo_digits"])
def test_rosters_are_read_without_torch(module: str) -> None:
    program = f"import sys, {module}; print({{'torch', 'numpy', 'PIL'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
