"""Cells as arrays, and their division by picture into parts that never share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """Verified cells, one place in each array: `picture` (row of the features), `label` (row of the head), `yes`,
    and `group`: pictures of the same bytes are one group, and stay together wherever cells are divided."""

    picture: Ints
    label: Ints
    yes: Bools
    group: Ints

    def __len__(self) -> int:
        return len(self.picture)

    def take(self, chosen: Bools | Ints) -> Cells:
        """The chosen cells, by a mask or by their places."""
        return Cells(self.picture[chosen], self.label[chosen], self.yes[chosen], self.group[chosen])

    def counts(self, labels: int) -> Ints:
        """int [labels, 2]: how many no (0) and yes (1) each label has."""
        kinds = self.label * 2 + self.yes
        return np.bincount(kinds, minlength=2 * labels).astype(np.int64).reshape(labels, 2)


def divide(cells: Cells, shares: Sequence[float], *, seed: int) -> Ints:
    """For each cell the part (0, 1, …) that its picture falls into; the same for the same cells and seed.

    Each part gets about its share of every label's yes and no, the rarest first (iterative stratification: K. Sechidis,
    G. Tsoumakas and I. Vlahavas, On the Stratification of Multi-Label Data, 2011, with the order of kinds fixed).
    """
    draw = np.random.default_rng(seed)
    kinds = (cells.label * 2 + cells.yes).tolist()
    groups = cells.group.tolist()
    of_group: dict[int, list[int]] = {}
    of_kind: dict[int, list[int]] = {}
    for kind, group in zip(kinds, groups, strict=True):
        of_group.setdefault(group, []).append(kind)
        of_kind.setdefault(kind, []).append(group)
    totals = np.bincount(kinds, minlength=1 + max(kinds, default=0))
    wanted = np.outer(totals, np.asarray(shares) / np.sum(shares))
    room = len(of_group) * np.asarray(shares) / np.sum(shares)
    part_of: dict[int, int] = {}
    for kind in sorted(of_kind, key=lambda kind: (totals[kind], kind)):
        waiting = sorted({group for group in of_kind[kind] if group not in part_of})
        for group in draw.permutation(waiting).tolist():
            part = _neediest(wanted[kind], room, draw)
            part_of[group] = part
            room[part] -= 1
            for own in of_group[group]:
                wanted[own, part] -= 1
    return np.array([part_of[group] for group in groups], dtype=np.int64)


def _neediest(wanted: npt.NDArray[np.float64], room: npt.NDArray[np.float64], draw: np.random.Generator) -> int:
    """The part that wants most of this kind; among equals the one with most room, then by lot."""
    most = np.flatnonzero(np.isclose(wanted, wanted.max()))
    roomiest = most[np.isclose(room[most], room[most].max())]
    return int(draw.choice(roomiest))
