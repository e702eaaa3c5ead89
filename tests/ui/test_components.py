"""What the parts of the interface say and draw."""

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from cats4ml.ui import words
from cats4ml.ui.meters import make_quota_meter
from cats4ml.ui.plots import LABEL_GAP, make_plot, spread, y_steps
from cats4ml.ui.readings import Marks, Votes


def draw(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        ("false_negative", "False negative"),
        ("false_positive", "False positive"),
        ("agreement", "Agreement"),
        ("ambiguous", "Ambiguous"),
    ],
)
def test_every_outcome_is_told_by_tone_shape_and_word(outcome: str, word: str) -> None:
    badge = draw("{% outcome_badge outcome %}", outcome=outcome)
    assert text_of(badge) == word
    assert f"tone-{words.OUTCOMES[outcome].tone}" in badge
    assert badge.count("<path") == 1


def test_the_four_outcomes_have_four_shapes() -> None:
    paths = [re.findall(r'<path d="([^"]+)"', draw("{% outcome_badge o %}", o=outcome)) for outcome in words.OUTCOMES]
    assert len({tuple(path) for path in paths}) == 4


def test_shape_alone_has_a_text_alternative() -> None:
    assert 'aria-label="False positive"' in draw("{% outcome_shape 'false_positive' %}")
    assert 'aria-hidden="true"' in draw("{% outcome_shape 'false_positive' hidden=True %}")


def test_no_outcome_draws_no_badge() -> None:
    assert draw("{% outcome_badge None %}") == ""


def test_every_state_has_a_word_and_a_mark_of_its_own() -> None:
    drawn = [draw("{% state_badge s %}", s=state) for state in words.STATES]
    assert [text_of(badge) for badge in drawn] == ["Queued", "In review", "Settled", "Can’t be scored", "Withdrawn"]
    assert len({re.sub(r"</svg>.*|^.*?<svg", "", badge) for badge in drawn}) == 5


@pytest.mark.parametrize("number", range(8))
def test_up_to_seven_votes_of_a_kind_are_one_dot_each(number: int) -> None:
    reading = draw("{% reading mean=0.93 outcome='false_positive' yes=n no=n dont_know=n %}", n=number)
    marks = [reading.count(f'class="{kind}"') for kind in ("dot", "ring", "dash")]
    assert marks == [number, number, number]
    assert 'class="count"' not in reading


def test_eight_votes_of_a_kind_are_one_dot_and_a_count() -> None:
    reading = draw("{% reading mean=0.93 outcome='false_positive' yes=8 no=9 dont_know=10 %}")
    assert [reading.count(f'class="{kind}"') for kind in ("dot", "ring", "dash")] == [1, 1, 1]
    assert re.findall(r'class="count"[^>]*>(\d+)<', reading) == ["9", "10", "8"]


def test_no_stands_left_yes_right_and_dashes_clear_of_the_middle() -> None:
    votes = Votes(yes=2, no=3, dont_know=2)
    assert votes.no_marks == Marks(offsets=(6.5, 22.5, 38.5))
    assert votes.yes_marks == Marks(offsets=(-6.5, -22.5))
    assert votes.dash_marks == Marks(offsets=(7.0, 23.0))


@pytest.mark.parametrize(
    ("yes", "no", "dont_know", "summary"),
    [
        (5, 0, 0, "5 of 5 say yes"),
        (0, 4, 1, "4 of 5 say no"),
        (1, 0, 0, "1 of 1 says yes"),
        (2, 2, 1, "2 yes, 2 no of 5"),
        (1, 1, 3, "3 of 5 don’t know"),
        (0, 0, 0, "nobody yet"),
    ],
)
def test_votes_in_words(yes: int, no: int, dont_know: int, summary: str) -> None:
    assert Votes(yes=yes, no=no, dont_know=dont_know).summary == summary


def test_reading_in_review_shows_no_vote_and_a_hidden_score_no_bar() -> None:
    reading = draw("{% reading people_so_far=3 yes=2 no=1 %}")
    assert [kind for kind in ("dot", "ring", "dash", "fill", "needle") if f'class="{kind}"' in reading] == []
    assert "3 people so far" in reading
    assert "The score is shown when the pair settles." in reading


def test_needle_stays_inside_the_track() -> None:
    assert 'x="0%" overflow="visible"><rect class="needle" x="-0.0"' in draw("{% reading mean=0 no=5 %}")
    assert 'x="100%" overflow="visible"><rect class="needle" x="-4"' in draw("{% reading mean=1 no=5 %}").replace(
        "-4.0", "-4"
    )


@pytest.mark.parametrize(
    ("mean", "text"), [(0.93, "0.93"), (0.5, "0.50"), (0.4999, "0.4999"), (0.497, "0.497"), (0.5004, "0.50")]
)
def test_score_is_never_shown_on_the_wrong_side_of_the_threshold(mean: float, text: str) -> None:
    assert words.score_text(mean, 0.5) == text


def test_quota_meter_says_what_is_left_after_the_file() -> None:
    meter = text_of(draw("{% quota_meter 10560 1140 9412 %}"))
    assert meter == "9,420 claims left 1,140 of 10,560 used Used This file: 9,412 8 left after it"


def test_quota_meter_stops_at_the_end_and_says_how_many_rows_do_not_fit() -> None:
    meter = make_quota_meter(total=100, used=96, this_file=10)
    assert (meter.used_width, meter.this_width, meter.after, meter.over) == (
        "96%",
        "4%",
        "0 left after it",
        "6 rows won’t fit in the quota.",
    )


