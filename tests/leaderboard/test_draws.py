"""Drawing ranks and rates, of arrays alone: the same as the rules say of each pair, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from cats4ml.leaderboard.drawn_evidence import Evidence, Mode
from cats4ml.leaderboard.draws import BLOCK, drawn_points, generator, rank_ranges, rate_interval
from cats4ml.rules.answers import Answer
from cats4ml.rules.ranking import RankRange
from cats4ml.rules.skill import AVERAGE, Odds, Record, Skill
from cats4ml.rules.verdicts import DontKnow, Rule, VerdictRule, Vote, read_votes

YES, NO, DONT_KNOW = Answer
TWO_COINS = Mode(coins=2, reads_dont_know=False)
SURE = 1e9  # so many answers leave nothing open about a rater


def surely(skill: Skill) -> Record:
    return Record(if_yes=skill.if_yes.times(SURE), if_no=skill.if_no.times(SURE))


def evidence(pairs: list[tuple[int, bool, float, list[int]]], **changes: object) -> Evidence:
    """Pairs as (line, whether the machines say yes, prior of yes, votes)."""
    prior = np.array([one[2] for one in pairs], np.float64)
    values: dict[str, object] = {
        "lines": sorted({one[0] for one in pairs}),
        "raters": [1, 2],
        "modes": [TWO_COINS],
        "line": np.array([one[0] for one in pairs], np.int32),
        "worth": np.ones(len(pairs), np.int32),
        "earned": np.zeros(len(pairs), np.int32),
        "prior": np.log(prior / (1 - prior)).astype(np.float32),
        "contradicts": np.array([-1.0 if one[1] else 1.0 for one in pairs], np.float32),
        "starts": np.cumsum([0, *(len(one[3]) for one in pairs)]).astype(np.int64),
        "votes": np.array([vote for one in pairs for vote in one[3]], np.int32),
        "certain": 0,
    }
    return Evidence(**(values | changes))  # type: ignore[arg-type]


def share(found: Evidence, posteriors: list[list[Record]], draws: int = 20_000) -> float:
    return float(drawn_points(found, posteriors, points=[0], seed=1, draws=draws).mean())


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(
    ("machine_yes", "answers"),
    [(False, [YES, YES]), (False, [YES, NO]), (True, [YES, NO]), (True, [NO, DONT_KNOW]), (False, [])],
)
def test_a_pair_is_drawn_as_often_against_the_machines_as_its_posterior_says(machine_yes, answers, reads) -> None:
    sharp = Skill(if_yes=Odds(0.6, 0.1, 0.3), if_no=Odds(0.05, 0.85, 0.1))
    skills = [AVERAGE, sharp]
    votes = [3 * rater + list(Answer).index(answer) for rater, answer in enumerate(answers)]
    rule = Rule(kind=VerdictRule.WEIGHTED, dont_know=DontKnow.EVIDENCE if reads else DontKnow.ANSWER)
    said = [Vote(answer, skills[rater]) for rater, answer in enumerate(answers)]
    likely_yes = read_votes(said, rule=rule, prior_yes=0.3).posterior
    found = evidence([(0, machine_yes, 0.3, votes)], modes=[Mode(coins=2, reads_dont_know=reads)])
    drawn = share(found, [[surely(one) for one in skills]])
    assert drawn == pytest.approx(1 - likely_yes if machine_yes else likely_yes, abs=0.02)


def test_who_is_hardly_known_makes_a_verdict_less_sure_than_one_who_is_known_as_well() -> None:
    pairs = evidence([(0, False, 0.5, [0, 3])])
    hardly, well = (Record(AVERAGE.if_yes.times(n), AVERAGE.if_no.times(n)) for n in (1.0, SURE))
    assert share(pairs, [[hardly] * 2]) < share(pairs, [[well] * 2]) - 0.01


def test_what_is_certain_stays_in_every_draw_and_what_was_earned_is_drawn_anew() -> None:
    """Of 12 points 10 rest on nothing uncertain; a pair of 2 may be lost, and one of 5 won."""
    found = evidence(
        [(0, False, 0.5, []), (0, True, 0.5, [])],
        worth=np.array([2, 5], np.int32),
        earned=np.array([2, 0], np.int32),
        raters=[],
    )
    drawn = drawn_points(found, [[]], points=[12], seed=1, draws=400)
    assert set(drawn[0].tolist()) == {10, 12, 15, 17}


def test_the_same_data_and_seed_give_the_same_draws_and_blocks_change_nothing_of_what_is_sure() -> None:
    rows = [(place * 3 // (2 * BLOCK + 7), place % 2 == 0, 0.9, [0, 4]) for place in range(2 * BLOCK + 7)]
    posteriors = [[surely(AVERAGE)] * 2]
    first, again, other = (
        drawn_points(evidence(rows), posteriors, points=[5, 6, 7], seed=s, draws=300) for s in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()
    sure = [(line, False, 1 - 1e-7, []) for line, *_ in rows]
    numbers = np.bincount([line for line, *_ in rows])
    drawn = drawn_points(evidence(sure, raters=[]), [[]], points=[5, 6, 7], seed=1, draws=50)
    assert np.abs(drawn - (numbers + np.array([5, 6, 7]))[:, None]).max() <= 1


def test_ranks_in_95_of_100_draws_hold_the_rank_that_is_held() -> None:
    """The first leads in all but one of a hundred draws; the second and the third change places."""
    drawn = np.array([[9] * 99 + [0], [5, 4] * 50, [4, 5] * 50, [0] * 100], np.int32)
    assert rank_ranges(drawn, ranks=[1, 2, 3, 4]) == [
        RankRange(1, 1), RankRange(2, 3), RankRange(2, 3), RankRange(4, 4),
    ]  # fmt: skip
    ties = np.array([[3] * 100, [3] * 100], np.int32)
    assert rank_ranges(ties, ranks=[1, 1]) == [RankRange(1, 1)] * 2
    assert rank_ranges(drawn, ranks=[2, 2, 3, 4])[0] == RankRange(1, 2)


def test_a_hundred_near_copies_leave_more_open_than_a_hundred_pictures() -> None:
    apart = rate_interval([(1, 1, 50), (1, 0, 50)], generator(1))
    alike = rate_interval([(25, 25, 2), (25, 0, 2)], generator(1))
    assert apart is not None
    assert alike is not None
    assert (apart.is_drawn, apart.clusters, alike.is_drawn, alike.clusters) == (True, 100, True, 4)
    assert (apart.low, apart.high) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.6, abs=0.02))
    assert (alike.low, alike.high) == (0.0, 1.0)


def test_where_all_pairs_ended_alike_the_interval_is_wilsons_over_the_clusters() -> None:
    won, lost = (rate_interval([(1, earned, 3), (2, 2 * earned, 1)], generator(1)) for earned in (1, 0))
    assert won is not None
    assert lost is not None
    assert (won.is_drawn, won.clusters, won.high, round(won.low, 2)) == (False, 4, 1.0, 0.51)
    assert (lost.is_drawn, lost.low, round(lost.high, 2)) == (False, 0.0, 0.49)
    assert rate_interval([], generator(1)) is None
