"""The plots of the overview: a queue with its forecast, and two histograms back to back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cats4ml.ui.plots_mirror import HALF, ROW, Bin, make_mirror_plot
from cats4ml.ui.plots_queue import Ahead, Depth, make_queue_plot

START = datetime(2026, 11, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_queue_is_drawn_up_to_now_and_its_forecast_from_there() -> None:
    depths = [Depth(START + place * DAY, pairs, ("1 day",)) for place, pairs in enumerate([50, 100, 40])]
    ahead = [Ahead(START + (2 + days) * DAY, 40 - 20 * days, 40 - 40 * days, 40) for days in (0, 1)]
    ahead += [Ahead(START + (2 + days) * DAY, 0, 0, 9_000) for days in (2, 3)]
    plot = make_queue_plot(
        depths, title="Pairs", columns=("Pairs", "Oldest"), ahead=ahead, clears=(START + 4 * DAY, "clears Fri 13 Nov")
    )
    assert plot is not None
    # 200 is twice the deepest: a band that goes beyond it is cut, and flattens nothing.
    assert plot.line == "0.0,180.0 200.0,120.0 400.0,192.0"
    assert plot.course == "400.0,192.0 600.0,216.0 800.0,240.0"
    assert plot.band.split() == [
        "400.0,192.0", "600.0,192.0", "800.0,0.0", "1000.0,0.0", "1000.0,240.0", "800.0,240.0", "600.0,240.0",
        "400.0,192.0",
    ]  # fmt: skip
    assert [(tick.position, tick.text) for tick in plot.x_ticks] == [
        ("0%", "9 Nov"),
        ("40%", "11 Nov"),
        ("100%", "14 Nov"),
    ]
    assert plot.finding == "Pairs: 50 at first, 40 now; clears Fri 13 Nov."
    assert plot.rows == (
        ("9 Nov", ("50", "1 day")), ("10 Nov", ("100", "1 day")), ("11 Nov", ("40", "1 day")),
        ("12 Nov, forecast", ("20, between 0 and 40", "")), ("13 Nov, forecast", ("0, between 0 and 9,000", "")),
        ("14 Nov, forecast", ("0, between 0 and 9,000", "")),
    )  # fmt: skip


@pytest.mark.parametrize("pairs", [[], [5], [0, 0, 0]])
def test_where_nothing_was_in_the_queue_there_is_no_plot(pairs) -> None:
    depths = [Depth(START + place * DAY, one) for place, one in enumerate(pairs)]
    assert make_queue_plot(depths, title="Pairs", columns=("Pairs",)) is None


def test_square_roots_show_what_is_rare_and_parts_stand_on_one_another() -> None:
    bins = [
        Bin(0.0, 0.5, above=(("fn", 100), ("ag", 0)), below=(("fp", 0), ("ag", 400)), row=(("am", 1),)),
        Bin(0.5, 1.0, above=(("fn", 25), ("ag", 75)), below=(("fp", 1), ("ag", 0)), row=(("am", 0),)),
    ]
    columns = ("FN", "Yes", "FP", "No", "Undecided")
    plot = make_mirror_plot(bins, title="Scores", finding="As found.", threshold=0.5, columns=columns)
    assert plot is not None
    assert [(box.tone, box.y, box.height) for box in plot.boxes] == [
        ("fn", HALF - 65, 65.0), ("ag", HALF, HALF), ("fn", HALF - 32.5, 32.5), ("ag", HALF - 65, 32.5),
        ("fp", HALF, 6.5),
    ]  # fmt: skip
    assert [(box.tone, box.y, box.height) for box in plot.row_boxes] == [("am", ROW - 6.5, 6.5)]
    assert [(line.y, line.text) for line in plot.grid][:2] == [(0.0, "400"), (2.0 * HALF, "400")]
    assert plot.rows == (("0.00 to 0.50", ("100", "0", "0", "400", "1")), ("0.50 to 1.00", ("25", "75", "1", "0", "0")))
    empty = Bin(0.0, 1.0, above=(("fn", 0),), below=(("fp", 0),), row=(("am", 0),))
    assert make_mirror_plot([empty], title="", finding="", threshold=0.5, columns=()) is None


def test_a_row_that_is_fuller_than_the_halves_keeps_its_room() -> None:
    one = Bin(0.0, 1.0, above=(("fn", 0),), below=(("fp", 0),), row=(("am", 50),))
    plot = make_mirror_plot([one], title="", finding="", threshold=0.5, columns=("a", "b", "c"))
    assert plot is not None
    assert [(box.y, box.height) for box in plot.row_boxes] == [(0.0, float(ROW))]
