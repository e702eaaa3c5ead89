"""Ranks and ties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

TIE_RULE = (
    "Equal points share a rank, and the next rank is skipped. Nothing else breaks a tie: not time, not success rate."
)


@dataclass(frozen=True)
class Rank:
    """`place` counts from 1; `shared` says that somebody else holds it too."""

    place: int
    shared: bool


def rank_points(points: Sequence[int]) -> list[Rank]:
    """The rank of each entry, in the order given: 1 + the number of entries with more points."""
    holders = Counter(points)
    places: dict[int, int] = {}
    taken = 0
    for value in sorted(holders, reverse=True):
        places[value] = taken + 1
        taken += holders[value]
    return [Rank(place=places[own], shared=holders[own] > 1) for own in points]
