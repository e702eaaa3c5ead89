"""A remote classifier, asked over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from models_zoo.errors import ClassifierError
from models_zoo.remote import Endpoint, EndpointError, RemoteClassifier, remote_endpoints
from models_zoo.remote_http import Patience
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.cards import remote_card
from tests.models_zoo.kserve_server import Model, digits_model, serving

QUICK = Patience(timeout=5, tries=3, pause=0.01)


@pytest.fixture
def model() -> Model:
    return digits_model()


@pytest.fixture
def address(model: Model) -> Iterator[str]:
    with serving(model) as url:
        yield url


def connected(address: str, *, patience: Patience = QUICK, **changes: Any) -> RemoteClassifier:
    return RemoteClassifier(ClassifierSpec.from_dict(remote_card(**changes)), address, patience=patience)


def pictures(count: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, 1, 20, 20)).astype(np.float32)


def local(model: Model, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        result: npt.NDArray[np.float32] = model.net(torch.from_numpy(batch)).softmax(dim=1).numpy()
    return result


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_remote_classifier_gives_what_its_network_gives_here(model: Model, address: str, binary: bool) -> None:
    model.binary = binary
    batch = pictures(10)
    found = connected(address, max_batch=4).probabilities(batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, local(model, batch), atol=1e-6)
    kind = "binary" if binary else "json"
    assert model.requests == [(kind, 4), (kind, 4), (kind, 2)]


def test_a_remote_classifier_is_calibrated_here(address: str) -> None:
    calibration = {"method": "temperature", "temperature": 2.0}
    plain, calm = (connected(address, **changes) for changes in ({}, {"calibration": calibration}))
    batch = pictures(3)
    roots = np.sqrt(plain.probabilities(batch))
    np.testing.assert_allclose(calm.probabilities(batch), roots / roots.sum(axis=1, keepdims=True), atol=1e-6)


def test_probabilities_of_the_server_are_taken_as_they_are(model: Model, address: str) -> None:
    model.change = lambda outputs: np.full_like(outputs, 0.25)
    classifier = connected(address, activation="none")
    assert classifier.probabilities(pictures(2)).tolist() == [[0.25] * 10] * 2
    model.change = lambda outputs: np.full_like(outputs, 3)
    with pytest.raises(ClassifierError, match="gives numbers outside of 0 to 1, and its card says activation 'none'"):
        classifier.probabilities(pictures(2))


def test_not_a_number_is_passed_on_for_its_picture_alone(model: Model, address: str) -> None:
    def spoil(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        outputs[1] = np.nan
        return outputs

    model.change = spoil
    for model.binary in (True, False):
        found = connected(address).probabilities(pictures(3))
        assert np.isnan(found).any(axis=1).tolist() == [False, True, False]


def test_no_pictures_ask_nothing(model: Model, address: str) -> None:
    assert connected(address).probabilities(pictures(0)).shape == (0, 10)
    assert model.requests == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(model: Model, address: str, status: int) -> None:
    classifier = connected(address)
    model.busy, model.busy_status = 2, status
    assert classifier.probabilities(pictures(2)).shape == (2, 10)


def test_a_server_that_stays_busy_is_an_error_with_its_words(model: Model, address: str) -> None:
    classifier = connected(address)
    model.busy = 99
    with pytest.raises(ClassifierError, match=r"'triton' gave no answer in 3 tries: 503 .*the queue is full"):
        classifier.probabilities(pictures(2))
    assert model.busy == 96


def test_a_slow_server_is_an_error(model: Model, address: str) -> None:
    model.delay = 0.5
    classifier = connected(address, patience=Patience(timeout=0.1, tries=2, pause=0.01))
    with pytest.raises(ClassifierError, match=r"gave no answer in 2 tries: .*timed out"):
        classifier.probabilities(pictures(1))


def test_a_server_that_is_back_is_used_again(model: Model) -> None:
    with serving(model) as address:
        port = int(address.rpartition(":")[2])
        classifier = connected(address)
        assert classifier.probabilities(pictures(1)).shape == (1, 10)
    with serving(model, port=port):
        assert classifier.probabilities(pictures(1)).shape == (1, 10)


def test_a_server_that_is_not_there_is_an_error_that_says_where_to_look(address: str) -> None:
    with pytest.raises(ClassifierError, match=r"Connection refused; see whether the server runs, .*REMOTE_CLASSIFIERS"):
        connected("http://127.0.0.1:1")


def test_a_token_is_shown_and_never_said(model: Model, address: str) -> None:
    model.token = "secret"
    spec = ClassifierSpec.from_dict(remote_card())
    assert RemoteClassifier(spec, address, "secret", patience=QUICK).probabilities(pictures(1)).shape == (1, 10)
    with pytest.raises(ClassifierError, match="401") as caught:
        RemoteClassifier(spec, address, "wrong-token", patience=QUICK)
    assert "wrong-token" not in str(caught.value)
    assert "wrong-token" not in repr(Endpoint(address, "wrong-token"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model": "letters"}, "has no model 'letters' in version '1' that is ready (404"),
        ({"version": "2"}, "has no model 'digits' in version '2' that is ready (404"),
        ({"input_name": "images"}, "without the input 'images'; it has: ['pictures']; see the card's input_name"),
        ({"output_name": "scores"}, "without the output 'scores'; it has: ['logits']; see the card's output_name"),
        ({"labels": ["a", "b"]}, "has the output 'logits' in the shape [-1, 10]; the card needs [-1, 2]"),
        (
            {"input": remote_card()["input"] | {"size": [10, 20]}},
            "has the input 'pictures' in the shape [-1, 1, 20, 20]; the card needs [-1, 1, 20, 10]",
        ),
    ],
    ids=str,
)
def test_a_model_that_is_not_the_cards_is_refused_at_load(address: str, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ClassifierError) as caught:
        connected(address, **changes)
    assert text in str(caught.value)


def test_a_card_without_a_version_leaves_it_to_the_server(address: str) -> None:
    assert connected(address, version="").probabilities(pictures(1)).shape == (1, 10)


def test_another_datatype_is_refused_at_load(model: Model, address: str) -> None:
    model.datatype = "FP16"
    with pytest.raises(ClassifierError, match="has the input 'pictures' as FP16; only FP32 can be used"):
        connected(address)


def test_a_model_that_is_not_ready_is_refused_at_load(model: Model, address: str) -> None:
    model.ready = False
    with pytest.raises(ClassifierError, match="the model is loading"):
        connected(address)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_an_answer_of_another_shape_is_an_error(model: Model, address: str, binary: bool) -> None:
    model.binary = binary
    classifier = connected(address)
    model.change = lambda outputs: outputs[:, :9]
    with pytest.raises(ClassifierError, match=r"in the shape \[2, 9\]; FP32 in the shape \[2, 10\] was asked for"):
        classifier.probabilities(pictures(2))


def test_requests_go_nowhere_else(model: Model, address: str) -> None:
    model.redirect = "http://127.0.0.1:9/v2"
    with pytest.raises(ClassifierError, match=r"wants to send requests elsewhere \(307\), which isn't followed"):
        connected(address)


def test_an_answer_that_is_too_long_is_an_error(model: Model, address: str) -> None:
    classifier = connected(address)
    model.padding = 3_000_000
    with pytest.raises(ClassifierError, match=r"gave an answer of more than \d+ bytes"):
        classifier.probabilities(pictures(1))


def test_endpoints_come_out_of_the_environment() -> None:
    environ = {
        "REMOTE_CLASSIFIERS": "a=http://host:8000/, b=https://host/path",
        "REMOTE_CLASSIFIER_TOKENS": "b=abc=",
    }
    assert remote_endpoints(environ) == {
        "a": Endpoint("http://host:8000"),
        "b": Endpoint("https://host/path", "abc="),
    }
    assert remote_endpoints({}) == {}


@pytest.mark.parametrize(
    ("urls", "tokens", "text"),
    [
        ("triton", "", "REMOTE_CLASSIFIERS: entry 1 should be alias=value"),
        ("a=http://x,a=http://y", "", "'a' stands there twice"),
        ("a=ftp://x", "", "'ftp://x' of 'a' should be an address such as http://host:8000"),
        ("a=http://x:port", "", "should be an address"),
        ("a=http://x?y=1", "", "should be an address"),
        ("a=http://me:pw@x", "", "the address of 'a' has a password in it; use REMOTE_CLASSIFIER_TOKENS"),
        ("a=http://x", "b=t", "REMOTE_CLASSIFIER_TOKENS has a token for 'b', which isn't in REMOTE_CLASSIFIERS"),
        ("a=http://x", "a=t t", "the token of 'a' should be of printable ASCII without spaces"),
    ],
)
def test_an_environment_that_is_wrong_is_refused(urls: str, tokens: str, text: str) -> None:
    with pytest.raises(EndpointError) as caught:
        remote_endpoints({"REMOTE_CLASSIFIERS": urls, "REMOTE_CLASSIFIER_TOKENS": tokens})
    assert text in str(caught.value)
