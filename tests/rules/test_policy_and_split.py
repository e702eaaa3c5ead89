"""A policy that can't be played by is refused; a pair's part is drawn once, by a seeded hash."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.policy import InvalidPolicy, Policy
from cats4ml.rules.split import Split, split_of


def test_the_default_policy_is_that_of_2021() -> None:
    assert Policy().to_dict() == {
        "threshold": 0.5,
        "verdict_rule": "majority",
        "quorum": 5,
        "base_quota": 100,
        "bonus_per_adverse": 5,
        "points_per_adverse": 1,
        "roles_exclusive": True,
        "provisional_seconds": 30,
        "lease_seconds": 120,
        "heldout_percent": 40,
        "reveal_score": "settled",
        "min_classifiers": 1,
        "near_margin": 0.1,
        "near_threshold_scores": True,
        "credit_rule": "flat",
        "lead": 2,
        "max_ratings": 9,
        "bound": 0.93,
        "dont_know": "answer",
        "min_ratings": 1,
        "min_lead": 1,
        "skill_coins": 2,
        "adjudicated_earns": True,
        "takes_disputes": True,
        "warm_up": 6,
        "control_percent": 15,
        "control_percent_least": 3,
        "skips_per_hundred": 10,
        "fast_seconds": 0.6,
        "same_answers": 40,
        "controls_right_percent": 60,
        "board": "live",
        "board_hours": 24,
        "evaluations_per_day": 3,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("threshold", value) for value in (0, 1, -0.1, 1.5, math.nan, math.inf, "0.5", None)),
        *(("verdict_rule", value) for value in ("", "MAJORITY", None, ["majority"])),
        *(("reveal_score", value) for value in ("", "always", None)),
        *(("roles_exclusive", value) for value in (1, "yes", None)),
        *(("quorum", value) for value in (0, -1, 100, 2.5, "5", True, None)),
        *(("near_margin", value) for value in (-0.1, 0.5, math.nan, "0.1", None, True)),
        *(("near_threshold_scores", value) for value in (1, "no", None)),
        *(("credit_rule", value) for value in ("", "FLAT", None)),
        *(("min_classifiers", value) for value in (0, 1.0, None)),
        ("base_quota", -1),
        ("bonus_per_adverse", -1),
        ("points_per_adverse", 0),
        ("provisional_seconds", 601),
        ("lease_seconds", 9),
        ("heldout_percent", 101),
        ("heldout_percent", -1),
    ],
)
def test_policy_refuses_what_nobody_can_play_by_and_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidPolicy, match=field):
        Policy.from_dict({field: value})


def test_unknown_field_of_a_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidPolicy, match=r"a policy has no qorum; it has adjudicated_earns, base_quota, .*quorum"):
        Policy.from_dict({"qorum": 5})


@given(
    st.builds(
        Policy,
        threshold=st.floats(0, 1, exclude_min=True, exclude_max=True),
        quorum=st.integers(1, 99),
        base_quota=st.integers(0, 10_000_000),
        roles_exclusive=st.booleans(),
        heldout_percent=st.integers(0, 100),
        min_classifiers=st.integers(1, 99),
        near_margin=st.floats(0, 0.5, exclude_max=True),
        near_threshold_scores=st.booleans(),
        credit_rule=st.sampled_from(["flat", "proportional"]),
    )
)
def test_a_policy_survives_being_written_and_read(policy: Policy) -> None:
    assert Policy.from_dict(policy.to_dict()) == policy


def test_a_policy_stored_before_there_were_credit_rules_reads_with_the_defaults() -> None:
    newer = ("min_classifiers", "near_margin", "near_threshold_scores", "credit_rule")
    stored = {name: value for name, value in Policy(quorum=3).to_dict().items() if name not in newer}
    assert Policy.from_dict(stored) == Policy(quorum=3)


def test_a_policy_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().quorum = 3  # type: ignore[misc]


def parts(seed: str, percent: int, number: int = 10_000) -> list[Split]:
    return [split_of(seed=seed, image_id=f"{n:016x}", label_id="cat", heldout_percent=percent) for n in range(number)]


@pytest.mark.parametrize("percent", [10, 40, 75])
def test_share_of_held_out_pairs_is_close_to_the_percentage(percent: int) -> None:
    held_out = parts("seed", percent).count(Split.HELDOUT)
    # Five standard deviations of a fair draw.
    assert abs(held_out - percent * 100) <= 5 * math.sqrt(10_000 * percent / 100 * (1 - percent / 100))


def test_nothing_or_everything_can_be_held_out() -> None:
    assert set(parts("seed", 0, 1000)) == {Split.PUBLIC}
    assert set(parts("seed", 100, 1000)) == {Split.HELDOUT}


def test_the_draw_is_the_same_for_ever_and_another_for_another_seed() -> None:
    assert parts("seed", 40, 12) == parts("seed", 40, 12)
    letters = "".join(part.value[0] for part in parts("seed", 40, 12))
    assert letters == "".join(part.value[0] for part in parts("seed", 40, 24))[:12]
    agreeing = sum(one == other for one, other in zip(parts("seed", 50), parts("another", 50), strict=True))
    assert 4_750 <= agreeing <= 5_250


def test_a_pair_held_out_stays_so_when_more_is_held_out() -> None:
    some = {place for place, part in enumerate(parts("seed", 20, 2000)) if part is Split.HELDOUT}
    more = {place for place, part in enumerate(parts("seed", 60, 2000)) if part is Split.HELDOUT}
    assert some < more
