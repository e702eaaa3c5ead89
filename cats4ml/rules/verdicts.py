"""What the raters say together, whether another rater is worth asking, and what follows beside the machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.skill import AVERAGE, MOST_EVIDENCE, Skill


class VerdictRule(StrEnum):
    """`MAJORITY`: more than half of all answers are the same yes or no; don't know counts as an answer (the rule
    that reproduces the published figures of 2021). `MAJORITY_OF_KNOWN`: more yes than no, or more no than yes,
    among those who knew. Both wait for the whole quorum. `LEAD`: the first answer that is ahead by so many. `WEIGHTED`:
    each answer counts by its rater's skill, until it is sure enough."""

    MAJORITY = "majority"
    MAJORITY_OF_KNOWN = "majority_of_known"
    LEAD = "lead"
    WEIGHTED = "weighted"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


# Whatever is known of a rater, nobody settles a pair alone.
LEAST_RATERS = 2

QUORUM_RULES = frozenset({VerdictRule.MAJORITY, VerdictRule.MAJORITY_OF_KNOWN})


class DontKnow(StrEnum):
    """What a don't know is. `ANSWER`: it takes a place and sides with nobody. `REPLACED`: somebody else is asked
    instead, up to `max_ratings` answers (quorum rules only). `EVIDENCE`: it counts by how often its rater gives it
    where the truth is yes, and where it is no (`WEIGHTED` only)."""

    ANSWER = "answer"
    REPLACED = "replaced"
    EVIDENCE = "evidence"


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


SIDES = (Verdict.YES, Verdict.NO)


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
class Rule:
    """A verdict rule with its parameters; `Policy.rule` gives the one in force.

    `quorum`: answers that the quorum rules wait for. `lead`: answers ahead. `max_ratings`: where `LEAD` and `WEIGHTED`
    give up asking. `bound`: how sure `WEIGHTED` must be. `min_ratings` and `min_lead`: what a verdict that makes the
    pair adverse needs besides.
    """

    kind: VerdictRule = VerdictRule.MAJORITY
    quorum: int = 5
    lead: int = 2
    max_ratings: int = 9
    bound: float = 0.93
    dont_know: DontKnow = DontKnow.ANSWER
    min_ratings: int = 1
    min_lead: int = 1

    @property
    def most(self) -> int:
        """The most answers that a pair may take."""
        if self.kind in QUORUM_RULES:
            return max(self.quorum, self.max_ratings) if self.dont_know is DontKnow.REPLACED else self.quorum
        return self.max_ratings


@dataclass(frozen=True)
class Vote:
    """One rater's answer, with what is known of the rater."""

    answer: Answer
    skill: Skill = AVERAGE


@dataclass(frozen=True)
class Reading:
    """What a rule makes of the answers so far.

    `verdict` is None as long as the pair is not settled. `posterior`: how likely yes is by the raters' skills, whatever
    the rule. `ratings`: how many answers were given. `missing`: the fewest further answers with which the pair could
    be settled, so that so many raters may be asked at once without one too many.
    """

    verdict: Verdict | None
    posterior: float
    ratings: int
    missing: int

    @property
    def settled(self) -> bool:
        return self.verdict is not None

    @property
    def worth_asking(self) -> bool:
        """Whether another rater should be asked."""
        return self.missing > 0


def verdict_of(tally: Tally, *, rule: VerdictRule | str) -> Verdict:
    """The verdict of a finished tally, however many answers it holds. An even split is undecided, never a coin.

    Of a tally nothing is known of who gave its answers: all rules but `MAJORITY` read it as `MAJORITY_OF_KNOWN`.
    """
    needed = tally.total if VerdictRule(rule) is VerdictRule.MAJORITY else tally.yes + tally.no
    if 2 * tally.yes > needed:
        return Verdict.YES
    if 2 * tally.no > needed:
        return Verdict.NO
    return Verdict.UNDECIDED


def read_votes(
    votes: Sequence[Vote],
    *,
    rule: Rule,
    prior_yes: float = 0.5,
    machine_yes: bool | None = None,
    least: int = 0,
) -> Reading:
    """Read final answers by a rule.

    `prior_yes`: how often the truth is yes among such pairs, before anybody is asked. `machine_yes`: what the machines
    say, where a verdict that makes the pair adverse needs more (`min_ratings`, `min_lead`): short of it others are
    asked while the rule may, and then `outcome_of` says ambiguous. `least`: answers without which a reopened pair is
    not settled.
    """
    tally = Tally.of(vote.answer for vote in votes)
    log_odds = _log_odds(votes, prior_yes, reads_dont_know=rule.dont_know is DontKnow.EVIDENCE)
    missing = _missing(tally, log_odds, rule, least, machine_yes=machine_yes)
    most = max(rule.most, least)
    verdict = None if missing else _decided(tally, log_odds, rule)
    if verdict is not None and machine_yes is not None and tally.total < most:
        missing = _short_of_credit(tally, verdict, rule, machine_yes=machine_yes)
        if missing:
            missing = min(missing, most - tally.total, _until_it_turns(tally, log_odds, verdict, rule))
            verdict = None
    return Reading(verdict, 1.0 / (1.0 + math.exp(-log_odds)), tally.total, missing)


