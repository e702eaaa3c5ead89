"""The answers of a part, handed out pair by pair: they stand in the order of the pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cats4ml_client.verifying.pair_rows import Row
from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.reading import Line, a_number, csv_lines
from cats4ml_client.verifying.recounting import ANSWERS, Tally

RATING_COLUMNS = ("task", "worker", "label", "seconds", "counted", "evidence")
_SECONDS = re.compile(r"\d+\.\d{3}")
_WORKER = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Vote:
    """An answer that the verdict was read from. `evidence` is what it was worth, where that is told."""

    answer: str
    evidence: float | None
    line: Line


@dataclass
class Votes:
    """The answers to one pair: how many there are, and those that count."""

    all: int = 0
    counted: list[Vote] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        return Tally(*(sum(vote.answer == answer for vote in self.counted) for answer in ANSWERS))


class RatingsByPair:
    """`workers` gathers who answered."""

    def __init__(self, place: Place, name: str, workers: set[str]) -> None:
        self._lines: Iterator[Line] = csv_lines(place, name, RATING_COLUMNS)
        self._workers = workers
        self._next = next(self._lines, None)

    def of(self, row: Row) -> Votes:
        """The answers to the pair whose turn it is."""
        votes = Votes()
        asked: set[str] = set()
        while self._next is not None and self._next.cells[0] == row.task:
            line = self._next
            _, worker, answer, seconds, counted, evidence = line.cells
            if answer not in ANSWERS or counted not in ("0", "1") or not _SECONDS.fullmatch(seconds):
                raise line.differs("It is no answer in the words of the format.", found=",".join(line.cells))
            if not _WORKER.fullmatch(worker) or worker in asked:
                raise line.differs("A rater answers a pair once, under a name of sixteen digits.", found=worker)
            asked.add(worker)
            votes.all += 1
            if counted == "1":
                votes.counted.append(Vote(answer, _evidence(line, evidence), line))
            elif evidence:
                raise line.differs("An answer that does not count is worth nothing.", expected="", found=evidence)
            self._next = next(self._lines, None)
        self._workers |= asked
        return votes

    def end(self) -> None:
        """Raises `Difference` for an answer that no pair was asked for."""
        if self._next is not None:
            raise self._next.differs(
                "It answers a pair that is not here, or not in the order of the pairs.", found=self._next.cells[0]
            )


def _evidence(line: Line, text: str) -> float | None:
    if not text:
        return None
    value = a_number(text)
    if value is None or repr(value) != text:
        raise line.differs("evidence should be a number, in the shortest way that gives it again.", found=text)
    return value
