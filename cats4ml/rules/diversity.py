"""How different somebody's finds are from each other: a figure beside the points, which never changes a rank."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple


class Kin(NamedTuple):
    """So many kinds (`kinds`) of which each has so many finds (`size`)."""

    size: int
    kinds: int


def effective_number(kin: Iterable[Kin]) -> float:
    """How many kinds there would be, if all were equally common, with as much variety: exp of Shannon's entropy.

    It is the Hill number of order 1 (Hill, "Diversity and Evenness: A Unifying Notation and Its Consequences", Ecology
    54, 1973; Jost, "Entropy and diversity", Oikos 113, 2006): ten finds of ten kinds give 10, a thousand of one kind
    give 1, and a thousand of one kind with nine of others give hardly more. Rounded to three digits, so that the order
    of a sum never shows. 0 for no find.
    """
    found = sorted(one for one in kin if one.size > 0 and one.kinds > 0)
    total = sum(size * kinds for size, kinds in found)
    if not total:
        return 0.0
    # exp(-sum p ln p) with p = size / total is total / exp(sum size ln size / total).
    weighed = math.fsum(size * kinds * math.log(size) for size, kinds in found)
    return round(total / math.exp(weighed / total), 3)