def test_quota_meter_of_nobody_draws_an_empty_bar() -> None:
    assert make_quota_meter(total=0, used=0, this_file=0).used_width == "0%"


def test_progress_is_a_real_progress_element() -> None:
    progress = draw("{% progress 1320 5000 'about 25 minutes left' %}")
    assert '<progress value="1320" max="5000" aria-label="Progress">' in progress
    assert text_of(progress) == "1,320 of 5,000 1,320 of 5,000 about 25 minutes left"


def test_when_names_utc_and_leaves_no_space_behind() -> None:
    at = datetime(2026, 12, 18, 18, 0, tzinfo=UTC)
    assert draw("{% when at %}.", at=at) == (
        '<time datetime="2026-12-18T18:00:00Z" data-when="full">Fri 18 Dec 2026, 18:00 UTC</time>.'
    )
    assert draw("{% when at %}", at=date(2026, 12, 18)) == '<time datetime="2026-12-18">18 Dec 2026</time>'
    assert draw("{% when at %}", at=None) == ""


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=25, hours=6, minutes=40), "25 days and 6 hours left"),
        (timedelta(days=1), "1 day left"),
        (timedelta(hours=1, minutes=1), "1 hour and 1 minute left"),
        (timedelta(seconds=59), "less than a minute left"),
        (timedelta(0), "closed"),
    ],
)
def test_countdown_in_words(left: timedelta, text: str) -> None:
    assert words.time_left(left) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40, "40 s"), (2460, "41 min"), (33600, "9 h 20 min"), (7200, "2 h"), (518400, "6 days"), (90000, "1 day 1 h")],
)
def test_duration_in_words(seconds: int, text: str) -> None:
    assert words.duration(seconds) == text


class ClaimForm(forms.Form):
    picture = forms.CharField(label="Picture ID", help_text="16 characters.")


def test_field_ties_help_and_error_to_the_control() -> None:
    form = ClaimForm({"picture": ""})
    html = draw("{% field form.picture %}", form=form)
    assert '<label for="id_picture">Picture ID</label>' in html
    assert 'aria-describedby="id_picture_help id_picture_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_picture_error"><p><b>Not sent:</b> Fill this in.</p>' in html
    assert 'id="id_picture_help"' in html


def test_field_without_help_or_error_describes_nothing() -> None:
    class Bare(forms.Form):
        note = forms.CharField(widget=forms.TextInput(attrs={"placeholder": "Note"}), label="Note")

    html = draw("{% field form.note %}", form=Bare())
    assert "aria-describedby" not in html
    assert "placeholder" not in html


def test_plot_draws_every_series_once_and_the_subject_last() -> None:
    days = [date(2026, 11, 2), date(2026, 11, 9)]
    rows = [{"name": n, "points": list(zip(days, (0, v), strict=True))} for n, v in (("A", 9), ("B", 4))]
    rows[0]["is_subject"] = True
    plot = make_plot(rows, title="Points")
    assert plot is not None
    assert [(line.label, line.is_subject) for line in plot.lines] == [("B 4", False), ("A 9", True)]
    assert plot.lines[1].path == "0.0,240.0 1000.0,24.0"
    assert plot.finding == "Points. At the end: A 9, B 4."


def test_without_a_viewer_the_leader_is_the_subject() -> None:
    rows = [SimpleNamespace(name=n, points=[(date(2026, 11, 2), v)]) for n, v in (("A", 1), ("B", 4))]
    plot = make_plot(rows, title="Points")
    assert plot is not None
    assert [line.label for line in plot.lines if line.is_subject] == ["B 4"]


def test_plot_of_nothing_says_so() -> None:
    assert text_of(draw("{% points_plot series %}", series=[])) == "Nothing to plot yet."


def test_plot_has_its_numbers_in_a_table() -> None:
    rows = [{"name": "A", "points": [(date(2026, 11, 2), 1), (date(2026, 11, 4), 1200)]}]
    table = draw("{% points_plot series %}", series=rows)
    assert "Name 2 Nov 3 Nov 4 Nov A 1 1 1,200" in text_of(table)


@pytest.mark.parametrize(
    ("top", "steps"),
    [
        (0, [0, 1]),
        (3, [0, 1, 2, 3]),
        (9, [0, 5, 10]),
        (934, [0, 250, 500, 750, 1000]),
        (31874, [0, 10000, 20000, 30000, 40000]),
    ],
)
def test_axis_has_round_steps_that_reach_the_top(top: float, steps: list[float]) -> None:
    assert y_steps(top) == steps


def test_labels_are_moved_apart_and_keep_their_order() -> None:
    placed = spread([100, 101, 102, 240])
    assert placed == [100, 100 + LABEL_GAP, 100 + 2 * LABEL_GAP, 240]


def test_page_without_a_challenge_has_a_header_and_no_sections() -> None:
    page = Template("{% extends 'base.html' %}").render(Context({"request": RequestFactory().get("/")}))
    assert '<main id="main"' in page
    assert 'class="skip" href="#main"' in page
    assert 'class="site-nav"' not in page
    assert page.count("CATS4ML") >= 2


def test_a_part_of_the_site_may_bring_its_own_sections() -> None:
    items = [{"label": "Overview", "href": "/console/", "current": True}]
    page = Template("{% extends 'base.html' %}").render(Context({"nav_items": items}))
    assert page.count('<a href="/console/" aria-current="page">Overview</a>') == 2
