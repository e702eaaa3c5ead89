"""Figures of classifiers, their intervals, and who is ahead of whom."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cats4ml.rules.evaluation import (
    Answered,
    Kind,
    Paired,
    Share,
    Sheet,
    compare,
    groups_of,
    holm,
    interval_of,
    same_pairs,
    truth_of,
    two_sided,
)
from cats4ml.rules.intervals import wilson_interval

FN, FP, AGREED = "false_negative", "false_positive", "agreement"


def answered(picture: int, outcome: str, says: bool, *, truth: bool = True, label: str = "cat", part: str = "public"):
    return Answered(picture, label, part, outcome, truth, says)


def sheet_of(*rows: Answered) -> Sheet:
    sheet = Sheet()
    for row in sorted(rows, key=lambda row: row.picture):
        sheet.add(row)
    return sheet


def test_figures_are_told_apart_by_part_kind_and_label() -> None:
    sheet = sheet_of(
        answered(1, FN, True),
        answered(1, AGREED, True),
        answered(2, FN, False, label="dog"),
        answered(3, FP, True, truth=False),
        answered(4, AGREED, False, truth=False, part="heldout"),
    )
    seen = {
        (part, kind): (figures["pairs"], figures["pictures"], tuple(figures["confusion"].values()))
        for part in ("public", "heldout", "both")
        for kind, figures in sheet.figures(part).items()
        if figures["pairs"]
    }
    assert seen == {
        ("public", "adverse"): (3, 3, (1, 1, 1, 0)),
        ("public", FN): (2, 2, (1, 1, 0, 0)),
        ("public", FP): (1, 1, (0, 0, 1, 0)),
        ("public", AGREED): (1, 1, (1, 0, 0, 0)),
        ("public", "all"): (4, 3, (2, 1, 1, 0)),
        ("heldout", AGREED): (1, 1, (0, 0, 0, 1)),
        ("heldout", "all"): (1, 1, (0, 0, 0, 1)),
        ("both", "adverse"): (3, 3, (1, 1, 1, 0)),
        ("both", FN): (2, 2, (1, 1, 0, 0)),
        ("both", FP): (1, 1, (0, 0, 1, 0)),
        ("both", AGREED): (2, 2, (1, 0, 0, 1)),
        ("both", "all"): (5, 4, (2, 1, 1, 1)),
    }
    everything = sheet.figures("public")["all"]
    names = ("accuracy", "f1", "false_negative_rate", "false_positive_rate")
    assert [round(everything[name][0], 4) for name in names] == [0.5, 0.6667, 0.3333, 1.0]
    assert {
        label: {kind: figures["pairs"] for kind, figures in kinds.items()}
        for label, kinds in sheet.by_label("public").items()
    } == {"cat": {"adverse": 2, FN: 1, FP: 1, "all": 3, AGREED: 1}, "dog": {"adverse": 1, FN: 1, "all": 1}}


def test_a_share_of_nothing_has_no_figure() -> None:
    figures = sheet_of(answered(1, FN, True)).figures("public")
    assert figures["adverse"]["false_positive_rate"] == [None, None, None]
    nothing_there = sheet_of(answered(1, FP, True, truth=False)).figures("public")["adverse"]
    assert (nothing_there["f1"][0], nothing_there["false_positive_rate"][0]) == (None, 1.0)
    assert (figures["agreement"]["pairs"], figures["agreement"]["accuracy"]) == (0, [None, None, None])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_with_a_picture_for_each_pair_an_interval_is_wilsons_or_hardly_wider(pairs) -> None:
    sheet = sheet_of(*(answered(at, AGREED, says, truth=truth) for at, (truth, says) in enumerate(pairs)))
    share = sheet.share("public", Kind.ALL)
    right = sum(truth == says for truth, says in pairs)
    low, high = wilson_interval(right, len(pairs))
    found = share.interval
    assert share.value == right / len(pairs)
    assert found.low <= low + 1e-9
    assert found.high >= high - 1e-9
    assert share.worth >= len(pairs) - 1 - 1e-9  # the variance of so many pictures divides by one less


def test_pairs_of_a_picture_that_stand_or_fall_together_are_worth_one() -> None:
    together = Share()
    for picture in range(40):
        together.add(5 * (picture % 2), 5)
    assert (together.trials, round(together.worth)) == (200, 39)
    assert Share(successes=10, trials=10, pictures=2, sizes=50).worth == 2.0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Pictures of four pairs, whose classifier is often wholly right or wholly wrong: 70% of all pairs are right."""
    draw, held, naive, times = random.Random(7), 0, 0, 400
    for _ in range(times):
        share = Share()
        for _picture in range(60):
            chance = 0.97 if draw.random() < 0.7 - 0.0 else 0.07
            share.add(sum(draw.random() < chance for _ in range(4)), 4)
        true = 0.7 * 0.97 + 0.3 * 0.07
        held += share.interval.low <= true <= share.interval.high
        low, high = interval_of(share.value, share.trials)
        naive += low <= true <= high
    assert (held / times >= 0.93, naive / times < 0.85) == (True, True)


@pytest.mark.parametrize(("fewer", "number"), [*product(range(5), (0, 1, 7, 12)), (40, 100), (400, 1000), (490, 1000)])
def test_the_exact_test_is_the_binomial_one(fewer, number) -> None:
    fewer = min(fewer, number)
    wanted = binomtest(min(fewer, number - fewer), number).pvalue if number else 1.0
    assert two_sided(min(fewer, number - fewer), number) == pytest.approx(wanted, rel=1e-9)


def test_a_picture_counts_once_for_who_has_more_of_its_pairs_right() -> None:
    rows = [(1, True, False), (1, True, False), (1, False, True), (2, True, False), (3, False, True), (4, True, True)]
    assert compare(rows) == Paired(6, 3, 2, 2, 1, 1.0)
    assert compare([]) == Paired(0, 0, 0, 0, 0, 1.0)
    one, other = answered(1, FN, True), answered(2, FN, False)
    assert list(same_pairs([one, other], [None, True])) == [(2, False, True)]


def test_many_comparisons_make_each_less_sure() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_rows_are_grouped_by_what_can_be_told_from_the_first_of_a_group() -> None:
    assert groups_of(5, [(0, 2), (0, 3), (0, 4), (2, 4)]) == [1, 1, 2, 2, 3]
    assert (groups_of(0, []), groups_of(3, [])) == ([], [1, 1, 1])


def test_ambiguous_pairs_have_no_truth() -> None:
    assert [truth_of("yes", FN), truth_of("no", AGREED), truth_of("undecided", "ambiguous")] == [True, False, None]
    assert truth_of("yes", "ambiguous") is None  # short of the answers that would carry it
