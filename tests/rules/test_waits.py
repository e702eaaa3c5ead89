"""Estimates of how long something waits, and how they are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.waits import STANDSTILL, Pace, answers_missing, seconds_until_done
from cats4ml.ui.words import about


@pytest.mark.parametrize(
    ("pieces", "pace", "seconds"),
    [
        (600, Pace(done=1000, seconds=300.0), 180),
        (1, Pace(done=1000, seconds=300.0), 1),
        (0, STANDSTILL, 0),
        (1, STANDSTILL, None),
        (100, Pace(done=4, seconds=300.0), None),
        (100, Pace(done=500, seconds=5.0), None),
    ],
)
def test_a_wait_is_told_from_what_the_queue_did_lately_and_not_at_all_from_too_little(pieces, pace, seconds) -> None:
    assert seconds_until_done(pieces, pace) == seconds


def test_nobody_waits_for_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="-1 pieces"):
        seconds_until_done(-1, STANDSTILL)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(5, 10**6), st.floats(10, 10**6))
def test_who_stands_further_back_never_waits_less(one, more, done, seconds) -> None:
    pace = Pace(done, seconds)
    waits = seconds_until_done(one, pace), seconds_until_done(one + more, pace)
    assert waits == tuple(sorted(waits))


def test_answers_that_are_missing_are_those_a_pair_takes_less_what_was_given() -> None:
    assert answers_missing(pairs=10, each=5, given=13) == 37
    assert answers_missing(pairs=10, each=2.55, given=5) == 21
    assert answers_missing(pairs=3, each=2.5, given=7) == 3
    assert answers_missing(pairs=0, each=2.5) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "about 1 minute"),
        (170, "about 3 minutes"),
        (89 * 60, "about 89 minutes"),
        (90 * 60, "about 2 hours"),
        (35 * 3600, "about 35 hours"),
        (36 * 3600, "about 2 days"),
        (86_400 * 1500, "about 1,500 days"),
    ],
)
def test_an_estimate_is_said_no_finer_than_it_is(seconds, words) -> None:
    assert about(seconds) == words
