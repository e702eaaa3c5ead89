"""What the demo's simulated raters say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cats4ml.console.demo_seeds import FINDERS, Seed, Target, answer_of, choose_seeds, said_of
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import verdict_of

POLICY = Policy()
SEEDS = [Seed(FINDERS[0], f"digits-{place:05}", str(place % 10), POLICY.quorum) for place in range(400)]


def test_raters_part_over_some_pairs_and_never_so_that_a_verdict_turns() -> None:
    tallies = [Tally.of(said_of(seed, seed.label_id, POLICY)) for seed in SEEDS]
    assert {verdict_of(tally, rule=POLICY.verdict_rule) for tally in tallies} == {"yes"}
    kinds = Counter((tally.yes, tally.no, tally.dont_know) for tally in tallies)
    assert set(kinds) == {(5, 0, 0), (4, 1, 0), (4, 0, 1)}
    assert 60 < kinds[4, 1, 0] + kinds[4, 0, 1] < 140
    assert kinds[4, 0, 1] < kinds[4, 1, 0]


def test_a_pair_that_waits_for_its_last_answer_is_not_divided() -> None:
    waiting = [Seed(seed.finder, seed.image_id, seed.label_id, POLICY.quorum - 1) for seed in SEEDS]
    assert {tuple(said_of(seed, "x", POLICY)) for seed in waiting} == {(Answer.NO,) * 4}


def test_the_same_pair_is_answered_alike_at_every_set_up() -> None:
    assert [said_of(seed, "3", POLICY) for seed in SEEDS] == [said_of(seed, "3", POLICY) for seed in SEEDS]


def test_whoever_rates_in_the_demo_finds_enough_that_waits_and_neither_answer_is_the_usual_one() -> None:
    targets = [plain_scan(f"digits-{place:05}", str(place % 10)) for place in range(200)]
    waiting = [seed for seed in choose_seeds(targets, POLICY) if seed.answers == POLICY.quorum - 1]
    digits = {target.image_id: target.digit for target in targets}
    answers = Counter(answer_of(digits[seed.image_id], seed.label_id) for seed in waiting)
    assert answers == {Answer.YES: 15, Answer.NO: 15}


def plain_scan(image_id: str, digit: str) -> Target:
    return Target(image_id, Path(image_id), digit, {label: float(label == digit) for label in "0123456789"})
