"""What the rater's page shows, and what it must not."""

import re
from types import SimpleNamespace
from typing import Any

from django.template.loader import render_to_string

CARD = SimpleNamespace(
    token="t1",
    picture_url="/pictures/1.jpg",
    width=160,
    height=120,
    question="Is there a coffee mug in this picture?",
    guidance=SimpleNamespace(short="A cup with a handle.", unfolds=False),
    warm_up=False,
    meets_label=False,
)
FOLLOWING = SimpleNamespace(**{**vars(CARD), "token": "t2", "picture_url": "/pictures/2.jpg"})


def draw(template: str = "review/_card.html", **changes: Any) -> str:
    context = {
        "challenge": SimpleNamespace(slug="edition-2", title="Edition 2"),
        "card": CARD,
        "progress": SimpleNamespace(answered=32, goal=100, overall=132, minutes_left=25, skips_left=7),
        "last_answer": SimpleNamespace(label="No", undoable=True),
    }
    return render_to_string(template, context | changes)


def test_three_answers_look_alike_and_have_their_keys() -> None:
    buttons = re.findall(
        r'<button class="([^"]+)" type="submit" name="answer" value="(\w+)"><kbd[^>]*>(\d)</kbd><span>(.*?)</span>',
        draw(),
    )
    assert buttons == [
        ("answer", "yes", "1", "Yes"),
        ("answer", "no", "2", "No"),
        ("answer", "dont_know", "3", "Don’t know"),
    ]


def test_nothing_hints_at_a_score_a_finder_or_a_vote() -> None:
    assert re.findall(r"score|finder|submitter|vote|outcome|false.(?:positive|negative)", draw(), re.IGNORECASE) == []


def test_picture_is_shown_at_most_three_and_a_half_times_its_size() -> None:
    assert 'width="560" height="420"' in draw()


def test_next_question_is_in_the_page_but_not_yet_in_view() -> None:
    page = draw(following=FOLLOWING)
    [template] = re.findall(r"<template.*?</template>", page, re.DOTALL)
    assert ('data-token="t2"' in template, 'src="/pictures/2.jpg"' in template) == (True, True)
    assert "/pictures/2.jpg" not in page.replace(template, "")
    assert "<template" not in draw(following=None)


def test_skip_says_how_many_are_left_and_rests_when_there_are_none() -> None:
    assert "<span>7 left</span>" in draw()
    none = SimpleNamespace(answered=32, goal=100, overall=132, minutes_left=None, skips_left=0)
    assert "data-skip disabled" in draw(progress=none)
    assert "data-skip disabled" not in draw()


def test_progress_is_of_the_hundred_with_the_sum_and_the_minutes() -> None:
    assert re.findall(r"<span>(.*?)</span>", draw()[: draw().index("<h1>")]) == [
        "Use these keys",
        "32 of 100, 132 in all",
        "about 25 minutes left",
    ]


def test_undo_keeps_its_place_when_there_is_nothing_to_undo() -> None:
    assert "data-undo disabled" in draw(last_answer=None)
    assert "Last answer:</span> <b>none yet</b>" in draw(last_answer=None)
    assert "data-undo disabled" not in draw()


def test_empty_queue_says_so_and_looks_again() -> None:
    empty = draw(card=None)
    assert "Nothing waits for you right now" in empty
    assert 'hx-trigger="every 5s, click"' in empty
    assert 'name="answer"' not in empty


def test_page_is_the_card_in_a_full_screen() -> None:
    page = draw("review/review.html", csrf_token="x")
    assert page.count('id="card"') == 1
    assert '<body class="review-page"' in page
    assert 'class="site-header"' not in page
    assert 'aria-live="polite"' in page
