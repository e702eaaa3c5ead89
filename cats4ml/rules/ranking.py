"""Ranks and ties, who stands out of competition, and who can't be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Rank:
    """`place` counts from 1; `shared` says that somebody else holds it too."""

    place: int
    shared: bool


class Entry(NamedTuple):
    """`competes`: false for a baseline, which holds no rank and takes nobody's place."""

    points: int
    competes: bool = True


class RankRange(NamedTuple):
    """The ranks that an entry could hold, the first and the last."""

    low: int
    high: int

    def holding(self, rank: int) -> RankRange:
        """The range, widened where needed so that it holds this rank."""
        return RankRange(min(self.low, rank), max(self.high, rank))


def rank_points(points: Sequence[int]) -> list[Rank]:
    """The rank of each entry, in the order given: 1 + the number of entries with more points."""
    holders = Counter(points)
    places: dict[int, int] = {}
    taken = 0
    for value in sorted(holders, reverse=True):
        places[value] = taken + 1
        taken += holders[value]
    return [Rank(place=places[own], shared=holders[own] > 1) for own in points]


def rank_entries(entries: Sequence[Entry]) -> list[Rank | None]:
    """The rank of each entry among those that compete, in the order given; None for the others."""
    ranks = iter(rank_points([entry.points for entry in entries if entry.competes]))
    return [next(ranks) if entry.competes else None for entry in entries]


def groups_of(ranges: Sequence[RankRange]) -> list[int]:
    """The number of each entry's group, from 1; `ranges` in the order of the board.

    Within a group the entries can't be told apart. A group ends only where every range above is clear of every range
    below.
    """
    groups: list[int] = []
    lowest_after = [0] * len(ranges)
    lowest = None
    for place in range(len(ranges) - 1, -1, -1):
        lowest_after[place] = lowest if lowest is not None else 0
        lowest = ranges[place].low if lowest is None else min(lowest, ranges[place].low)
    group, highest = 1, 0
    for place, one in enumerate(ranges):
        groups.append(group)
        highest = max(highest, one.high)
        if place + 1 < len(ranges) and highest < lowest_after[place]:
            group += 1
    return groups
