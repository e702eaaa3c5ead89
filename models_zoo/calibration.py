"""From logits to honest probabilities: one formula, for torch and for numpy, the fit of a temperature, and a measure.

Temperature: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017. Platt's numbers: J.
Platt, Probabilistic Outputs for Support Vector Machines, in Advances in Large Margin Classifiers, 1999; they are fitted
by `models_zoo.training.calibrating`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from models_zoo.card_parts import TEMPERATURE
from models_zoo.spec import NONE, ClassifierSpec

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

# A temperature outside of this says that logits and targets don't belong together, not how sure to be.
_COLDEST, _HOTTEST = 1e-2, 1e2


def probabilities(logits: Tensor, spec: ClassifierSpec) -> Tensor:
    """float32 [N, outputs] in [0, 1], calibrated as the card says, on the device of `logits` [N, outputs].

    NaN and infinity are passed on as they are. With activation `none` the numbers are taken for probabilities.
    """
    values = logits.float()
    calibration = spec.calibration
    if calibration is not None and calibration.method == TEMPERATURE:
        values = values / calibration.temperature
    elif calibration is not None:
        values = values * values.new_tensor(calibration.scale) + values.new_tensor(calibration.offset)
    if spec.activation == NONE:
        return values
    return values.softmax(dim=1) if spec.activation == "softmax" else values.sigmoid()


def probabilities_numpy(logits: npt.NDArray[Any], spec: ClassifierSpec) -> Floats:
    """`probabilities` for an array, with the same formula."""
    values = np.asarray(logits, dtype=np.float32)
    calibration = spec.calibration
    if calibration is not None and calibration.method == TEMPERATURE:
        values = values / np.float32(calibration.temperature)
    elif calibration is not None:
        values = values * np.array(calibration.scale, np.float32) + np.array(calibration.offset, np.float32)
    if spec.activation == "softmax":
        values = np.exp(_log_softmax(values))
    elif spec.activation != NONE:
        values = _sigmoid(values)
    return np.asarray(values, dtype=np.float32)


def _log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    below = logits - logits.max(axis=1, keepdims=True)
    result: npt.NDArray[Any] = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return result


def _sigmoid(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """1 / (1 + exp(-z)), written so that no exponential overflows."""
    small = np.exp(-np.abs(logits))
    result: npt.NDArray[Any] = np.where(logits >= 0, 1, small) / (1 + small)
    return result


def fit_temperature(logits: npt.ArrayLike, targets: npt.ArrayLike, activation: str) -> float:
    """The temperature T that makes the targets likeliest under `activation`(logits / T): logits [N, outputs].

    `softmax`: targets are N class numbers. `sigmoid`: [N, outputs] of 1 (yes), 0 (no) and NaN (nobody said). Found by a
    bounded search over log T, between 0.01 and 100. Raises `ValueError` for arrays that can't be that.
    """
    values = _finite(logits)
    wanted = np.asarray(targets, dtype=np.float64)
    loss: Callable[[float], float]
    if activation == "softmax":
        classes = wanted.astype(np.int64)
        known_class = (classes == wanted) & (classes >= 0) & (classes < values.shape[-1])
        if classes.shape != values.shape[:1] or not known_class.all():
            raise ValueError(f"softmax needs one class number for each of {len(values)} rows of {values.shape}")

        def loss(log_t: float) -> float:
            scaled = _log_softmax(values / math.exp(log_t))
            return -float(scaled[np.arange(len(classes)), classes].mean())
    elif activation == "sigmoid":
        known = np.isfinite(wanted)
        if wanted.shape != values.shape or not known.any():
            raise ValueError(f"sigmoid needs a target for each logit {values.shape}, got {wanted.shape}")
        chosen, signs = values[known], 2 * wanted[known] - 1

        def loss(log_t: float) -> float:
            return float(np.logaddexp(0, -signs * chosen / math.exp(log_t)).mean())
    else:
        raise ValueError(f"a temperature is for softmax and sigmoid, not {activation!r}")
    return math.exp(_lowest(loss, math.log(_COLDEST), math.log(_HOTTEST)))


def _lowest(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where `loss`, which falls and then rises, is lowest in [low, high]: golden section, to about 1e-9.

    Both losses do so in log T, for they are convex in 1 / T.
    """
    share = (math.sqrt(5) - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-9:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = loss(right)
    return (low + high) / 2


def expected_calibration_error(values: npt.ArrayLike, truths: npt.ArrayLike, bins: int = 15) -> float:
    """How far probabilities are from what came true, on average: N values in [0, 1], N truths of 0 and 1.

    The mean over bins, by their size, of |mean probability - share that is true|. The bins hold equally many values
    each (Nguyen and O'Connor, Posterior calibration and exploratory analysis for natural language processing models,
    EMNLP 2015; the mean of absolute gaps as in Naeini, Cooper and Hauskrecht, AAAI 2015); where there are fewer values
    than bins, each is a bin of its own. Values that are equal may be parted between bins. Raises `ValueError`.
    """
    chances = _finite(values)
    wanted = np.asarray(truths, dtype=np.float64)
    if chances.ndim != 1 or wanted.shape != chances.shape or bins < 1:
        raise ValueError("a calibration error needs N probabilities, N truths and at least one bin")
    order = np.argsort(chances, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(abs(chances[part].mean() - wanted[part].mean()) * len(part) for part in parts) / len(order))


def _finite(values: npt.ArrayLike) -> Doubles:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("a calibration needs finite numbers, at least one")
    return array
