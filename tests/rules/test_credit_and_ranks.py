"""Points, quota, ranks with ties, and intervals."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.credit import Claim, Quota, earning_claim, points_for, quota_of
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.rules.policy import Policy
from cats4ml.rules.ranking import Rank, rank_points
from cats4ml.rules.verdicts import Outcome


def test_the_earliest_valid_claim_earns_whatever_the_order_it_is_listed_in() -> None:
    for valid in product((True, False), repeat=4):
        claims = [Claim(order=order, valid=one) for order, one in enumerate(valid)]
        expected = next((claim for claim in claims if claim.valid), None)
        assert {earning_claim(listed) for listed in permutations(claims)} == {expected}


def test_only_adverse_outcomes_earn_points() -> None:
    policy = Policy(points_per_adverse=3)
    assert {outcome.value: points_for(outcome, policy=policy) for outcome in Outcome} == {
        "false_negative": 3, "false_positive": 3, "agreement": 0, "ambiguous": 0,
    }  # fmt: skip
    assert points_for(None, policy=policy) == 0


@given(adverse=st.integers(-3, 500), used=st.integers(0, 5000), base=st.integers(0, 2000), bonus=st.integers(0, 9))
def test_quota_is_base_plus_bonus_for_each_adverse_pair_minus_used_and_never_below_zero(
    adverse, used, base, bonus
) -> None:
    quota = quota_of(adverse=adverse, used=used, policy=Policy(base_quota=base, bonus_per_adverse=bonus))
    total = base + bonus * max(0, adverse)
    assert quota == Quota(base=base, bonus=total - base, used=used)
    assert (quota.total, quota.remaining) == (total, max(0, total - used))


@pytest.mark.parametrize(
    ("points", "places"),
    [
        ([], []),
        ([0], ["1"]),
        ([7, 3, 5], ["1", "3", "2"]),
        ([5, 5, 3], ["1=", "1=", "3"]),
        ([1, 4, 4, 4, 0], ["4", "1=", "1=", "1=", "5"]),
        ([0, 0, 0], ["1=", "1=", "1="]),
        ([-2, 0], ["2", "1"]),
    ],
)
def test_equal_points_share_a_rank_and_the_next_is_skipped(points: list[int], places: list[str]) -> None:
    assert [f"{rank.place}{'=' if rank.shared else ''}" for rank in rank_points(points)] == places


@given(st.lists(st.integers(0, 6), max_size=12))
def test_rank_is_one_more_than_the_number_of_those_with_more_points(points: list[int]) -> None:
    assert rank_points(points) == [
        Rank(place=1 + sum(other > own for other in points), shared=points.count(own) > 1) for own in points
    ]


def test_interval_is_that_of_the_published_formula() -> None:
    # Wilson (1927), as R's prop.test(15, 20, correct=FALSE) prints it.
    low, high = wilson_interval(15, 20) or Interval(0, 0)
    assert (round(low, 4), round(high, 4)) == (0.5313, 0.8881)
    assert wilson_interval(0, 0) is None


@given(st.integers(1, 300).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_interval_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    successes, trials = counts
    interval = wilson_interval(successes, trials)
    mirrored = wilson_interval(trials - successes, trials)
    assert interval is not None
    assert mirrored is not None
    assert 0 <= interval.low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= interval.high <= 1
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - interval.high, 1 - interval.low))


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 3), (1, 0)])
def test_impossible_counts_have_no_interval(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="can't be"):
        wilson_interval(successes, trials)
