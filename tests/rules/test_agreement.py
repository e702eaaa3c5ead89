"""How far raters agree: against published examples, a count by hand, and by properties."""

from __future__ import annotations

import csv
import math
import os
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.agreement import alpha_interval, entropy, krippendorff_alpha
from cats4ml.rules.answers import Tally

DATA = Path(os.environ.get("CATS4ML_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
RELEASE = DATA / "cats4ml" / "release_part.csv"

TALLIES = st.builds(Tally, yes=st.integers(0, 6), no=st.integers(0, 6), dont_know=st.integers(0, 6))

# Krippendorff 2011, section A: two observers, ten units, two values.
BINARY = [Tally(yes=1, no=1)] * 4 + [Tally(no=2)] * 5 + [Tally(yes=2)]


def test_alpha_is_the_published_one_for_the_binary_example() -> None:
    found = krippendorff_alpha(BINARY)
    assert found is not None
    assert round(found, 3) == 0.095


def by_hand(units: list[Tally]) -> float | None:
    """1 − D_o/D_e over the list of all answers, pair by pair."""
    lists = [[0] * unit.yes + [1] * unit.no + [2] * unit.dont_know for unit in units if unit.total > 1]
    answers = [answer for one in lists for answer in one]
    if len(set(answers)) < 2:
        return None
    within = sum(sum(a != b for a, b in permutations(one, 2)) / (len(one) - 1) for one in lists) / len(answers)
    between = sum(a != b for a, b in permutations(answers, 2)) / (len(answers) * (len(answers) - 1))
    return 1.0 - within / between


@given(st.lists(TALLIES, max_size=8))
def test_alpha_is_what_counting_every_pair_of_answers_gives(units: list[Tally]) -> None:
    found, counted = krippendorff_alpha(units), by_hand(units)
    assert (found is None) == (counted is None)
    if found is not None and counted is not None:
        assert math.isclose(found, counted, abs_tol=1e-9)


@given(st.lists(TALLIES, min_size=1, max_size=8))
def test_alpha_of_known_answers_leaves_dont_know_out(units: list[Tally]) -> None:
    known = [Tally(yes=unit.yes, no=unit.no) for unit in units]
    assert krippendorff_alpha(units, dont_know=False) == krippendorff_alpha(known)


def test_alpha_is_one_where_all_agree_and_not_defined_where_there_is_nothing_to_disagree_about() -> None:
    assert krippendorff_alpha([Tally(yes=3), Tally(no=2)]) == 1.0
    assert [krippendorff_alpha(units) for units in ([], [Tally(yes=1)], [Tally(yes=5), Tally(yes=2)])] == [None] * 3
    assert [alpha_interval(units, seed=1) for units in ([], [Tally(yes=5), Tally(yes=2)])] == [None, None]


def test_the_interval_holds_alpha_narrows_with_pairs_and_is_the_same_for_the_same_seed() -> None:
    few = BINARY * 4 + [Tally(no=5)] * 20
    many = few * 25
    narrow, wide = alpha_interval(many, seed=7), alpha_interval(few, seed=7)
    found = krippendorff_alpha(many)
    assert narrow is not None
    assert wide is not None
    assert found is not None
    assert narrow.low < found < narrow.high
    assert 3 < (wide.high - wide.low) / (narrow.high - narrow.low) < 8  # √25, within the noise of 200 draws
    assert alpha_interval(many, seed=7) == narrow


def test_entropy_in_bits() -> None:
    found = [entropy(tally) for tally in (Tally(), Tally(yes=5), Tally(2, 2), Tally(1, 1, 1), Tally(3, 1))]
    assert [round(one, 4) for one in found] == [0.0, 0.0, 1.0, 1.585, 0.8113]


@pytest.mark.skipif(not RELEASE.exists(), reason=f"the public release is not at {RELEASE}")
def test_agreement_of_the_part_of_the_public_release_that_is_here() -> None:
    with RELEASE.open(newline="", encoding="utf-8") as file:
        tallies = [
            Tally(int(row["hum_yes_rating"]), int(row["hum_no_rating"]), int(row["hum_dont_know_rating"]))
            for row in csv.DictReader(file)
        ]
    found = krippendorff_alpha(tallies), krippendorff_alpha(tallies, dont_know=False)
    assert [round(one or 0.0, 3) for one in found] == [0.646, 0.780]
