"""Outcomes in words, for the people who claimed the pair."""

from __future__ import annotations

from cats4ml.rules.answers import Tally
from cats4ml.rules.credit import NoCredit
from cats4ml.rules.verdicts import Outcome, Verdict

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SIDES = {Verdict.YES: "yes", Verdict.NO: "no"}
_OUTCOMES = {
    Outcome.FALSE_NEGATIVE: "a false negative",
    Outcome.FALSE_POSITIVE: "a false positive",
    Outcome.AGREEMENT: "an agreement",
    Outcome.AMBIGUOUS: "ambiguous",
}
_UNCREDITED = {
    NoCredit.KNOWN_UNKNOWN: ", but the machines were unsure: it earns nothing by this challenge’s rules",
    NoCredit.ADJUDICATED: ", but an expert decided it: by this challenge’s rules that earns nothing",
    NoCredit.NEAR_COPY: ", but a near-copy of this picture was claimed before: it earns nothing",
}


def count_in_words(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def _or_none(number: int) -> str:
    return count_in_words(number) if number else "none"


def _people(number: int, *, said: str) -> str:
    noun = "rater" if number == 1 else "raters"
    return f"{count_in_words(number)} {noun} {said}"


def settled_reason(
    *,
    tally: Tally,
    verdict: Verdict,
    outcome: Outcome,
    mean: float | None,
    machine_yes: bool,
    uncredited: NoCredit | None = None,
    adjudicated: bool = False,
) -> str:
    """Why a pair ended as it did: "Four of five raters said yes, the machines' mean was 0.08: a false negative.".

    Where an adverse pair is `uncredited` it says that too, and why; and where people and machines disagree and the pair
    is ambiguous all the same. `adjudicated`: an expert decided.
    """
    people = _expert(verdict) if adjudicated else _people_said(tally, verdict)
    said = "yes" if machine_yes else "no"
    machines = f"the machines said {said}" if mean is None else f"the machines’ mean was {mean:.2f}"
    if verdict in _SIDES and outcome is Outcome.AMBIGUOUS:
        machines += ", but this challenge asks more of an adverse pair"
    but = _UNCREDITED[uncredited] if uncredited else ""
    return f"{people[0].upper()}{people[1:]}, {machines}: {_OUTCOMES[outcome]}{but}."


def _expert(verdict: Verdict) -> str:
    side = _SIDES.get(verdict)
    return f"an expert said {side}" if side else "an expert said that it can’t be told"


def _people_said(tally: Tally, verdict: Verdict) -> str:
    if verdict is Verdict.UNDECIDED:
        said_yes = _people(tally.yes, said="said yes") if tally.yes else "nobody said yes"
        return f"{said_yes}, {_or_none(tally.no)} said no and {_or_none(tally.dont_know)} didn’t know"
    side, other = (tally.yes, tally.no) if verdict is Verdict.YES else (tally.no, tally.yes)
    word = _SIDES[verdict]
    if side <= other:
        counted = f"{count_in_words(tally.yes)} yes and {count_in_words(tally.no)} no"
        return f"weighed by how well each rater answers, {counted} make a {word}"
    if side == tally.total:
        return f"all {_people(side, said=f'said {word}')}" if side > 1 else f"the rater said {word}"
    return f"{count_in_words(side)} of {count_in_words(tally.total)} raters said {word}"


def adjudicated_reason(
    *,
    verdict: Verdict,
    reason: str,
    outcome: Outcome,
    mean: float | None,
    machine_yes: bool,
    uncredited: NoCredit | None = None,
) -> str:
    """Why a pair ended as it did that an expert decided: "An expert decided: yes. “The tail is in view.” The machines’
    mean was 0.08: a false negative."."""
    decided = "An expert looked too and could not tell." if verdict not in _SIDES else ""
    decided = decided or f"An expert decided: {_SIDES[verdict]}."
    machines = f"machines said {'yes' if machine_yes else 'no'}" if mean is None else f"machines’ mean was {mean:.2f}"
    but = _UNCREDITED[uncredited] if uncredited else ""
    return f"{decided} “{reason.strip()}” The {machines}: {_OUTCOMES[outcome]}{but}."


def too_few_classifiers(*, label: str, knowing: int, needed: int) -> str:
    """Why a pair can't be scored: "Only one classifier of the roster knows the label Bird; two are needed."."""
    if not knowing:
        return f"No classifier of the roster knows the label {label}."
    noun, know = ("classifier", "knows") if knowing == 1 else ("classifiers", "know")
    counted = f"{count_in_words(knowing)} {noun} of the roster {know}"
    return f"Only {counted} the label {label}; {count_in_words(needed)} are needed."


def points_in_words(points: int) -> str:
    return "No point." if not points else f"{points} point{'' if points == 1 else 's'}."
