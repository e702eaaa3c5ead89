"""The ensemble's rules: a pair's machine score out of its classifiers' probabilities, and what it says. Pure, standard
library only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SOFTMAX = "softmax"


@dataclass(frozen=True)
class MachineScore:
    """`mean` and `spread` (population standard deviation) of the classifiers' probabilities, both in [0, 1]."""

    mean: float
    spread: float


@dataclass(frozen=True)
class LeftOut:
    """One classifier beside the ensemble of the others: whether each says yes."""

    own_yes: bool
    others_yes: bool


def machine_score(probabilities: Sequence[float], weights: Sequence[float] | None = None) -> MachineScore:
    """The ensemble's score for one pair: the weighted mean over its classifiers and the spread around it.

    mean = Σ wᵢpᵢ ÷ Σ wᵢ; spread = √(Σ wᵢ(pᵢ − mean)² ÷ Σ wᵢ). `probabilities`: one value in [0, 1] from each
    classifier; `weights`: as many numbers above zero, of which only the ratios matter; without them all weigh the
    same. Raises `ValueError` where there is no classifier, or a number that is no probability or no weight.
    """
    shares = [1.0] * len(probabilities) if weights is None else list(weights)
    _check(probabilities, shares)
    whole = math.fsum(shares)
    pairs = list(zip(probabilities, shares, strict=True))
    mean = math.fsum(share * value for value, share in pairs) / whole
    spread = math.sqrt(math.fsum(share * (value - mean) ** 2 for value, share in pairs) / whole)
    return MachineScore(mean=mean, spread=spread)


def _check(probabilities: Sequence[float], weights: Sequence[float]) -> None:
    if not probabilities:
        raise ValueError("a machine score needs at least one classifier")
    if len(weights) != len(probabilities):
        raise ValueError(f"{len(weights)} weights are not those of {len(probabilities)} classifiers")
    for value in probabilities:
        if not (math.isfinite(value) and 0.0 <= value <= 1.0):
            raise ValueError(f"{value!r} is not a probability")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0.0):
            raise ValueError(f"{weight!r} is not a weight: it should be a number above zero")


def machine_says_yes(mean: float, *, threshold: float) -> bool:
    """The ensemble's verdict: yes at the threshold or above."""
    return mean >= threshold


def sureness(mean: float, *, threshold: float) -> float:
    """How sure the ensemble is of its verdict, in [0, 1]: 0 at the threshold, 1 at the end of its side.

    (mean − t) ÷ (1 − t) for a yes, (t − mean) ÷ t for a no; `threshold` lies between 0 and 1, neither of them.
    """
    room = 1.0 - threshold if machine_says_yes(mean, threshold=threshold) else threshold
    return min(1.0, abs(mean - threshold) / room)


def is_near(mean: float, *, threshold: float, margin: float) -> bool:
    """Whether the mean lies so near to the threshold that the ensemble knows that it doesn't know.

    An error there is a *known unknown*; an error farther off is a candidate for an *unknown unknown* (the distinction
    of Attenberg, Ipeirotis and Provost, "Beat the Machine", ACM JDIQ 6(1), 2015). At `margin` exactly it is not near.
    """
    # Rounded, so that a mean of 0.4 is no nearer to 0.5 than a mean of 0.6.
    return round(abs(mean - threshold), 12) < margin


def label_probability(
    outputs: Sequence[float] | Mapping[int, float], places: Sequence[int], *, activation: str
) -> float:
    """A label's probability out of the outputs at these places, which stand for kinds of it.

    Softmax outputs exclude each other, so that they add up (to 1 at most, rounding aside); of independent outputs, and
    of those that nothing is known of, the largest is the least that the label can have. Raises `ValueError` for no
    place.
    """
    if not places:
        raise ValueError("a label needs at least one output")
    values = [outputs[place] for place in places]
    return min(1.0, math.fsum(values)) if activation == SOFTMAX else max(values)


def left_out(
    probabilities: Sequence[float], weights: Sequence[float] | None = None, *, threshold: float
) -> list[LeftOut]:
    """For each classifier, in order: its own verdict, and that of the ensemble of the others.

    Empty for a single classifier, beside whom there is nobody. Raises `ValueError` as `machine_score` does.
    """
    shares = [1.0] * len(probabilities) if weights is None else list(weights)
    _check(probabilities, shares)
    if len(probabilities) == 1:
        return []
    found = []
    for place, value in enumerate(probabilities):
        others = [*probabilities[:place], *probabilities[place + 1 :]]
        mean = machine_score(others, [*shares[:place], *shares[place + 1 :]]).mean
        found.append(
            LeftOut(
                own_yes=machine_says_yes(value, threshold=threshold),
                others_yes=machine_says_yes(mean, threshold=threshold),
            )
        )
    return found
