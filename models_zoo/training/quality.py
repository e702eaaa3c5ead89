"""How good heads are, beside the backbone's own probability for the same label on the same cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models_zoo.training.features import Array
from models_zoo.training.measuring import (
    Comparison,
    Figure,
    Floats,
    Measure,
    average_precision,
    calibration_error,
    compare,
    measure,
)
from models_zoo.training.splitting import Bools, Cells, Ints

BEATS, WORSE, EVEN, UNKNOWN = "beats", "is worse than", "is not shown to differ from", "has nothing to compare with in"

ROUNDING = 1e-9  # a difference that only the order of sums made


@dataclass(frozen=True)
class Result:
    """Figures of one label, or of several. Without a comparison where the backbone doesn't know them all."""

    yes: int
    no: int
    precision: Figure | Comparison
    error: Figure | Comparison

    @property
    def verdict(self) -> str:
        """By the interval of the gain in average precision."""
        if isinstance(self.precision, Figure):
            return UNKNOWN
        gain = self.precision.gain
        return BEATS if gain.low > ROUNDING else WORSE if gain.high < -ROUNDING else EVEN


@dataclass(frozen=True)
class Quality:
    """`overall`: all measured cells together, as one threshold meets them. `compared`: those of the labels that the
    backbone knows too, together; `compared_mean`: the mean of these labels' average precisions."""

    overall: Result
    compared: Result | None
    compared_mean: Comparison | None
    labels: dict[str, Result]


def backbone_probabilities(
    probabilities: Array, cells: Cells, places: Sequence[Sequence[int]], *, adds: bool
) -> Floats:
    """The backbone's probability of each cell's label: the sum of its outputs for it (`adds`: softmax), or the largest.

    `places`: the outputs for each label; NaN for a label that has none.
    """
    result = np.full(len(cells), np.nan)
    for label, outputs in enumerate(places):
        mine = cells.label == label
        if len(outputs) and mine.any():
            rows = probabilities[np.ix_(cells.picture[mine], list(outputs))].astype(np.float64)
            result[mine] = np.clip(rows.sum(axis=1) if adds else rows.max(axis=1), 0.0, 1.0)
    return result


def assess(cells: Cells, ours: Floats, theirs: Floats, keys: Sequence[str], *, seed: int) -> Quality:
    """Measures the probabilities `ours` of `cells` against `theirs` (NaN where there are none)."""
    known = ~np.isnan(theirs)
    none = np.full(len(cells), np.nan)
    by_label = {}
    for label, key in enumerate(keys):
        mine = cells.label == label
        by_label[key] = _result(cells.take(mine), ours[mine], theirs[mine], seed)
    overall = _result(cells, ours, theirs if known.all() else none, seed)
    if not known.any():
        return Quality(overall, None, None, by_label)
    some = cells.take(known)
    compared = overall if known.all() else _result(some, ours[known], theirs[known], seed)
    mean = compare(_mean_over(some.label), ours[known], theirs[known], some.yes, some.group, seed=seed)
    return Quality(overall, compared, mean, by_label)


def _result(cells: Cells, ours: Floats, theirs: Floats, seed: int) -> Result:
    yes = int(cells.yes.sum())
    if np.isnan(theirs).any() or not len(cells):
        figures: list[Figure | Comparison] = [
            measure(what, ours, cells.yes, cells.group, seed=seed) for what in (average_precision, calibration_error)
        ]
    else:
        figures = [
            compare(what, ours, theirs, cells.yes, cells.group, seed=seed)
            for what in (average_precision, calibration_error)
        ]
    return Result(yes, len(cells) - yes, *figures)


def _mean_over(label: Ints) -> Measure:
    """The mean over labels of the average precision; in a draw, over the labels that have a yes in it."""

    def value(probabilities: Floats, yes: Bools, weights: Floats) -> Floats:
        each = [
            average_precision(probabilities[mine], yes[mine], weights[:, mine])
            for mine in (label == one for one in np.unique(label))
        ]
        values = np.stack(each)
        known = ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            mean: Floats = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
        return mean

    return value


def table(result: Result) -> dict[str, Any]:
    """For a card: `[value, low, high]` of each figure, as far as they are finite."""
    plain: dict[str, Any] = {"yes": result.yes, "no": result.no}
    for name, figure in (("average_precision", result.precision), ("calibration_error", result.error)):
        plain |= figures(name, figure)
    if result.verdict != UNKNOWN:
        plain["beats_backbone"] = result.verdict == BEATS
        plain["verdict"] = f"{result.verdict} the backbone"
    return plain


def figures(name: str, figure: Figure | Comparison) -> dict[str, Any]:
    """`[value, low, high]` under `name`, and of a comparison also of the backbone and of the gain."""
    if isinstance(figure, Figure):
        return {name: numbers} if (numbers := _numbers(figure)) else {}
    each: Mapping[str, Figure] = {
        name: figure.ours,
        f"backbone_{name}": figure.theirs,
        f"{name}_minus_backbone": figure.gain,
    }
    return {key: numbers for key, one in each.items() if (numbers := _numbers(one))}


def _numbers(figure: Figure) -> list[float]:
    """Empty where the value isn't finite; the value alone where its interval isn't."""
    if not math.isfinite(figure.value):
        return []
    bounds = [figure.low, figure.high]
    return [round(one, 4) for one in [figure.value, *(bounds if all(map(math.isfinite, bounds)) else [])]]
