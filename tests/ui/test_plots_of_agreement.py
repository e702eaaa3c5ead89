"""Geometry of dots, bands and columns."""

from __future__ import annotations

import pytest

from cats4ml.ui.plots_band import Step, make_band_plot
from cats4ml.ui.plots_columns import Column, Share, make_column_plot, make_share_plot
from cats4ml.ui.plots_dots import Dot, make_dot_plot, number, scale_for


def test_a_dot_lies_between_its_whiskers_on_a_scale_from_0_to_1() -> None:
    plot = make_dot_plot([Dot("Cat", 0.5, 0.25, 0.75, cells=("12",))], title="Alpha", columns=("Pairs",), bounds=(0.8,))
    assert plot is not None
    [row] = plot.rows
    assert (row.low_x, row.x, row.high_x, row.text, row.between) == ("25%", "50%", "75%", "0.50", "0.25 to 0.75")
    assert [(mark.x, mark.text, mark.anchor) for mark in plot.grid] == [
        ("0%", "0", "start"), ("50%", "0.5", "middle"), ("100%", "1", "end"),
    ]  # fmt: skip
    assert [(mark.x, mark.text) for mark in plot.bounds] == [("80%", "0.80")]


def test_the_scale_reaches_below_0_as_far_as_it_must() -> None:
    assert [scale_for(lowest).low for lowest in (0.3, 0.0, -0.04, -0.1, -0.55)] == [0.0, 0.0, -0.1, -0.1, -0.6]
    plot = make_dot_plot([Dot("Cat", -0.2), Dot("Dog", 0.4, -0.25, 0.6, note="few")], title="Alpha")
    assert plot is not None
    assert [(mark.text, mark.anchor) for mark in plot.grid] == [("0", "middle"), ("0.5", "middle"), ("1", "end")]
    assert [(row.x, row.between, row.text) for row in plot.rows] == [
        ("7.69%", "", "−0.20"), ("53.85%", "−0.25 to 0.60", "0.40"),
    ]  # fmt: skip
    assert [row.low_x == row.x for row in plot.rows] == [True, False]


@pytest.mark.parametrize(("value", "text"), [(0.125, "0.12"), (-0.001, "0.00"), (-0.5, "−0.50"), (1.0, "1.00")])
def test_numbers_have_two_decimals_and_a_minus_sign(value: float, text: str) -> None:
    assert number(value) == text


def test_a_line_has_a_point_for_each_value_and_a_band_where_there_are_intervals() -> None:
    steps = [
        Step("1 May", 0.5, 0.25, 0.75, ("20",)),
        Step("2 May", None, cells=("20",)),
        Step("3 May", 1.0, 0.5, 1.0, ("20",)),
    ]
    plot = make_band_plot(steps, title="Alpha", columns=("Pairs",))
    assert plot is not None
    assert plot.line == "0.0,100.0 1000.0,0.0"
    assert plot.band == "0.0,150.0 1000.0,100.0 1000.0,0.0 0.0,50.0"
    assert [(dot.x, dot.y) for dot in plot.dots] == [("0%", 100.0), ("100%", 0.0)]
    assert plot.rows == (
        ("1 May", ("0.50, between 0.25 and 0.75", "20")),
        ("2 May", ("–", "20")),
        ("3 May", ("1.00, between 0.50 and 1.00", "20")),
    )
    assert plot.finding == "Alpha: 0.50 at first, 1.00 at last."
    assert [(tick.position, tick.text, tick.inner) for tick in plot.x_ticks] == [
        ("0%", "1 May", False), ("50%", "2 May", True), ("100%", "3 May", False),
    ]  # fmt: skip


def test_one_value_is_no_course() -> None:
    assert make_band_plot([], title="Alpha") is None
    assert make_band_plot([Step("1 May", 0.5), Step("2 May", None)], title="Alpha") is None


def test_columns_are_stacked_from_the_foot_and_what_is_rare_is_seen() -> None:
    columns = [Column("none", "0", (300, 0)), Column("more", "1", (1, 100)), Column("most", "2", (0, 0))]
    plot = make_column_plot(columns, title="Pairs", parts=("a", "b"), tones=("fn", "fp"))
    assert plot is not None
    assert [(block.tone, block.y, block.height) for block in plot.blocks] == [
        ("fn", 18.0, 160.0), ("fn", 177.0, 1.0), ("fp", 123.7, 53.3),
    ]  # fmt: skip
    assert [(text.x, text.name, text.total) for text in plot.texts] == [
        ("16.67%", "0", "300"), ("50%", "1", "101"), ("83.33%", "2", ""),
    ]  # fmt: skip
    assert plot.rows == (("none", ("300", "0")), ("more", ("1", "100")), ("most", ("0", "0")))
    assert make_column_plot([Column("none", "0", (0, 0))], title="Pairs", parts=("a", "b"), tones=("fn", "fp")) is None


def test_shares_stand_where_their_step_is_and_empty_steps_stay_empty() -> None:
    share = Share("1 to 2", "1+", 3, 4, 0.3, 0.95, ("7",))
    plot = make_share_plot([None, share], names=["0+", "1+"], title="Agree", columns=("Answers", "Don’t know"))
    assert plot is not None
    assert [(one.x, one.y, one.low_y, one.high_y) for one in plot.whiskers] == [("75%", 45.0, 126.0, 9.0)]
    assert [text.name for text in plot.texts] == ["0+", "1+"]
    assert plot.rows == (("1 to 2", ("75%, between 30% and 95%", "4", "7")),)
    assert make_share_plot([None, None], names=["0+", "1+"], title="Agree") is None
