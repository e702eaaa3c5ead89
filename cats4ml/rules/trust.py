"""How far a rater is trusted: how often they are asked a question whose answer is known, and when they are paused.

A pause is a question to the organiser and never a verdict: each signal is so made that an honest rater, also a quick
or a middling one, hardly ever meets it, and that who doesn't look at the pictures soon does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from statistics import median
from typing import NamedTuple

from cats4ml.rules.answers import Answer
from cats4ml.rules.intervals import wilson_interval
from cats4ml.rules.policy import Policy

# Trust begins where a coin is told apart from a rater, and is whole where 35 controls in a row were right.
CHANCE = 0.5
TRUSTED = 0.9

# Speed is judged over so many answers: fewer would punish somebody who answered a few easy ones at a glance.
FAST_ANSWERS = 20

# So many controls in a row that said otherwise make a run of one answer suspicious. Who is right on four of five
# misses four in a row once in 600 times.
SURE_MISSES = 4
# Without controls a run must be so many times as long as `same_answers`, and so long that an honest rater would have
# it once in a million times.
LONGER_RUN = 4
ONCE_IN = 1e6

# Controls are judged over the last so many: long enough to tell guessing from care, short enough to see a change.
CONTROLS_LOOKED_AT = 60
# How seldom somebody halfway between the wanted share and perfect may have so few right by chance.
BY_CHANCE = 0.001


class Signal(StrEnum):
    """Why a rater is paused, by the names that `review.models.PauseCause` has for them."""

    TOO_FAST = "too_fast"
    SAME_ANSWER = "same_answer"
    CONTROLS = "controls"
    WARM_UP = "warm_up"


class Suspicion(NamedTuple):
    """A signal and the figures that led to it, as JSON keeps them."""

    signal: Signal
    figures: dict[str, int | float | str]


@dataclass(frozen=True)
class Given:
    """One final answer: `seconds` from the picture in view to the answer; `truth` where it is to a control question."""

    answer: Answer
    seconds: float
    truth: Answer | None = None

    @property
    def right(self) -> bool:
        return self.answer == self.truth


def control_rate(right: int, answered: int, *, policy: Policy) -> float:
    """The share of controls among a rater's next questions.

    It falls from `control_percent` to `control_percent_least` as the lower end of the 95% interval (Wilson) of the
    share of controls they had right rises from `CHANCE` to `TRUSTED`. A new rater has no interval and no trust. A don't
    know is not right: experts knew.
    """
    interval = wilson_interval(right, answered)
    trust = 0.0 if interval is None else (interval.low - CHANCE) / (TRUSTED - CHANCE)
    trust = max(0.0, min(1.0, trust))
    return (policy.control_percent + trust * (policy.control_percent_least - policy.control_percent)) / 100.0


def is_control_due(draw: float, *, rate: float) -> bool:
    """Whether the next question is a control. `draw`: a number in [0, 1) that the rater can't foresee, a keyed hash of
    their last question, say; so there is no period to find out."""
    return draw < rate


class WarmUp(NamedTuple):
    """Where a rater's warm-up stands.

    `done` of `of` questions are answered. `wants`: whether another warm-up question is to be asked. `failed`: it is
    over, and too few were right.
    """

    done: int
    of: int
    wants: bool
    failed: bool


def warm_up_needs(questions: int, *, policy: Policy) -> int:
    """How many of so many warm-up questions must be right."""
    return math.ceil(questions * policy.controls_right_percent / 100)


def warm_up(answers: Sequence[bool], held: int, left: int, passed: int = 0, *, policy: Policy) -> WarmUp:
    """Judge a warm-up by its answers so far, oldest first (True: right).

    `held`: questions of it in the rater's hands, not answered yet. `left`: further questions that there are. As long as
    it is open how it ends, nothing else is asked: so it may take one question more than it has, because the next
    question is given out ahead. Who fails is warmed up a second time with as many other questions, where there are so
    many. Where an edition has fewer questions than the policy wants, the warm-up is as short as that.

    `passed`: questions that they skipped, reported or answered too late. Others take their place; where there are no
    others they count as not right, so that nobody gets round a warm-up by passing its questions over.
    """
    there = len(answers) + held + left
    size = min(policy.warm_up, there + passed)
    asked = min(size, there)
    first = _round(answers[:size], size, policy, missed=size - asked)
    if first != "failed":
        # What is asked while the end is open adds to the whole.
        extra = max(0, len(answers) + held - size)
        wants = len(answers) + held < asked or (first == "open" and left > 0)
        return WarmUp(len(answers), asked + extra, wants, failed=False)
    again = answers[size:]
    if not again and held + left < size:
        return WarmUp(len(answers), len(answers) + held, wants=False, failed=True)
    # One that they skip may be the last one there was; one that is retired meanwhile is held against nobody.
    other = min(size, len(again) + held + left)
    missed = min(size - other, passed)
    second = _round(again[:other], other + missed, policy, missed=missed)
    extra = max(0, len(again) + held - other)
    wants = len(again) + held < other or (second == "open" and left > 0)
    return WarmUp(len(answers), size + other + extra, wants and second != "failed", failed=second == "failed")


def _round(answers: Sequence[bool], size: int, policy: Policy, *, missed: int) -> str:
    """How one round stands: failed, passed or open. Failed only when it is answered to the end; `missed` of it never
    can be, for nothing is left to ask."""
    needed = warm_up_needs(size, policy=policy)
    right = sum(answers)
    if right >= needed:
        return "passed"
    return "failed" if len(answers) + missed >= size else "open"


def too_fast(answers: Sequence[Given], *, policy: Policy) -> Suspicion | None:
    """Answers faster than a look takes: the median of the last `FAST_ANSWERS` is below `fast_seconds`.

    By the median a few quick ones are nobody's fault: more than half of them must be too quick. Recorded answers that
    were given elsewhere have no time (0 seconds) and say nothing.
    """
    last = [one for one in answers if one.seconds > 0][-FAST_ANSWERS:]
    if len(last) < FAST_ANSWERS:
        return None
    middle = median(one.seconds for one in last)
    if middle >= policy.fast_seconds:
        return None
    return Suspicion(
        Signal.TOO_FAST,
        {"answers": len(last), "median_seconds": round(middle, 2), "fast_seconds": policy.fast_seconds},
    )


def same_answer(answers: Sequence[Given], *, policy: Policy, share: float = 0.5) -> Suspicion | None:
    """The same answer `same_answers` times in a row, in spite of `SURE_MISSES` controls that say otherwise.

    In an edition whose truth is nearly always the same an honest rater gives long runs too, but breaks them at the
    first control of the other truth. Where no control tells the two apart, the run must be `LONGER_RUN` times as long,
    and longer than chance makes it where this answer's `share` of all is as usual.
    """
    if not policy.same_answers or not answers:
        return None
    answer = answers[-1].answer
    run = list(takewhile(lambda one: one.answer == answer, reversed(answers)))
    missed = sum(one.truth is not None and not one.right for one in run)
    needed = policy.same_answers if missed >= SURE_MISSES else longest_honest_run(share, policy=policy)
    if len(run) < needed:
        return None
    return Suspicion(Signal.SAME_ANSWER, {"answer": answer.value, "in_a_row": len(run), "controls_against_it": missed})


def longest_honest_run(share: float, *, policy: Policy) -> int:
    """How long a run of an answer must be to be suspicious without controls. `share`: how often it is given at all."""
    usual = max(0.01, min(0.99, share))
    return max(LONGER_RUN * policy.same_answers, math.ceil(-math.log(ONCE_IN) / math.log(usual)))


def controls_failing(answers: Sequence[Given], *, policy: Policy) -> Suspicion | None:
    """Too few of the last `CONTROLS_LOOKED_AT` controls right, and more than chance explains.

    Fewer than `controls_right_percent` of those to which they gave a yes or a no, and so few that somebody halfway
    between that share and perfect would have them less often than `BY_CHANCE` (the exact binomial tail). A don't know
    is honest: it lowers the trust, but pauses nobody.
    """
    known = [one for one in answers if one.truth is not None and one.answer is not Answer.DONT_KNOW]
    known = known[-CONTROLS_LOOKED_AT:]
    right, wanted = sum(one.right for one in known), policy.controls_right_percent / 100
    if right >= wanted * len(known) or binomial_tail(right, len(known), (1 + wanted) / 2) >= BY_CHANCE:
        return None
    return Suspicion(
        Signal.CONTROLS,
        {"right": right, "answered": len(known), "wanted_percent": policy.controls_right_percent},
    )


def binomial_tail(successes: int, trials: int, chance: float) -> float:
    """How likely at most so many successes are."""
    return math.fsum(
        math.comb(trials, number) * chance**number * (1 - chance) ** (trials - number)
        for number in range(successes + 1)
    )
