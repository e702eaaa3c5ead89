"""What is told of held-out answers, and how little can be made of it."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.heldout_attack import run
from cats4ml.rules.heldout import (
    BITS_AN_ANSWER,
    LEAST_PAIRS,
    Steps,
    Told,
    bits_of_ladder,
    bits_of_list,
    most_reports,
    tell,
)


@pytest.mark.parametrize(
    ("pairs", "hundredths", "top", "ladder", "listed"),
    [
        (20, 23, 4, 1, 1),
        (100, 10, 10, 5, 3),
        (400, 5, 20, 36, 11),
        (2_000, 3, 33, 227, 27),
        (10_000, 1, 100, 100_000, 187),
    ],
)
def test_steps_are_as_high_as_chance_and_reports_as_few_as_the_bound_asks(
    pairs, hundredths, top, ladder, listed
) -> None:
    steps = Steps(pairs)
    assert (steps.hundredths, steps.top, steps.level(0), steps.level(pairs)) == (hundredths, top, 0, top)
    assert (most_reports(pairs, ladder=True), most_reports(pairs, ladder=False)) == (ladder, listed)


@given(st.integers(LEAST_PAIRS, 20_000), st.booleans())
def test_nobody_is_told_more_than_an_eighth_of_a_bit_an_answer(pairs, ladder) -> None:
    bits = bits_of_ladder if ladder else bits_of_list
    most = most_reports(pairs, ladder=ladder)
    least = Steps(pairs).least_pairs
    assert least <= pairs
    assert bits(levels=Steps(pairs).top, reports=most) <= least * BITS_AN_ANSWER
    assert most == 100_000 or bits(levels=Steps(pairs).top, reports=most + 1) > least * BITS_AN_ANSWER


@pytest.mark.parametrize(("levels", "reports"), list(product((1, 2, 3), (1, 2, 3, 4))))
def test_the_bits_count_every_line_that_somebody_could_be_told(levels, reports) -> None:
    """All sequences of true levels, through `tell`'s own rule: what is told of them are so many different lines."""
    pairs, lines = 10_000, set()
    for true in product(range(levels + 1), repeat=reports):
        best, line = None, []
        for level in true:
            said = tell(right=level * pairs // 100, pairs=pairs, before=0, best=best, ladder=True)
            best = said.best
            line.append((said.level, said.why))
        lines.add(tuple(line))
    assert (
        len(lines) == round(2 ** bits_of_ladder(levels=levels, reports=reports)) == math.comb(reports + levels, levels)
    )


def test_how_many_held_out_pairs_are_adverse_is_not_told() -> None:
    """Else the next release, with one held-out pair more, would tell how that pair ended."""
    for right, pairs in ((3, 4), (1_250, 2_000)):
        said, later = (
            tell(right=right, pairs=number, before=0, best=None, ladder=True).to_dict() for number in (pairs, pairs + 1)
        )
        assert (said, said["pairs"]) == (later, None if pairs < LEAST_PAIRS else 1_112)


def test_only_a_whole_step_more_is_told() -> None:
    first = tell(right=251, pairs=400, before=0, best=None, ladder=True)
    assert first == Told(400, 12, 12)
    assert first.to_dict() == {
        "pairs": 400,
        "step": 0.05,
        "value": 0.6,
        "interval": [0.55, 0.7],
        "below": None,
        "level": 12,
        "best": 12,
        "why": "",
    }
    nearly = tell(right=259, pairs=400, before=1, best=12, ladder=True)
    assert (nearly, nearly.to_dict()["below"]) == (Told(400, None, 12, "not_above"), 0.65)
    assert tell(right=0, pairs=400, before=1, best=12, ladder=True) == nearly
    assert tell(right=260, pairs=400, before=2, best=12, ladder=True) == Told(400, 13, 13)
    assert tell(right=0, pairs=400, before=2, best=12, ladder=False) == Told(400, 0, 12)


def test_nothing_is_told_of_few_pairs_or_after_too_many_reports() -> None:
    assert tell(right=10, pairs=19, before=0, best=None, ladder=True) == Told(19, None, None, "too_few")
    assert tell(right=400, pairs=400, before=36, best=3, ladder=True) == Told(400, None, 3, "used_up")
    spent = {
        bits: tell(right=400, pairs=400, before=0, best=None, ladder=True, elsewhere=bits).why for bits in (45, 46)
    }
    assert spent == {45: "", 46: "used_up"}  # 4.4 bits of 50 are for the first report
    for said in (Told(19, None, None, "too_few"), Told(400, None, 3, "used_up"), Told(0, None, None, "too_few")):
        shown = said.to_dict()
        assert (shown["value"], shown["interval"], shown["below"]) == (None, None, None)


def test_attackers_learn_next_to_nothing_where_rounded_figures_give_the_answers_away() -> None:
    found = run(number=100, tries=300, runs=3, seed=5)
    attacks = found["attacks"]
    assert max(line["ladder_bits"] for line in attacks.values()) <= found["bound_bits"] == 12.5
    assert attacks["single flips"]["rounded"] == 1.0
