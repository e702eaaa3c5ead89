"""What a rater can answer, and the count of such answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    DONT_KNOW = "dont_know"

    @property
    def label(self) -> str:
        return {"yes": "Yes", "no": "No", "dont_know": "Don’t know"}[self.value]


@dataclass(frozen=True)
class Tally:
    """How many raters gave each answer to one pair. Raises `ValueError` where a count is negative."""

    yes: int = 0
    no: int = 0
    dont_know: int = 0

    def __post_init__(self) -> None:
        if min(self.yes, self.no, self.dont_know) < 0:
            raise ValueError(f"a tally can't be negative: {self}")

    @property
    def total(self) -> int:
        return self.yes + self.no + self.dont_know

    @classmethod
    def of(cls, answers: Iterable[Answer | str]) -> Tally:
        """Raises `ValueError` where one is no answer. Counted in place: previews do this a million times."""
        given = list(answers)
        tally = cls(given.count(Answer.YES), given.count(Answer.NO), given.count(Answer.DONT_KNOW))
        if tally.total != len(given):
            raise ValueError(f"no answers: {sorted({str(one) for one in given} - set(Answer))}")
        return tally
