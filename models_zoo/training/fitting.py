"""Logistic heads for many labels on the same features, each fitted on the cells that people verified for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

from models_zoo.training.measuring import Floats
from models_zoo.training.splitting import Bools, Cells, Ints, divide

Features = npt.NDArray[np.float32]

# The penalty is strength / 2 × the squared length of the weights, beside the mean loss. From strong to weak, so that
# each fit starts near its end.
STRENGTHS = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01)
FOLDS = 5
ENOUGH_TO_CHOOSE_ALONE = 50
MOST_ITERATIONS = 1000


@dataclass(frozen=True)
class Heads:
    """float64 `weight` [L, D] and `bias` [L] on raw features: `features @ weight.T + bias` are the logits."""

    weight: Floats
    bias: Floats

    def logits(self, features: Features, cells: Cells) -> Floats:
        """One logit for each cell."""
        result = np.empty(len(cells))
        for label in np.unique(cells.label):
            mine = cells.label == label
            result[mine] = features[cells.picture[mine]].astype(np.float64) @ self.weight[label] + self.bias[label]
        return result


@dataclass(frozen=True)
class Fitted:
    """Heads, the strength of each label's penalty, and for each cell a logit by a head that never saw its picture."""

    heads: Heads
    strengths: tuple[float, ...]
    held_out: Floats


def fit(
    features: Features, cells: Cells, labels: int, *, seed: int, most: int = MOST_ITERATIONS, tick: Callable[[], object]
) -> Fitted:
    """Fits a head for each label on its cells. Deterministic: the same cells and seed give the same bytes.

    Both answers of a label weigh the same in its loss; what that adds to the logit, log(no / yes), is taken out of the
    bias again. The penalty's strength is chosen by cross-validation by picture: alone where a label has enough cells,
    else one for all such labels together. Calls `tick` `labels × (FOLDS + 1)` times.
    """
    folds = divide(cells, [1.0] * FOLDS, seed=seed)
    scale = _Scale.of(features[np.unique(cells.picture)])
    prior = _prior(cells, labels)
    paths = np.zeros((len(STRENGTHS), len(cells)))
    with threadpool_limits(1):  # the order of sums, and so the last digits, would hang on the number of threads
        for label in range(labels):
            for fold in range(FOLDS):
                test = np.flatnonzero((cells.label == label) & (folds == fold))
                train = cells.take((cells.label == label) & (folds != fold))
                if len(test):
                    weight, bias = _path(
                        scale.of_rows(features, train.picture), train.yes, prior[label], STRENGTHS, most
                    )
                    paths[:, test] = weight @ scale.of_rows(features, cells.picture[test]).T + bias[:, None]
                tick()
        chosen = _choose(paths, cells, labels)
        rows = []
        for label in range(labels):
            mine = cells.take(cells.label == label)
            path = STRENGTHS[: chosen[label] + 1]
            weight, bias = _path(scale.of_rows(features, mine.picture), mine.yes, prior[label], path, most)
            rows.append((weight[-1], bias[-1]))
            tick()
        heads = scale.undone(np.stack([weight for weight, _ in rows]), np.array([bias for _, bias in rows]))
    held_out = paths[chosen[cells.label], np.arange(len(cells))]
    return Fitted(heads, tuple(STRENGTHS[place] for place in chosen), held_out)


def _choose(paths: Floats, cells: Cells, labels: int) -> Ints:
    """[L] places in `STRENGTHS` with the least loss on held-out cells, each answer of a label weighing the same."""
    signs = np.where(cells.yes, 1.0, -1.0)
    losses = np.logaddexp(0.0, -signs * paths)
    counts = cells.counts(labels)
    weights = 1.0 / counts[cells.label, cells.yes.astype(np.int64)]
    by_label = np.stack([np.bincount(cells.label, weights=row * weights, minlength=labels) for row in losses])
    few = counts.min(axis=1) < ENOUGH_TO_CHOOSE_ALONE
    chosen: Ints = by_label.argmin(axis=0).astype(np.int64)
    if few.any():
        chosen[few] = by_label[:, few].sum(axis=1).argmin()
    return chosen


def _prior(cells: Cells, labels: int) -> Floats:
    """[L]: log(yes / no) of each label. Where one of them is missing, as if there were one of each more."""
    counts = cells.counts(labels) + np.where(cells.counts(labels).min(axis=1, keepdims=True) == 0, 1, 0)
    prior: Floats = np.log(counts[:, 1] / counts[:, 0])
    return prior


def _path(rows: Floats, yes: Bools, prior: float, strengths: tuple[float, ...], most: int) -> tuple[Floats, Floats]:
    """float64 weight [S, D] and bias [S] for each strength, with the label's `prior` in place of the weighting's.

    The prior is that of all cells and not of these rows: what a fold leaves out of one answer would else speak against
    that answer in the very cells that were left out.
    """
    positive = int(yes.sum())
    negative = len(yes) - positive
    if not positive or not negative:  # one answer only: nothing to tell apart
        return np.zeros((len(strengths), rows.shape[1])), np.full(len(strengths), prior)
    share = np.where(yes, 0.5 / positive, 0.5 / negative)
    point = np.zeros(rows.shape[1] + 1)
    points = []
    for strength in strengths:
        point = minimize(
            _objective(rows, np.where(yes, 1.0, -1.0), share, strength),
            point,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": most, "gtol": 1e-6, "ftol": 1e-10},
        ).x
        points.append(point)
    found = np.stack(points)
    return found[:, :-1], found[:, -1] + prior


def _objective(rows: Floats, signs: Floats, share: Floats, strength: float) -> Callable[[Floats], tuple[float, Floats]]:
    """The penalised logistic loss at a point (weight, then bias), and its gradient. `share`: each cell's, 1 in all."""

    def objective(point: Floats) -> tuple[float, Floats]:
        weight = point[:-1]
        margin = signs * (rows @ weight + point[-1])
        pull = -share * signs * expit(-margin)
        loss = share @ np.logaddexp(0.0, -margin) + 0.5 * strength * (weight @ weight)
        return float(loss), np.append(pull @ rows + strength * weight, pull.sum())

    return objective


@dataclass(frozen=True)
class _Scale:
    """Brings each feature to mean 0 and deviation 1, so that the penalty means the same for all of them."""

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, features: Features) -> _Scale:
        mean = features.mean(axis=0, dtype=np.float64)
        deviation = features.std(axis=0, dtype=np.float64)
        return cls(mean, np.where(deviation > 1e-9 * (np.abs(mean) + 1), deviation, 1.0))

    def of_rows(self, features: Features, rows: Ints) -> Floats:
        scaled: Floats = (features[rows] - self.mean) / self.deviation
        return scaled

    def undone(self, weight: Floats, bias: Floats) -> Heads:
        """The same heads for raw features."""
        raw = weight / self.deviation
        return Heads(raw, bias - raw @ self.mean)
