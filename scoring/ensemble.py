"""The ensemble's rule: a pair's machine score out of its classifiers' probabilities. Pure, standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MachineScore:
    """`mean` and `spread` (population standard deviation) of the classifiers' probabilities, both in [0, 1]."""

    mean: float
    spread: float


def machine_score(probabilities: Sequence[float]) -> MachineScore:
    """The ensemble's score for one pair: the plain mean over its classifiers, each with the same weight.

    `probabilities`: one value in [0, 1] from each classifier. Raises `ValueError` where there is none, or one
    is not a finite number in [0, 1].
    """
    if not probabilities:
        raise ValueError("a machine score needs at least one classifier")
    for value in probabilities:
        if not (math.isfinite(value) and 0.0 <= value <= 1.0):
            raise ValueError(f"{value!r} is not a probability")
    mean = math.fsum(probabilities) / len(probabilities)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in probabilities) / len(probabilities))
    return MachineScore(mean=mean, spread=spread)


def machine_says_yes(mean: float, *, threshold: float) -> bool:
    """The ensemble's verdict: yes at the threshold or above."""
    return mean >= threshold
