"""The states of a pair and the moves between them, as one literal table."""

from __future__ import annotations

from enum import StrEnum


class PairState(StrEnum):
    QUEUED = "queued"
    UNSCORABLE = "unscorable"
    IN_REVIEW = "in_review"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


TRANSITIONS: dict[PairState, dict[PairState, str]] = {
    PairState.QUEUED: {
        PairState.IN_REVIEW: "scored",
        PairState.UNSCORABLE: "picture can't be scored",
        PairState.WITHDRAWN: "last claim retracted, or taken out by an organiser",
    },
    PairState.UNSCORABLE: {
        PairState.QUEUED: "requeued",
        PairState.WITHDRAWN: "last claim retracted, or taken out by an organiser",
    },
    PairState.IN_REVIEW: {
        PairState.SETTLED: "verdict reached",
        PairState.QUEUED: "scored again",
        PairState.WITHDRAWN: "last claim retracted, or taken out by an organiser",
    },
    PairState.SETTLED: {
        PairState.IN_REVIEW: "reopened with a reason",
        PairState.WITHDRAWN: "taken out by an organiser",
    },
    PairState.WITHDRAWN: {
        PairState.QUEUED: "claimed again, or put back by an organiser",
    },
}


class IllegalMove(ValueError):
    """A move that the table does not have."""


def check_move(source: PairState | str, target: PairState | str) -> None:
    """Raises `IllegalMove` unless a pair may go from `source` to `target`."""
    if PairState(target) not in TRANSITIONS[PairState(source)]:
        raise IllegalMove(f"a pair can't go from {source} to {target}")


def mermaid() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {PairState.QUEUED}: claimed"]
    for source, moves in TRANSITIONS.items():
        lines += [f"    {source} --> {target}: {why}" for target, why in moves.items()]
    return "\n".join(lines) + "\n"
