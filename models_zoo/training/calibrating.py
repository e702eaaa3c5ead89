"""Logits of heads to honest probabilities: which correction, chosen and fitted on cells that the heads never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from models_zoo.calibration import fit_temperature
from models_zoo.training.measuring import Floats
from models_zoo.training.splitting import Bools, Cells, Ints, divide

TEMPERATURE = "temperature"
ONE_SLOPE = "platt, one slope"
OWN_SLOPES = "platt"
METHODS = (TEMPERATURE, ONE_SLOPE, OWN_SLOPES)  # from the simplest: of equals the first is taken
ENOUGH_FOR_A_SLOPE = 20
FOLDS = 5
_OFFSET_DEVIATION = 1.0  # of the normal prior of an offset: a label with few cells keeps to 0
_SLOPE_DEVIATION = 1.0  # of the normal prior of a slope's logarithm: it keeps to 1


@dataclass(frozen=True)
class Correction:
    """probability = sigmoid(scale · logit + offset), both float64 [L]; of a temperature T, scale is 1 / T for all."""

    method: str
    scale: Floats
    offset: Floats

    def probabilities(self, logits: Floats, label: Ints) -> Floats:
        """One for each logit, of the label of the same place."""
        result: Floats = expit(self.scale[label] * logits + self.offset[label])
        return result


def choose(logits: Floats, cells: Cells, labels: int, *, seed: int) -> Correction:
    """The method with the least log loss on pictures that it wasn't fitted on (folds by picture), fitted on all.

    `logits`: one for each of `cells`, by heads that never saw its picture.
    """
    folds = divide(cells, [1.0] * FOLDS, seed=seed)
    losses = [
        sum(
            _loss_on(
                _fit(method, logits[folds != fold], cells.take(folds != fold), labels), logits, cells, folds == fold
            )
            for fold in range(FOLDS)
        )
        for method in METHODS
    ]
    return _fit(METHODS[int(np.argmin(losses))], logits, cells, labels)


def _loss_on(correction: Correction, logits: Floats, cells: Cells, chosen: Bools) -> float:
    mine = cells.take(chosen)
    adjusted = correction.scale[mine.label] * logits[chosen] + correction.offset[mine.label]
    return float(np.logaddexp(0.0, np.where(mine.yes, -adjusted, adjusted)).sum())


def _fit(method: str, logits: Floats, cells: Cells, labels: int) -> Correction:
    if method == TEMPERATURE:
        temperature = fit_temperature(logits[:, np.newaxis], cells.yes[:, np.newaxis], "sigmoid")
        return Correction(method, np.full(labels, 1 / temperature), np.zeros(labels))
    slope_of = np.zeros(labels, dtype=np.int64)
    if method == OWN_SLOPES:
        enough = np.flatnonzero(cells.counts(labels).min(axis=1) >= ENOUGH_FOR_A_SLOPE)
        slope_of[enough] = 1 + np.arange(len(enough))
    slopes = 1 + int(slope_of.max())
    best = minimize(
        _objective(logits, cells, slope_of[cells.label], slopes, labels),
        np.zeros(slopes + labels),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-6.0, 6.0)] * slopes + [(-20.0, 20.0)] * labels,
    ).x
    return Correction(method, np.exp(best[:slopes])[slope_of], best[slopes:])


def _objective(
    logits: Floats, cells: Cells, slope_at: Ints, slopes: int, labels: int
) -> Callable[[Floats], tuple[float, Floats]]:
    """The penalised loss of a point (logarithms of the slopes, then an offset for each label), and its gradient.

    Platt's correction with other priors than his: slopes are above 0, so that no correction turns a ranking round, and
    where cells are few both keep near none, by normal priors of mean 0.
    """
    signs = np.where(cells.yes, 1.0, -1.0)
    deviations = np.r_[np.full(slopes, _SLOPE_DEVIATION), np.full(labels, _OFFSET_DEVIATION)]

    def objective(point: Floats) -> tuple[float, Floats]:
        slope = np.exp(point[:slopes])
        adjusted = slope[slope_at] * logits + point[slopes:][cells.label]
        pull = -signs * expit(-signs * adjusted)
        by_slope = np.bincount(slope_at, weights=pull * logits, minlength=slopes) * slope
        by_offset = np.bincount(cells.label, weights=pull, minlength=labels)
        value = np.logaddexp(0.0, -signs * adjusted).sum() + 0.5 * ((point / deviations) ** 2).sum()
        return float(value), np.r_[by_slope, by_offset] + point / deviations**2

    return objective
