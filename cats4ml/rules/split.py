"""Which part of the released test set a pair belongs to."""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Split(StrEnum):
    PUBLIC = "public"
    HELDOUT = "heldout"


def split_of(*, seed: str, image_id: str, label_id: str, heldout_percent: int) -> Split:
    """Draw a pair's part by a seeded hash: the same for ever, and unknown to whoever doesn't know the seed."""
    digest = hashlib.sha256(f"{seed}\n{image_id}\n{label_id}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big") % 10_000
    return Split.HELDOUT if draw < heldout_percent * 100 else Split.PUBLIC
