"""What the demo's simulated raters say."""

from __future__ import annotations

from collections import Counter

from cats4ml.console.demo_seeds import FINDERS, Seed, said_of
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
