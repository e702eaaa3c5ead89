"""What raters say together, and what follows beside the machines: over every tally of up to seven answers."""

from __future__ import annotations

import csv
import os
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.verdicts import (
    ADVERSE,
    QUORUM_RULES,
    Outcome,
    Rule,
    Verdict,
    VerdictRule,
    Vote,
    is_adverse,
    outcome_of,
    read_votes,
    verdict_of,
)

TALLIES = [Tally(*counts) for counts in product(range(8), repeat=3) if sum(counts) <= 7]
DATA = Path(os.environ.get("CATS4ML_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
RELEASE = DATA / "cats4ml" / "release_part.csv"


def votes_of(tally: Tally) -> list[Vote]:
    answers = [Answer.YES] * tally.yes + [Answer.NO] * tally.no + [Answer.DONT_KNOW] * tally.dont_know
    return [Vote(answer) for answer in answers]


def side_with(yes: int, no: int, needed: float) -> Verdict:
    if yes > needed:
        return Verdict.YES
    return Verdict.NO if no > needed else Verdict.UNDECIDED


def test_majority_is_more_than_half_of_all_answers_and_dont_know_is_an_answer() -> None:
    found = {tally: verdict_of(tally, rule=VerdictRule.MAJORITY) for tally in TALLIES}
    assert found == {tally: side_with(tally.yes, tally.no, tally.total / 2) for tally in TALLIES}


@pytest.mark.parametrize("rule", sorted(set(VerdictRule) - {VerdictRule.MAJORITY}))
def test_majority_of_known_leaves_out_those_who_did_not_know_as_every_rule_does_with_a_finished_tally(
    rule: VerdictRule,
) -> None:
    found = {tally: verdict_of(tally, rule=rule) for tally in TALLIES}
    assert found == {tally: side_with(tally.yes, tally.no, (tally.yes + tally.no) / 2) for tally in TALLIES}


@pytest.mark.parametrize("rule", list(VerdictRule))
def test_yes_and_no_are_treated_alike(rule: VerdictRule) -> None:
    mirror = {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES, Verdict.UNDECIDED: Verdict.UNDECIDED}
    mirrored = [verdict_of(Tally(yes=one.no, no=one.yes, dont_know=one.dont_know), rule=rule) for one in TALLIES]
    assert mirrored == [mirror[verdict_of(one, rule=rule)] for one in TALLIES]


@pytest.mark.parametrize(("kind", "quorum"), list(product(sorted(QUORUM_RULES), range(1, 8))))
def test_no_verdict_before_the_whole_quorum_has_answered(kind: VerdictRule, quorum: int) -> None:
    readings = [read_votes(votes_of(tally), rule=Rule(kind=kind, quorum=quorum)) for tally in TALLIES]
    assert [(reading.verdict, reading.missing, reading.ratings) for reading in readings] == [
        (None, quorum - tally.total, tally.total)
        if tally.total < quorum
        else (verdict_of(tally, rule=kind), 0, tally.total)
        for tally in TALLIES
    ]


def test_three_of_five_decide() -> None:
    decided = {
        (tally.yes, tally.no, tally.dont_know): verdict_of(tally, rule="majority").value
        for tally in TALLIES
        if tally.total == 5 and max(tally.yes, tally.no) == 3
    }
    assert decided == {
        (3, 2, 0): "yes", (3, 1, 1): "yes", (3, 0, 2): "yes", (2, 3, 0): "no", (1, 3, 1): "no", (0, 3, 2): "no",
    }  # fmt: skip


def test_outcome_is_what_people_say_beside_what_machines_say() -> None:
    outcomes = {
        (said, verdict): outcome_of(machine_yes=said, verdict=verdict) for said in (True, False) for verdict in Verdict
    }
    assert outcomes == {
        (True, Verdict.YES): Outcome.AGREEMENT,
        (True, Verdict.NO): Outcome.FALSE_POSITIVE,
        (True, Verdict.UNDECIDED): Outcome.AMBIGUOUS,
        (False, Verdict.YES): Outcome.FALSE_NEGATIVE,
        (False, Verdict.NO): Outcome.AGREEMENT,
        (False, Verdict.UNDECIDED): Outcome.AMBIGUOUS,
    }
    assert {outcome for outcome in Outcome if is_adverse(outcome)} == ADVERSE
    assert [is_adverse(text) for text in ("false_negative", "false_positive", "agreement", "ambiguous", "", None)] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="loudest"):
        verdict_of(Tally(), rule="loudest")


@pytest.mark.parametrize("answers", list(product(Answer, repeat=4)))
def test_tally_counts_each_answer(answers: tuple[Answer, ...]) -> None:
    said = Counter(answer.value for answer in answers)
    assert Tally.of(answer.value for answer in answers) == Tally(said["yes"], said["no"], said["dont_know"])
    assert Tally.of(answers).total == 4


def test_tally_is_never_negative_and_takes_known_answers_only() -> None:
    with pytest.raises(ValueError, match="negative"):
        Tally(yes=-1)
    with pytest.raises(ValueError, match="perhaps"):
        Tally.of(["yes", "perhaps"])


@pytest.mark.skipif(not RELEASE.exists(), reason=f"the public release is not at {RELEASE}")
@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("majority", {"agreement": 1594, "ambiguous": 718, "false_negative": 1888, "false_positive": 443}),
        ("majority_of_known", {"agreement": 1866, "ambiguous": 281, "false_negative": 1970, "false_positive": 526}),
    ],
)
def test_rules_give_the_figures_of_the_public_release(rule: str, counts: dict[str, int]) -> None:
    with RELEASE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = Counter(
        outcome_of(
            machine_yes=row["machine_score"] == "1",
            verdict=verdict_of(
                Tally(int(row["hum_yes_rating"]), int(row["hum_no_rating"]), int(row["hum_dont_know_rating"])),
                rule=rule,
            ),
        ).value
        for row in rows
    )
    assert dict(found) == counts
