"""Where the dots of time against accuracy stand."""

from __future__ import annotations

from cats4ml.ui.scatter import HEIGHT, Point, make_scatter


def point(seconds: float, share: float, name: str = "Ada") -> Point:
    return Point(name=name, href="/ada/", seconds=seconds, share=share, words="")


def test_nothing_is_plotted_without_a_point() -> None:
    assert make_scatter([]) is None


def test_time_doubles_to_the_right_and_shares_rise_from_a_round_foot() -> None:
    plot = make_scatter([point(4, 1.0), point(0.25, 0.5), point(900, 0.75)], fast=0.5, least=0.6)
    assert [(dot.x, dot.y) for dot in plot.dots] == [("0%", HEIGHT), ("50%", 0.0), ("100%", HEIGHT / 2)]
    assert [(tick.position, tick.text) for tick in plot.x_ticks][:3] == [
        ("12.5%", "0.5 s"),
        ("25%", "1 s"),
        ("37.5%", "2 s"),
    ]
    assert [tick.text for tick in plot.y_ticks] == ["100%", "90%", "80%", "70%", "60%", "50%"]
    assert (plot.x_limit.position, plot.y_limit.y) == ("12.5%", 224.0)


def test_the_foot_is_below_the_lowest_and_no_limit_is_drawn_where_there_is_none() -> None:
    plot = make_scatter([point(1, 0.0), point(1, 0.33)])
    assert ([tick.text for tick in plot.y_ticks], plot.x_limit, plot.y_limit) == (
        ["100%", "75%", "50%", "25%", "0%"],
        None,
        None,
    )
    assert [dot.y for dot in plot.dots] == [HEIGHT, 187.6]
