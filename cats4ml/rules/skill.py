"""How well a rater tells yes from no: what their answers are worth as evidence.

Two coins (Dawid, Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28, 1979): a rater answers in one way where the truth is yes and in another where it is no. One coin: they
are as often right on the one side as on the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from cats4ml.rules.answers import Answer

# No single answer is worth more, however good its rater is said to be: skill is an estimate, and fingers slip.
MOST_EVIDENCE = math.log(19.0)

# So many answers is the pooled prior worth beside a rater's own, on each side: raters of one challenge differ less than
# what chance makes of a dozen controls. `compare_rules` finds 8 to 32 alike, with all controls and with five a rater.
PRIOR_ANSWERS = 16.0


class Odds(NamedTuple):
    """How often an answer is given, in the order of `Answer`: shares that add up to 1, or counts."""

    yes: float
    no: float
    dont_know: float

    def of(self, answer: Answer) -> float:
        return {Answer.YES: self.yes, Answer.NO: self.no, Answer.DONT_KNOW: self.dont_know}[answer]

    @property
    def total(self) -> float:
        return self.yes + self.no + self.dont_know

    def plus(self, other: Odds) -> Odds:
        return Odds(self.yes + other.yes, self.no + other.no, self.dont_know + other.dont_know)

    def times(self, factor: float) -> Odds:
        return Odds(self.yes * factor, self.no * factor, self.dont_know * factor)

    def shares(self) -> Odds:
        return self.times(1.0 / self.total)


NOTHING = Odds(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Record:
    """How often a rater gave each answer where the truth was yes, and where it was no. Counts, whole where the truth
    is known, parts where it is only likely."""

    if_yes: Odds = NOTHING
    if_no: Odds = NOTHING

    def plus(self, other: Record) -> Record:
        return Record(self.if_yes.plus(other.if_yes), self.if_no.plus(other.if_no))

    @property
    def total(self) -> float:
        return self.if_yes.total + self.if_no.total


@dataclass(frozen=True)
class Skill:
    """How likely each answer of a rater is where the truth is yes, and where it is no."""

    if_yes: Odds
    if_no: Odds

    def evidence(self, answer: Answer, *, dont_know: bool = False) -> float:
        """The logarithm of how much likelier the answer is where the truth is yes, within ±`MOST_EVIDENCE`.

        `dont_know`: whether that answer says something too; if not it is worth 0, and the others are taken among those
        who knew.
        """
        if answer is Answer.DONT_KNOW and not dont_know:
            return 0.0
        yes, no = self.if_yes.of(answer), self.if_no.of(answer)
        if not dont_know:
            yes, no = yes / (self.if_yes.yes + self.if_yes.no), no / (self.if_no.yes + self.if_no.no)
        return max(-MOST_EVIDENCE, min(MOST_EVIDENCE, math.log(yes / no)))


# What is assumed where nothing is known of anybody: four of five are right among those who know.
AVERAGE = Skill(if_yes=Odds(0.74, 0.18, 0.08), if_no=Odds(0.18, 0.74, 0.08))


def pooled_skill(records: Iterable[Record]) -> Skill:
    """The skill of all raters together, drawn a little towards `AVERAGE`."""
    total = Record()
    for record in records:
        total = total.plus(record)
    return skilled(total, prior=AVERAGE)


def posterior_counts(record: Record, *, prior: Skill, coins: int = 2, strength: float = PRIOR_ANSWERS) -> Record:
    """The posterior of a rater's skill, as the parameters of a Dirichlet distribution for each side: the record and
    the prior, which counts as `strength` answers on each side.

    With one `coin` both sides are learned together, as right, wrong and don't know.
    """
    if coins == 1:
        both = record.if_no.plus(Odds(record.if_yes.no, record.if_yes.yes, record.if_yes.dont_know))
        record = Record(if_yes=Odds(both.no, both.yes, both.dont_know), if_no=both)
    return record.plus(Record(if_yes=prior.if_yes.times(strength), if_no=prior.if_no.times(strength)))


def skilled(record: Record, *, prior: Skill, coins: int = 2, strength: float = PRIOR_ANSWERS) -> Skill:
    """The mean of the posterior of a rater's skill (`posterior_counts`)."""
    counts = posterior_counts(record, prior=prior, coins=coins, strength=strength)
    return Skill(if_yes=counts.if_yes.shares(), if_no=counts.if_no.shares())
