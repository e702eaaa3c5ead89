"""What is counted of a part of a release while its rows go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, repeat

from cats4ml.releases.reading import ReleasedPair
from cats4ml.rules.agreement import alpha_interval, krippendorff_alpha
from cats4ml.rules.answers import Tally
from cats4ml.rules.intervals import Interval
from cats4ml.rules.verdicts import Outcome, outcome_of
from cats4ml.submissions.models import TallySource

SEED = 2021  # of the interval of alpha: the same data, the same figures


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha of so many pairs; None where it is not defined."""

    value: float | None
    interval: Interval | None
    pairs: int


@dataclass
class LabelFigures:
    name: str
    pairs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass
class PartFigures:
    """`not_by_tally` and `not_by_row`: pairs whose verdict, or whose outcome, the seven released columns and the rule
    don't give. `tallies` are of all answers of a pair, `early` of its first two."""

    pairs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    adjudicated: int = 0
    imported: int = 0
    not_by_tally: int = 0
    not_by_row: int = 0
    ratings: int = 0
    counted: int = 0
    images: int = 0
    workers: set[str] = field(default_factory=set)
    policies: set[int] = field(default_factory=set)
    rosters: set[int] = field(default_factory=set)
    labels: dict[str, LabelFigures] = field(default_factory=dict)
    answers_a_pair: Counter[int] = field(default_factory=Counter)
    tallies: Counter[Tally] = field(default_factory=Counter)
    early: Counter[Tally] = field(default_factory=Counter)
    first_settled: datetime | None = None
    last_settled: datetime | None = None

    def add(self, pair: ReleasedPair) -> None:
        self.pairs += 1
        self.outcomes[pair.outcome] += 1
        self.adjudicated += pair.adjudicated
        self.imported += pair.tally_source == TallySource.IMPORTED
        self.not_by_tally += pair.by_tally != pair.verdict
        self.not_by_row += outcome_of(machine_yes=pair.machine_yes, verdict=pair.by_tally) != pair.outcome
        self.policies.add(pair.policy)
        if pair.roster is not None:
            self.rosters.add(pair.roster)
        label = self.labels.setdefault(pair.label_id, LabelFigures(pair.label_name))
        label.pairs += 1
        label.outcomes[pair.outcome] += 1
        first, last = self.first_settled, self.last_settled
        self.first_settled = min(first, pair.settled_at) if first else pair.settled_at
        self.last_settled = max(last, pair.settled_at) if last else pair.settled_at
        self._add_answers(pair)

    def _add_answers(self, pair: ReleasedPair) -> None:
        if pair.tally_source == TallySource.IMPORTED:
            self.tallies[pair.tally] += 1
            self.answers_a_pair[pair.tally.total] += 1
            return
        self.ratings += len(pair.answers)
        self.counted += pair.tally.total
        self.answers_a_pair[pair.tally.total] += 1
        self.workers.update(answer.worker for answer in pair.answers)
        given = [answer.answer for answer in pair.answers]
        self.tallies[Tally.of(given)] += 1
        self.early[Tally.of(given[:2])] += 1

    def alpha(self, *, early: bool = False, dont_know: bool = True) -> Alpha:
        """Over the pairs that were answered twice or more; `early`: by the first two answers alone."""
        tallies = {
            tally: times
            for tally, times in (self.early if early else self.tallies).items()
            if tally.yes + tally.no + (tally.dont_know if dont_know else 0) >= 2
        }
        return Alpha(
            value=krippendorff_alpha(_each(tallies), dont_know=dont_know),
            interval=alpha_interval(_each(tallies), seed=SEED, dont_know=dont_know),
            pairs=sum(tallies.values()),
        )

    def counts(self) -> dict[str, int]:
        """As `release.json` has them."""
        return {
            "pairs": self.pairs,
            **{outcome.value: self.outcomes[outcome.value] for outcome in Outcome},
            "adjudicated": self.adjudicated,
            "imported": self.imported,
            "ratings": self.ratings,
            "counted": self.counted,
            "images": self.images,
        }


def _each(tallies: dict[Tally, int]) -> Iterator[Tally]:
    # In an order of its own, whatever came first: sums of doubles depend on it.
    ordered = sorted(tallies.items(), key=lambda item: (item[0].yes, item[0].no, item[0].dont_know))
    return chain.from_iterable(repeat(tally, times) for tally, times in ordered)
