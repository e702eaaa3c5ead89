"""How good probabilities are, each figure with its interval: a bootstrap that draws pictures, not cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.training.splitting import Bools, Ints

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats, Bools, Floats], Floats]
"""(probabilities [N], answers [N], weights [B, N]) to a value for each of the B weightings; NaN where there is none."""

BINS = 15
DRAWS = 1000
CONFIDENCE = 0.95
_AT_ONCE = 2_000_000  # weights held in memory at a time


@dataclass(frozen=True)
class Figure:
    """A measured value, and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two sets of probabilities, measured on the same cells and bootstrap draws. `gain`: ours minus theirs."""

    ours: Figure
    theirs: Figure
    gain: Figure


def average_precision(probabilities: Floats, yes: Bools, weights: Floats) -> Floats:
    """The sum of precision × gain of recall over the thresholds, as scikit-learn's; [B]. NaN without any yes."""
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.diff(probabilities[order], append=np.nan))  # equal scores share a threshold
    weights = weights[:, order]
    hits = np.cumsum(weights * yes[order], axis=1)[:, ends]
    shown = np.cumsum(weights, axis=1)[:, ends]
    total = hits[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(shown > 0, hits / shown, 0.0)
        recall_gain = np.diff(hits, axis=1, prepend=0.0) / total
    result: Floats = (precision * recall_gain).sum(axis=1)
    return result


def calibration_error(probabilities: Floats, yes: Bools, weights: Floats) -> Floats:
    """`models_zoo.calibration.expected_calibration_error`, weighted; [B]. Every draw has the bins of all cells."""
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    gaps = [np.abs(weights[:, part] @ (probabilities[part] - yes[part])) for part in parts]
    with np.errstate(invalid="ignore"):
        result: Floats = np.sum(gaps, axis=0) / weights.sum(axis=1)
    return result


def measure(what: Measure, probabilities: Floats, yes: Bools, group: Ints, *, seed: int) -> Figure:
    """The value on the cells as they are, with its interval over `DRAWS` bootstrap draws of pictures."""
    draws = _over_draws([probabilities], what, yes, group, seed=seed)
    return _figure(what, _plain(what, probabilities, yes), draws[0])


def compare(what: Measure, ours: Floats, theirs: Floats, yes: Bools, group: Ints, *, seed: int) -> Comparison:
    """Both measured on the same cells and the same draws, and the difference in each draw (a paired bootstrap)."""
    first, second = _over_draws([ours, theirs], what, yes, group, seed=seed)
    mine, other = _plain(what, ours, yes), _plain(what, theirs, yes)
    gain = _figure(what, mine - other, first - second, least=-1.0)
    return Comparison(_figure(what, mine, first), _figure(what, other, second), gain)


def _plain(what: Measure, probabilities: Floats, yes: Bools) -> float:
    return float(what(probabilities, yes, np.ones((1, len(yes))))[0])


def _figure(what: Measure, value: float, draws: Floats, *, least: float = 0.0) -> Figure:
    """The percentile interval; of a calibration error the basic one, for each draw adds its own noise to the error and
    lies above the value. A draw without any yes has no average precision and says nothing."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return Figure(value, float("nan"), float("nan"))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    if what is calibration_error:
        low, high = 2 * value - high, 2 * value - low
    return Figure(value, max(least, low), min(1.0, max(least, high)))


def _over_draws(each: list[Floats], what: Measure, yes: Bools, group: Ints, *, seed: int) -> list[Floats]:
    """For each array of probabilities the values [DRAWS]; a draw takes as many groups as there are, with repeats."""
    groups, place = np.unique(group, return_inverse=True)
    draw = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // max(1, len(yes)))
    values: list[list[Floats]] = [[] for _ in each]
    for start in range(0, DRAWS, step):
        some = min(step, DRAWS - start)
        times = draw.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=some)
        weights = times[:, place].astype(np.float64)
        for kept, probabilities in zip(values, each, strict=True):
            kept.append(what(probabilities, yes, weights))
    return [np.concatenate(kept) for kept in values]
