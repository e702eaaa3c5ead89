"""Points, quota, ranks with ties, and intervals."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.credit import (
    Claim,
    NoCredit,
    Quota,
    earning_claim,
    machine_error,
    points_for,
    quota_of,
    why_uncredited,
)
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


def test_proportional_points_grow_with_the_machines_error_halves_upwards_and_one_at_least() -> None:
    policy = Policy(points_per_adverse=10, credit_rule="proportional")
    means = (0.0, 0.05, 0.35, 0.45, 0.4999, 0.55, 0.96, 1.0, None)
    negative, positive = (
        [points_for(outcome, policy=policy, mean=mean) for mean in means]
        for outcome in (Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE)
    )
    assert negative == [10, 10, 7, 6, 5, 5, 1, 1, 10]
    assert positive == [1, 1, 4, 5, 5, 6, 10, 10, 10]
    assert points_for(Outcome.AGREEMENT, policy=policy, mean=0.9) == 0


@given(mean=st.floats(0, 1), points=st.integers(1, 1000))
def test_proportional_points_are_from_one_to_the_flat_ones(mean: float, points: int) -> None:
    policy = Policy(points_per_adverse=points, credit_rule="proportional")
    for outcome in (Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE):
        earned = points_for(outcome, policy=policy, mean=mean)
        error = machine_error(outcome, mean=mean)
        assert 1 <= earned <= points
        assert abs(earned - points * error) <= 0.5 + 1e-9 or earned == 1


def test_only_an_error_has_a_size() -> None:
    with pytest.raises(ValueError, match="no error of the machines"):
        machine_error(Outcome.AMBIGUOUS, mean=0.5)


def test_an_adverse_pair_earns_nothing_near_the_threshold_by_the_policy_or_as_a_near_copy() -> None:
    found = {
        (scores, near, copy): why_uncredited(
            Outcome.FALSE_POSITIVE,
            near_threshold=near,
            near_copy=copy,
            policy=Policy(near_threshold_scores=scores),
        )
        for scores, near, copy in product((True, False), repeat=3)
    }
    unsure, copy = NoCredit.KNOWN_UNKNOWN, NoCredit.NEAR_COPY
    assert found == {
        (True, True, True): copy, (True, True, False): None, (True, False, True): copy, (True, False, False): None,
        (False, True, True): unsure, (False, True, False): unsure, (False, False, True): copy,
        (False, False, False): None,
    }  # fmt: skip
    policy = Policy(near_threshold_scores=False)
    assert why_uncredited(Outcome.AGREEMENT, near_threshold=True, near_copy=True, policy=policy) is None


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
