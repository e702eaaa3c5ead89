"""The ledger read as what it is: entries that give, and entries that take back exactly what another gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

REVERSED = "reversed"


@dataclass(frozen=True)
class Entry:
    """One entry about one pair. `reverses` is the entry that a `reversed` one takes back."""

    id: int
    kind: str
    submission: int
    participation: int
    points: int
    adverse: int
    outcome: str
    reverses: int | None = None


class BrokenLedger(ValueError):
    """Entries that don't fit together. `entry` is the number of the first that doesn't."""

    def __init__(self, entry: int, words: str) -> None:
        super().__init__(words)
        self.entry = entry


def standing_entries(entries: Sequence[Entry]) -> list[Entry]:
    """The entries about one pair, in their order, that were not taken back since.

    Raises `BrokenLedger` where an entry takes back what is not there, what was taken back before, or something else
    than was given; and where two stand at once.
    """
    standing: dict[int, Entry] = {}
    for entry in entries:
        if entry.kind != REVERSED:
            standing[entry.id] = entry
            if len(standing) > 1:
                raise BrokenLedger(entry.id, f"entry {entry.id} gives what another entry gives already")
            continue
        given = standing.pop(entry.reverses or 0, None)
        if given is None:
            raise BrokenLedger(entry.id, f"entry {entry.id} takes back what no entry gives")
        if _undone(entry) != (given.submission, given.participation, given.points, given.adverse, given.outcome):
            raise BrokenLedger(entry.id, f"entry {entry.id} takes back something else than entry {given.id} gave")
    return list(standing.values())


def _undone(entry: Entry) -> tuple[int, int, int, int, str]:
    return entry.submission, entry.participation, -entry.points, -entry.adverse, entry.outcome
