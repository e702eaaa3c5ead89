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
from tests.models_zoo.cards import card


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


def test_the_digest_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert digest() == "945cb386d44e958382c908b41df83273ddbacd177a100720eba5fd69f1aa44d4"


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
