"""The rules behind what organisers watch: forecasts of a queue, copied texts, and raters who favour a finder."""

from __future__ import annotations

import math

import pytest

from cats4ml.rules.affinity import Favour, affinity
from cats4ml.rules.forecast import HORIZON, Day, Forecast, forecast
from cats4ml.rules.likeness import nearly_equal, normal_text, shingles


def made(depth: int, days: list[Day], closes_in: float | None = None) -> Forecast:
    found = forecast(depth=depth, days=days, closes_in=closes_in)
    assert found is not None
    return found


def test_a_queue_that_shrinks_by_the_same_each_day_clears_when_a_line_says() -> None:
    found = made(100, [Day(10, 35)] * 7)
    assert (found.clears, found.earliest, found.latest, found.per_day) == (4.0, 4.0, 4.0, -25.0)
    assert [(point.middle, point.low, point.high) for point in found.points[::4]][:5] == [
        (100, 100, 100), (75, 75, 75), (50, 50, 50), (25, 25, 25), (0, 0, 0),
    ]  # fmt: skip


def test_the_band_is_of_the_days_to_come_and_of_a_mean_known_from_few() -> None:
    """Changes of −10, −20 and −30: mean −20, variance 100; Student's t for 2 degrees of freedom is 2.92."""
    found = made(100, [Day(0, 10), Day(0, 20), Day(0, 30)])
    point = next(point for point in found.points if point.ahead == 2)
    half = 2.920 * math.sqrt(100 * (2 + 4 / 3))
    assert (point.middle, point.low, point.high) == (60, pytest.approx(60 - half), pytest.approx(60 + half))
    assert found.earliest is not None
    assert found.clears == 5.0
    assert found.earliest < found.clears
    assert found.latest is None or found.latest > found.clears


def test_only_the_last_week_counts() -> None:
    assert made(100, [Day(500, 0)] * 5 + [Day(0, 50)] * 7) == made(100, [Day(0, 50)] * 7)


def test_after_the_close_nothing_comes_any_more() -> None:
    growing = [Day(60, 50)] * 7
    assert made(100, growing).clears is None
    # Two days of +10, then −50 a day.
    assert made(100, growing, closes_in=2).clears == pytest.approx(2 + 120 / 50)
    assert made(100, growing, closes_in=-3).per_day == -50
    assert made(100, growing, closes_in=HORIZON + 1).clears is None


@pytest.mark.parametrize(
    ("depth", "days"),
    [(0, [Day(0, 50)] * 7), (100, [Day(0, 50)] * 2), (100, [Day(0, 2)] * 7), (100, [Day(9, 0)] * 7), (100, [])],
)
def test_too_little_says_nothing(depth, days) -> None:
    assert forecast(depth=depth, days=days) is None


def test_no_point_of_a_forecast_is_below_zero_or_outside_its_band() -> None:
    for days in ([Day(5, 90), Day(80, 10), Day(0, 60), Day(30, 31)], [Day(0, 21), Day(0, 0), Day(3, 0)]):
        points = made(40, days).points
        assert [point for point in points if not 0 <= point.low <= point.middle <= point.high] == []


def test_capitals_and_commas_make_no_other_text() -> None:
    assert (
        normal_text("  A Cat, on—the ﬁrst MAT! ") == normal_text("a cat on the first mat") == "a cat on the first mat"
    )
    assert (shingles("a b c d"), shingles("a b"), shingles("")) == ({"a b c", "b c d"}, {"a b"}, frozenset())


def test_texts_of_which_a_word_was_changed_are_nearly_equal() -> None:
    long = "the shadow behind the fence looks like a bird but it is only the branch of an old tree"
    texts = [long, long.replace("old", "apple"), "a painted sign that shows a bird to people who pass by it", long]
    assert [(first, second, round(overlap, 2)) for first, second, overlap in nearly_equal(texts)] == [
        (0, 1, 0.79), (1, 3, 0.79),
    ]  # fmt: skip
    assert nearly_equal([]) == nearly_equal(["", ""]) == []


def test_a_manner_of_speaking_makes_no_texts_alike() -> None:
    texts = [f"there is no number{place}" for place in range(60)]
    assert nearly_equal(texts) == []


def favour(answers: int, found: int, share: float) -> Favour:
    return Favour(answers, found, answers * share, answers * share * (1 - share))


def test_a_rater_who_favours_one_finder_alone_is_seen() -> None:
    part, rest = favour(50, 45, 0.5), favour(200, 100, 0.5)
    whole = Favour(250, 145, 125.0, rest.variance + part.variance)
    assert affinity(part, whole=whole) == (
        pytest.approx(0.4 / math.sqrt(0.25 / 50 + 0.25 / 200)),
        pytest.approx(0, abs=1e-5),
    )


def test_a_rater_who_says_the_same_to_everybody_favours_nobody() -> None:
    part, whole = favour(50, 45, 0.5), favour(250, 225, 0.5)
    assert affinity(part, whole=whole) == (pytest.approx(0), pytest.approx(1))


def test_few_answers_on_either_side_say_nothing() -> None:
    assert affinity(favour(9, 9, 0.5), whole=favour(500, 250, 0.5)) is None
    assert affinity(favour(50, 50, 0.5), whole=favour(59, 50, 0.5)) is None
