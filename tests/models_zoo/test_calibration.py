"""Logits to probabilities, and how the numbers of that are fitted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import special

from models_zoo.calibration import (
    expected_calibration_error,
    fit_temperature,
    probabilities,
    probabilities_numpy,
)
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.cards import card, remote_card

Doubles = npt.NDArray[np.float64]


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


def spec(**changes: Any) -> ClassifierSpec:
    return ClassifierSpec.from_dict(card(**changes))


PLATT = {"method": "platt", "scale": [0.5 + n / 10 for n in range(10)], "offset": [n / 5 - 1 for n in range(10)]}
WARM = {"method": "temperature", "temperature": 1.7}
SPECS = {
    "softmax": spec(),
    "sigmoid": spec(activation="sigmoid"),
    "softmax, temperature": spec(calibration=WARM),
    "sigmoid, temperature": spec(activation="sigmoid", calibration=WARM),
    "platt": spec(activation="sigmoid", calibration=PLATT),
    "none": ClassifierSpec.from_dict(remote_card(activation="none")),
}


@pytest.mark.parametrize("name", SPECS)
def test_torch_and_numpy_have_one_formula(name: str, draw: np.random.Generator) -> None:
    logits = (draw.normal(size=(50, 10)) * 20).astype(np.float32)
    logits[0] = [300, -300, 0, 88, -88, 89, -89, 1e30, -1e30, 0]
    one = probabilities(torch.from_numpy(logits), SPECS[name]).numpy()
    other = probabilities_numpy(logits, SPECS[name])
    assert (one.dtype, other.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(other, one, atol=2e-7, rtol=2e-5)
    if name != "none":
        assert ((other >= 0) & (other <= 1)).all()


def test_the_formulas_are_those_of_the_card(draw: np.random.Generator) -> None:
    logits = draw.normal(size=(20, 10)).astype(np.float32) * 4
    scale, offset = (np.array(PLATT[key]) for key in ("scale", "offset"))
    wanted = {
        "softmax": special.softmax(logits, axis=1),
        "sigmoid": special.expit(logits),
        "softmax, temperature": special.softmax(logits / 1.7, axis=1),
        "sigmoid, temperature": special.expit(logits / 1.7),
        "platt": special.expit(logits * scale + offset),
        "none": logits,
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(probabilities_numpy(logits, SPECS[name]), values, atol=1e-6)


def test_half_precision_is_made_whole_first() -> None:
    logits = torch.full((1, 10), 11.0, dtype=torch.float16)
    assert probabilities(logits, SPECS["softmax"]).dtype == torch.float32


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "platt"])
def test_what_is_not_a_number_stays_so_in_its_row_alone(name: str) -> None:
    logits = np.zeros((3, 10), np.float32)
    logits[1, 4] = np.nan
    for found in (
        probabilities_numpy(logits, SPECS[name]),
        probabilities(torch.from_numpy(logits), SPECS[name]).numpy(),
    ):
        assert np.isnan(found).any(axis=1).tolist() == [False, True, False]


def test_the_temperature_of_a_softmax_is_found_again(draw: np.random.Generator) -> None:
    honest = draw.normal(size=(20_000, 5)) * 2
    chances = special.softmax(honest, axis=1)
    classes = (chances.cumsum(axis=1) > draw.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(honest * 2.5, classes, "softmax") == pytest.approx(2.5, rel=0.03)


def test_the_temperature_of_sigmoids_is_found_again_without_what_nobody_said(draw: np.random.Generator) -> None:
    honest = draw.normal(size=(8_000, 4)) * 2
    targets = (special.expit(honest) > draw.random(honest.shape)).astype(float)
    targets[draw.random(honest.shape) < 0.3] = np.nan
    assert fit_temperature(honest / 2, targets, "sigmoid") == pytest.approx(0.5, rel=0.05)


def test_targets_that_always_agree_make_the_coldest_temperature() -> None:
    assert fit_temperature([[2.0, -2.0]] * 5, [0] * 5, "softmax") == pytest.approx(0.01, rel=0.2)


def test_the_calibration_error_is_the_mean_gap_of_equal_bins() -> None:
    values = [0.1, 0.2, 0.6, 0.8]
    truths = [0, 1, 0, 1]
    assert expected_calibration_error(values, truths, bins=2) == pytest.approx((abs(0.15 - 0.5) + abs(0.7 - 0.5)) / 2)
    assert expected_calibration_error(values, truths, bins=1) == pytest.approx(abs(0.425 - 0.5))
    assert expected_calibration_error(values, truths) == pytest.approx((0.1 + 0.8 + 0.6 + 0.2) / 4)


def test_honest_probabilities_have_hardly_any_calibration_error(draw: np.random.Generator) -> None:
    values = draw.random(100_000)
    truths = values > draw.random(100_000)
    assert expected_calibration_error(values, truths) < 0.01
    assert expected_calibration_error(values**3, truths) > 0.2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: fit_temperature([[1.0, math.nan]], [0], "softmax"),
        lambda: fit_temperature([[1.0, 2.0]], [0.5], "softmax"),
        lambda: fit_temperature([[1.0, 2.0]], [5], "softmax"),
        lambda: fit_temperature([[1.0, 2.0]], [[math.nan, math.nan]], "sigmoid"),
        lambda: fit_temperature([[1.0, 2.0]], [0], "none"),
        lambda: expected_calibration_error([0.5], [1, 0]),
        lambda: expected_calibration_error([0.5], [1], bins=0),
    ],
)
def test_numbers_that_cannot_be_fitted_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"need|is for"):
        wrong()
