"""The board through the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cats4ml.challenges.models import Participation
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.drawing import draw_ranks
from cats4ml.rules.answers import Answer
from tests.api.clients import address, body, only
from tests.factories import make_user


@pytest.fixture
def board(world):
    """ada has one false negative and a claim in the queue; +bob and cyd have nothing yet."""
    ada = world.finder(make_user("ada"))
    world.claim(ada, (0, "cat"), (1, "cat"))
    world.claim(world.finder(make_user("+bob")), (2, "cat"))
    world.finder(make_user("cyd"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)
    recount_board(challenge=world.challenge, at=world.clock)
    return world


def test_board_shares_ranks_and_says_when_it_was_counted(board) -> None:
    rows = APIClient().get(address(board, "standings/")).json()["results"]
    assert only(rows, "rank", "shared", "name", "points", "false_negatives", "false_positives") == [
        (1, False, "ada", 1, 1, 0),
        (2, True, "+bob", 0, 0, 0),
        (2, True, "cyd", 0, 0, 0),
    ]
    assert only(rows, "pending", "settled", "success_rate") == [(1, 1, 1.0), (1, 0, None), (0, 0, None)]
    assert {row["counted_at"] for row in rows} == {board.clock.isoformat().replace("+00:00", "Z")}


def test_board_as_csv_has_no_name_that_is_a_formula(board) -> None:
    counted = board.clock.isoformat().replace("+00:00", "Z")
    answer = APIClient().get(address(board, "standings/"), {"format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert body(answer).decode() == (
        "rank,shared,could_be_low,could_be_high,name,baseline,points,false_negatives,false_positives,claims,settled,"
        "pending,rejected,success_rate,rate_low,rate_high,rate_method,labels,clusters,kinds,diversity,counted_at\n"
        f"1,0,,,ada,0,1,1,0,2,1,1,0,1.0,,,,1,1,1,1.0,{counted}\n"
        f"2,1,,,'+bob,0,0,0,0,1,0,1,0,,,,,0,0,0,0.0,{counted}\n"
        f"2,1,,,cyd,0,0,0,0,0,0,0,0,,,,,0,0,0,0.0,{counted}\n"
    )


def test_board_says_what_ranks_could_be_once_they_are_drawn_and_a_baseline_has_none(board) -> None:
    Participation.objects.filter(user__username="cyd").update(is_baseline=True)
    recount_board(challenge=board.challenge, at=board.clock)
    draw_ranks(challenge=board.challenge, at=board.clock, draws=200)
    found = APIClient().get(address(board, "standings/")).json()
    drawn = board.clock.isoformat().replace("+00:00", "Z")
    beside = {name: found[name] for name in ("state", "state_for_all", "moment", "drawn_at")}
    assert beside == {"state": "live", "state_for_all": "live", "moment": None, "drawn_at": drawn}
    names = ("name", "rank", "could_be_low", "could_be_high", "baseline", "rate_method")
    assert only(found["results"], *names) == [
        ("ada", 1, 1, 1, False, "wilson"),
        ("+bob", 2, 2, 2, False, None),
        ("cyd", None, None, None, True, None),
    ]


def test_pages_pass_through_a_shared_rank(board) -> None:
    names, url = [], f"{address(board, 'standings/')}?page_size=1"
    while url:
        page = APIClient().get(url).json()
        names += [row["name"] for row in page["results"]]
        url = page["next"]
    assert names == ["ada", "+bob", "cyd"]


@pytest.mark.parametrize("rows", [1, 3])
def test_board_costs_the_same_however_long(board, django_assert_num_queries, rows) -> None:
    draw_ranks(challenge=board.challenge, at=board.clock, draws=20)
    with django_assert_num_queries(5):
        assert len(APIClient().get(address(board, "standings/"), {"page_size": rows}).json()["results"]) == rows