def _log_odds(votes: Sequence[Vote], prior_yes: float, *, reads_dont_know: bool) -> float:
    prior = math.log(prior_yes / (1.0 - prior_yes))
    return prior + math.fsum(vote.skill.evidence(vote.answer, dont_know=reads_dont_know) for vote in votes)


def _missing(tally: Tally, log_odds: float, rule: Rule, least: int, *, machine_yes: bool | None) -> int:
    """The fewest further answers before the rule itself may stop."""
    left = max(rule.most, least) - tally.total
    if rule.kind in QUORUM_RULES:
        given = tally.total if rule.dont_know is not DontKnow.REPLACED else tally.yes + tally.no
        wanted = max(rule.quorum - given, least - tally.total)
    elif rule.kind is VerdictRule.LEAD:
        wanted = max(
            min(_short_of_lead(tally, side, rule, machine_yes=machine_yes) for side in SIDES), least - tally.total
        )
    else:
        short = _logit(rule.bound) - abs(log_odds)
        # Nobody’s word is worth more than MOST_EVIDENCE.
        wanted = max(math.ceil(round(short / MOST_EVIDENCE, 9)), least - tally.total, LEAST_RATERS - tally.total)
    return max(0, min(wanted, left))


def _short_of_lead(tally: Tally, side: Verdict, rule: Rule, *, machine_yes: bool | None) -> int:
    """The fewest further answers with which `LEAD` could settle on this side."""
    short = rule.lead - _ahead(tally, side)
    if machine_yes is None:
        return short
    return max(short, _short_of_credit(tally, side, rule, machine_yes=machine_yes))


def _ahead(tally: Tally, side: Verdict) -> int:
    return tally.yes - tally.no if side is Verdict.YES else tally.no - tally.yes


def _decided(tally: Tally, log_odds: float, rule: Rule) -> Verdict:
    if rule.kind is not VerdictRule.WEIGHTED:
        return verdict_of(tally, rule=rule.kind)
    # What adds up to nothing in exact numbers must not become a verdict by the last binary digit.
    if abs(log_odds) < 1e-9:
        return Verdict.UNDECIDED
    return Verdict.YES if log_odds > 0 else Verdict.NO


def _short_of_credit(tally: Tally, verdict: Verdict, rule: Rule, *, machine_yes: bool) -> int:
    """The fewest further answers that an adverse verdict needs to count as one; 0 for another verdict."""
    if not is_adverse(outcome_of(machine_yes=machine_yes, verdict=verdict)):
        return 0
    return max(0, rule.min_ratings - tally.total, rule.min_lead - _ahead(tally, verdict))


def _until_it_turns(tally: Tally, log_odds: float, verdict: Verdict, rule: Rule) -> int:
    """The fewest further answers with which a rule that has its yes or no could say something else."""
    if rule.kind is VerdictRule.MAJORITY:
        return 2 * (tally.yes if verdict is Verdict.YES else tally.no) - tally.total
    if rule.kind is VerdictRule.WEIGHTED:
        return max(1, math.ceil(round((abs(log_odds) + _logit(rule.bound)) / MOST_EVIDENCE, 9)))
    return max(1, _ahead(tally, verdict))


def is_enough(tally: Tally, *, verdict: Verdict, rule: Rule) -> bool:
    """Whether so many answers carry a verdict that makes a pair adverse."""
    return tally.total >= rule.min_ratings and _ahead(tally, verdict) >= rule.min_lead


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


def outcome_of(*, machine_yes: bool, verdict: Verdict, enough: bool = True) -> Outcome:
    """A false negative: people see it and the machines don't. A false positive: the other way round.

    `enough`: whether the answers carry a verdict that makes the pair adverse (`is_enough`); short of it the pair is
    ambiguous.
    """
    if verdict is Verdict.UNDECIDED:
        return Outcome.AMBIGUOUS
    people_yes = verdict is Verdict.YES
    if people_yes == machine_yes:
        return Outcome.AGREEMENT
    if not enough:
        return Outcome.AMBIGUOUS
    return Outcome.FALSE_NEGATIVE if people_yes else Outcome.FALSE_POSITIVE


def is_adverse(outcome: Outcome | str | None) -> bool:
    return outcome in ADVERSE
