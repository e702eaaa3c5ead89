"""Whether some pairs divide raters more often than others: against counts by hand and a published example."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.disagreement import Part, discoveries, surprise

PARTS = st.integers(0, 30).flatmap(lambda of: st.builds(Part, st.integers(0, of), st.just(of)))

# Benjamini and Hochberg 1995, section 4.1: 15 hypotheses, of which their procedure rejects the first four.
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
             0.7590, 1.0]  # fmt: skip


def by_hand(part: Part, others: Part) -> Fraction:
    """The beta-binomial tail, by drawing one pair after the other from Pólya's urn."""
    a, b = Fraction(2 * others.hits + 1, 2), Fraction(2 * (others.of - others.hits) + 1, 2)
    chances = {0: Fraction(1)}
    for drawn in range(part.of):
        after: dict[int, Fraction] = {}
        for hits, chance in chances.items():
            again = (a + hits) / (a + b + drawn)
            after[hits + 1] = after.get(hits + 1, Fraction(0)) + chance * again
            after[hits] = after.get(hits, Fraction(0)) + chance * (1 - again)
        chances = after
    return sum((chance for hits, chance in chances.items() if hits >= part.hits), Fraction(0))


@given(PARTS, PARTS)
def test_the_surprise_is_the_tail_of_an_urn(part: Part, others: Part) -> None:
    assert math.isclose(surprise(part, others=others), by_hand(part, others), rel_tol=1e-9)


def test_the_more_hits_the_greater_the_surprise() -> None:
    others = Part(20, 200)
    found = [surprise(Part(hits, 20), others=others) for hits in range(21)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(1.0)
    assert found[2] > 0.3
    assert found[10] < 1e-4


def test_a_share_that_is_hardly_known_surprises_less_than_one_that_is() -> None:
    assert surprise(Part(4, 10), others=Part(1, 10)) > 2 * surprise(Part(4, 10), others=Part(100, 1000))


def test_discoveries_are_those_of_the_published_example() -> None:
    assert discoveries(PUBLISHED) == [True] * 4 + [False] * 11
    assert discoveries(PUBLISHED[::-1]) == [False] * 11 + [True] * 4
    assert [discoveries([]), discoveries([0.2, 0.06])] == [[], [False, False]]


@pytest.mark.parametrize(("hits", "of"), [(-1, 3), (4, 3)])
def test_a_part_greater_than_the_whole_is_refused(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="can't be"):
        Part(hits, of)
