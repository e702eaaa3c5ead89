"""Heads and their correction, learnt and measured so that no figure comes from a picture that was learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models_zoo.training import fitting
from models_zoo.training.calibrating import Correction, choose
from models_zoo.training.fitting import Features, Heads, fit
from models_zoo.training.measuring import Floats
from models_zoo.training.splitting import Cells, divide

PARTS = "parts"
FOLDS = "folds"
SHARES = (0.6, 0.2, 0.2)
CROSS_FITS = 5
ENOUGH_IN_TEST = 50


@dataclass(frozen=True)
class Study:
    """What is written (`heads`, `correction`), and what it was measured on: `tested`, a probability for each of its
    cells by heads and a correction that never saw its picture. `way`: how that was done, in words."""

    heads: Heads
    correction: Correction
    strengths: tuple[float, ...]
    tested: Cells
    probabilities: Floats
    way: str


def usual_way(cells: Cells, labels: int) -> str:
    """Parts where each label has enough yes and no for a test part of its own, else folds."""
    fewest = int(cells.counts(labels).min()) * SHARES[2]
    return PARTS if fewest >= ENOUGH_IN_TEST else FOLDS


def steps(way: str, labels: int) -> int:
    """How often `learn` calls `tick`."""
    return labels * (fitting.FOLDS + 1) * (1 if way == PARTS else CROSS_FITS + 1)


def learn(
    features: Features, cells: Cells, labels: int, *, way: str, seed: int, most: int, tick: Callable[[], object]
) -> Study:
    """Fits, corrects and measures heads for `labels` labels; deterministic by `seed`. `way`: `PARTS` or `FOLDS`."""
    learner = _Learner(features, labels, seed, most, tick)
    return learner.in_parts(cells) if way == PARTS else learner.in_folds(cells)


@dataclass(frozen=True)
class _Learner:
    features: Features
    labels: int
    seed: int
    most: int
    tick: Callable[[], object]

    def in_parts(self, cells: Cells) -> Study:
        part = divide(cells, SHARES, seed=self.seed)
        training, held_out, tested = (cells.take(part == number) for number in range(3))
        fitted = fit(self.features, training, self.labels, seed=self.seed, most=self.most, tick=self.tick)
        logits = fitted.heads.logits(self.features, held_out)
        correction = choose(logits, held_out, self.labels, seed=self.seed)
        measured = correction.probabilities(fitted.heads.logits(self.features, tested), tested.label)
        sizes = [len(np.unique(cells.picture[part == number])) for number in range(3)]
        way = (
            f"fitted on {sizes[0]:,} pictures, calibrated on {sizes[1]:,} others, measured on {sizes[2]:,} others,"
            " each picture in one part only"
        )
        return Study(fitted.heads, correction, fitted.strengths, tested, measured, way)

    def in_folds(self, cells: Cells) -> Study:
        fold = divide(cells, [1.0] * CROSS_FITS, seed=self.seed)
        measured = np.empty(len(cells))
        for number in range(CROSS_FITS):
            test = fold == number
            if test.any():
                heads, correction, _ = self._cross_corrected(cells.take(~test))
                tested = cells.take(test)
                measured[test] = correction.probabilities(heads.logits(self.features, tested), tested.label)
        heads, correction, strengths = self._cross_corrected(cells)
        way = (
            f"cross-fitted: {CROSS_FITS} folds of {len(np.unique(cells.picture)):,} pictures, each measured with heads"
            " and a calibration that never saw it; the heads written here are fitted on all of them"
        )
        return Study(heads, correction, strengths, cells, measured, way)

    def _cross_corrected(self, cells: Cells) -> tuple[Heads, Correction, tuple[float, ...]]:
        """Heads on all cells, and a correction fitted on the logits that cross-validation held out."""
        fitted = fit(self.features, cells, self.labels, seed=self.seed, most=self.most, tick=self.tick)
        correction = choose(fitted.held_out, cells, self.labels, seed=self.seed)
        return fitted.heads, correction, fitted.strengths
