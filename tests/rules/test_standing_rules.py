"""Who competes, who can't be told apart, how different finds are, and which board is shown when."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cats4ml.rules.boards import BoardState, closing_moment, state_for_all
from cats4ml.rules.diversity import Kin, effective_number
from cats4ml.rules.policy import Policy
from cats4ml.rules.ranking import Entry, Rank, RankRange, groups_of, rank_entries, rank_points
from cats4ml.rules.skill import AVERAGE, Odds, Record, posterior_counts, skilled

END = datetime(2026, 12, 18, 18, 0, tzinfo=UTC)
ranges = some.lists(
    some.tuples(some.integers(1, 30), some.integers(0, 8)).map(lambda one: RankRange(one[0], one[0] + one[1]))
)


def test_a_baseline_holds_no_rank_and_takes_nobodys_place() -> None:
    entries = [Entry(9), Entry(12, competes=False), Entry(9), Entry(3), Entry(9, competes=False)]
    assert rank_entries(entries) == [Rank(1, shared=True), None, Rank(1, shared=True), Rank(3, shared=False), None]


@given(some.lists(some.tuples(some.integers(0, 9), some.booleans())))
def test_ranks_are_those_of_the_competing_alone(entries: list[tuple[int, bool]]) -> None:
    ranks = rank_entries([Entry(*one) for one in entries])
    assert [rank for rank in ranks if rank] == rank_points([points for points, competes in entries if competes])
    assert [rank is None for rank in ranks] == [not competes for _, competes in entries]


def test_groups_of_the_mockup() -> None:
    held = [(1, 1), (2, 3), (2, 3), (4, 6), (4, 6), (4, 6), (7, 8), (7, 8), (9, 10), (9, 10)]
    assert groups_of([RankRange(*one) for one in held]) == [1, 2, 2, 3, 3, 3, 4, 4, 5, 5]


@given(ranges)
def test_a_group_ends_exactly_where_all_above_are_clear_of_all_below(held: list[RankRange]) -> None:
    ends = [
        max(one.high for one in held[:place]) < min(one.low for one in held[place:]) for place in range(1, len(held))
    ]
    groups = groups_of(held)
    assert [later - earlier for earlier, later in pairwise(groups)] == [int(end) for end in ends]
    assert groups[:1] == [1][: len(held)]


def test_a_range_is_widened_to_the_rank_that_is_held() -> None:
    assert RankRange(3, 5).holding(2) == RankRange(2, 5)
    assert RankRange(3, 5).holding(7) == RankRange(3, 7)
    assert RankRange(3, 5).holding(4) == RankRange(3, 5)


def test_a_thousand_near_copies_are_one_idea_and_ten_finds_that_differ_are_ten() -> None:
    assert effective_number([Kin(size=1_000, kinds=1)]) == 1.0
    assert effective_number([Kin(size=1, kinds=10)]) == 10.0
    assert effective_number([Kin(1_000, 1), Kin(1, 9)]) == pytest.approx(1.07, abs=0.01)
    assert effective_number([]) == 0.0


@given(some.lists(some.tuples(some.integers(1, 50), some.integers(1, 50)).map(lambda one: Kin(*one)), min_size=1))
def test_variety_is_the_exponential_of_shannons_entropy_in_whatever_order(kin: list[Kin]) -> None:
    shares = [size / sum(one.size * one.kinds for one in kin) for size, kinds in kin for _ in range(kinds)]
    entropy = -math.fsum(share * math.log(share) for share in shares)
    assert effective_number(kin) == pytest.approx(math.exp(entropy), abs=0.001)
    assert effective_number(kin) == effective_number(kin[::-1])
    assert 1.0 <= effective_number(kin) <= len(shares) + 0.001


@pytest.mark.parametrize(
    ("board", "hours_before", "is_closed", "is_final", "state"),
    [
        ("live", -1, True, False, BoardState.LIVE),
        ("frozen", 25, False, False, BoardState.LIVE),
        ("frozen", 24, False, False, BoardState.FROZEN),
        ("hidden", 24, False, False, BoardState.HIDDEN),
        ("hidden", 25, True, False, BoardState.HIDDEN),
        ("hidden", -9, True, True, BoardState.FINAL),
    ],
)
def test_board_is_closed_from_its_hours_before_the_end_until_it_is_final(
    board, hours_before, is_closed, is_final, state
) -> None:
    at = END - timedelta(hours=hours_before)
    policy = Policy(board=board, board_hours=24)
    assert state_for_all(policy=policy, closes_at=END, is_closed=is_closed, is_final=is_final, at=at) == state


def test_without_an_end_a_board_is_closed_by_hand_alone() -> None:
    policy = Policy(board="frozen")
    assert closing_moment(policy=policy, closes_at=None) is None
    states = [
        state_for_all(policy=policy, closes_at=None, is_closed=closed, is_final=False, at=END)
        for closed in (False, True)
    ]
    assert states == [BoardState.LIVE, BoardState.FROZEN]


@pytest.mark.parametrize("coins", [1, 2])
def test_skill_is_the_mean_of_its_posterior(coins: int) -> None:
    record = Record(if_yes=Odds(9.0, 1.0, 2.0), if_no=Odds(3.0, 5.0, 0.0))
    counts = posterior_counts(record, prior=AVERAGE, coins=coins)
    skill = skilled(record, prior=AVERAGE, coins=coins)
    assert (counts.if_yes.shares(), counts.if_no.shares()) == (skill.if_yes, skill.if_no)
    assert counts.total == (72.0 if coins == 1 else 52.0)
