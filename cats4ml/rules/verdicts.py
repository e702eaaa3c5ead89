"""What the raters say together, whether another rater is worth asking, and what follows beside the machines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cats4ml.rules.answers import Tally


class VerdictRule(StrEnum):
    """`MAJORITY`: more than half of all answers are the same yes or no; don't know counts as an answer (the rule
    that reproduces the published figures of 2021). `MAJORITY_OF_KNOWN`: more yes than no, or more no than yes,
    among those who knew."""

    MAJORITY = "majority"
    MAJORITY_OF_KNOWN = "majority_of_known"


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


class Outcome(StrEnum):
    FALSE_NEGATIVE = "false_negative"
    FALSE_POSITIVE = "false_positive"
    AGREEMENT = "agreement"
    AMBIGUOUS = "ambiguous"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


ADVERSE = frozenset({Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE})


@dataclass(frozen=True)
class Reading:
    """What a rule makes of a tally: `verdict` is None as long as the pair is not settled; `missing` is how many
    more raters it asks for."""

    verdict: Verdict | None
    missing: int

    @property
    def settled(self) -> bool:
        return self.verdict is not None


def verdict_of(tally: Tally, *, rule: VerdictRule | str) -> Verdict:
    """The verdict of a finished tally, however many answers it holds. An even split is undecided, never a coin."""
    rule = VerdictRule(rule)
    needed = tally.total if rule is VerdictRule.MAJORITY else tally.yes + tally.no
    if 2 * tally.yes > needed:
        return Verdict.YES
    if 2 * tally.no > needed:
        return Verdict.NO
    return Verdict.UNDECIDED


def read_tally(tally: Tally, *, rule: VerdictRule | str, quorum: int) -> Reading:
    """Both rules wait for the whole quorum, so that the number of answers never depends on what they were."""
    missing = max(0, quorum - tally.total)
    return Reading(verdict=None if missing else verdict_of(tally, rule=rule), missing=missing)


def outcome_of(*, machine_yes: bool, verdict: Verdict) -> Outcome:
    """A false negative: people see it and the machines don't. A false positive: the other way round."""
    if verdict is Verdict.UNDECIDED:
        return Outcome.AMBIGUOUS
    people_yes = verdict is Verdict.YES
    if people_yes == machine_yes:
        return Outcome.AGREEMENT
    return Outcome.FALSE_NEGATIVE if people_yes else Outcome.FALSE_POSITIVE


def is_adverse(outcome: Outcome | str | None) -> bool:
    return outcome in ADVERSE
