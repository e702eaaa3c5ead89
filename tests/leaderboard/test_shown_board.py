"""Which board is shown to whom and when: live, frozen, hidden or final, on the page, in the CSV and by the API."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus, Role
from cats4ml.challenges.queries import Viewer
from cats4ml.leaderboard.actions import keep_board, recount_board, recount_boards
from cats4ml.leaderboard.history import STEPS, points_over_time
from cats4ml.leaderboard.models import Board, KeptBoard
from cats4ml.leaderboard.queries import shown_board
from cats4ml.rules.answers import Answer
from cats4ml.rules.boards import BoardState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from tests.factories import World, make_user, make_world
from tests.web import HTMX, signed_in

YES = Answer.YES
ORGANISER = Viewer(is_organiser=True)


@pytest.fixture
def world(db) -> World:
    return make_world(pictures=12, policy=Policy(quorum=1))


def find(world: World, place: int) -> None:
    """A pair that was claimed before is scored, and found adverse."""
    world.score(place, {"cat": 0.1})
    world.rate(world.pair(place, "cat"), YES)


def season(world: World) -> None:
    """Ada leads by 2 to 1 with one pending when the board closes; after that Bob overtakes with two more."""
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"))
    world.claim(bob, (3, "cat"), (4, "cat"), (5, "cat"))
    for place in (0, 1, 3):
        find(world, place)
    world.closing = world.pass_time(60)  # type: ignore[attr-defined]
    world.pass_time(60)
    for place in (4, 5):
        find(world, place)


def close(world: World, board: str, *, ended: bool = False) -> None:
    """By this policy the board closed between the two halves of the season, an hour before the end."""
    decide_policy(challenge=world.challenge, policy=Policy(quorum=1, board=board, board_hours=1))
    closes_at = world.closing + timedelta(hours=1)  # type: ignore[attr-defined]
    Challenge.objects.filter(pk=world.challenge.pk).update(closes_at=closes_at)
    if ended:
        Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.FINAL)
    world.challenge = Challenge.objects.select_related("policy").get(pk=world.challenge.pk)
    recount_boards(at=world.pass_time(60))


def lines(world: World, viewer: Viewer) -> list[tuple]:
    shown = shown_board(world.challenge, viewer, world.clock)
    return [(line.rank, line.name, line.points, line.settled, line.pending) for line in shown.lines]


NOW = [(1, "bob", 3, 3, 0), (2, "ada", 2, 2, 1)]
THEN = [(1, "ada", 2, 2, 1), (2, "bob", 1, 1, 2)]


@pytest.mark.parametrize(
    ("board", "ended", "state", "all_see"),
    [
        ("live", False, BoardState.LIVE, NOW),
        ("frozen", False, BoardState.FROZEN, THEN),
        ("hidden", False, BoardState.HIDDEN, []),
        ("frozen", True, BoardState.FINAL, NOW),
        ("hidden", True, BoardState.FINAL, NOW),
    ],
)
def test_everybody_sees_what_the_policy_says_and_organisers_the_live_board(world, board, ended, state, all_see) -> None:
    season(world)
    close(world, board, ended=ended)
    assert lines(world, Viewer()) == all_see
    assert lines(world, ORGANISER) == NOW
    shown = shown_board(world.challenge, ORGANISER, world.clock)
    assert (shown.for_all, shown.is_ahead) == (state, state in (BoardState.FROZEN, BoardState.HIDDEN))
    assert shown_board(world.challenge, Viewer(), world.clock).state == state


def test_board_is_kept_as_of_its_moment_however_late_and_whatever_happened_since(world) -> None:
    season(world)
    ada, bob = world.challenge.participations.order_by("pk").filter(role=Role.FINDER)
    world.pass_time(60)
    disqualify_participant(participation=ada, reason="bot", by=make_user(), at=world.pass_time(1))
    pair = reopen_pair(
        pair_id=world.pair(3, "cat").pk, reason="dispute", by=make_user(), at=world.pass_time(1), more_ratings=1
    )
    world.rate(pair, YES)
    world.finder(make_user("cyd"))
    close(world, "frozen")
    assert lines(world, Viewer()) == THEN
    assert lines(world, ORGANISER) == [(1, "bob", 3, 3, 0), (2, "cyd", 0, 0, 0)]
    keep_board(challenge=world.challenge, at=world.pass_time(60))
    assert KeptBoard.objects.get().counted_at < world.clock
    assert bob.pk is not None


def test_until_it_is_kept_a_frozen_board_shows_nothing_and_a_later_end_thaws_it(world) -> None:
    season(world)
    close(world, "frozen")
    KeptBoard.objects.all().delete()
    assert lines(world, Viewer()) == []
    recount_boards(at=world.clock)
    assert lines(world, Viewer()) == THEN
    Challenge.objects.update(closes_at=world.clock + timedelta(days=1))
    world.challenge.refresh_from_db()
    recount_boards(at=world.clock)
    assert (lines(world, Viewer()), KeptBoard.objects.count()) == (NOW, 0)


def test_claims_closed_by_hand_freeze_the_board_as_it_stands(world) -> None:
    season(world)
    decide_policy(challenge=world.challenge, policy=Policy(quorum=1, board="frozen"))
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.CLOSED)
    world.challenge = Challenge.objects.select_related("policy").get(pk=world.challenge.pk)
    recount_boards(at=world.pass_time(1))
    find(world, 2)
    recount_boards(at=world.pass_time(60))
    assert (lines(world, Viewer()), lines(world, ORGANISER)[0]) == (NOW, (1, "ada", 3, 3, 0))


def test_what_was_claimed_before_the_close_counts_though_it_is_scored_later(world) -> None:
    ada = world.finder(make_user("ada"))
    world.claim(ada, (0, "cat"), (1, "cat"))
    Challenge.objects.filter(pk=world.challenge.pk).update(closes_at=world.pass_time(1), status=ChallengeStatus.CLOSED)
    world.challenge.refresh_from_db()
    find(world, 0)
    recount_board(challenge=world.challenge, at=world.pass_time(60))
    assert lines(world, Viewer()) == [(1, "ada", 1, 1, 1)]
    find(world, 1)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    world.challenge.refresh_from_db()
    recount_boards(at=world.pass_time(60))
    assert (lines(world, Viewer()), Board.objects.get().is_final) == ([(1, "ada", 2, 2, 0)], True)


def test_page_csv_and_api_show_the_same_board_and_the_plot_nothing_later(world) -> None:
    """Through the views it is now: the season is long past, and so is the end of the challenge."""
    season(world)
    close(world, "frozen")
    slug, anybody = world.challenge.slug, signed_in(make_user())
    page = anybody.get(reverse("leaderboard:board", args=[slug])).content.decode()
    ranks = re.findall(r'class="c-rank">(\d+)=?</td>.*?class="c-name"><bdi>(\w+)', page, re.S)
    table = anybody.get(reverse("leaderboard:csv", args=[slug])).content.decode()
    found = anybody.get(f"/api/v1/challenges/{slug}/standings/").json()
    assert ranks == [("1", "ada"), ("2", "bob")]
    assert [row["name"] for row in csv.DictReader(io.StringIO(table))] == ["ada", "bob"]
    assert [(row["name"], row["points"]) for row in found["results"]] == [("ada", 2), ("bob", 1)]
    assert (found["state"], found["state_for_all"]) == ("frozen", "frozen")
    assert ("frozen</span>" in page, "Points over time. At the end: ada 2, bob 1." in page) == (True, True)
    world.challenge.participations.create(user=(olga := make_user()), role=Role.ORGANISER)
    theirs = signed_in(olga).get(reverse("leaderboard:board", args=[slug])).content.decode()
    assert ("You see the live board" in theirs, "At the end: bob 3, ada 2." in theirs) == (True, True)


def test_a_hidden_board_leaks_nowhere(world) -> None:
    season(world)
    close(world, "hidden")
    slug = world.challenge.slug
    ada = signed_in(world.challenge.participations.get(user__username="ada").user)
    page = ada.get(reverse("leaderboard:board", args=[slug])).content.decode()
    assert ("hidden until the challenge is final" in page, "bob" in page, "rank" in page.lower()) == (
        True,
        False,
        False,
    )
    assert ada.get(reverse("leaderboard:csv", args=[slug])).content.decode().count("\n") == 1
    found = ada.get(f"/api/v1/challenges/{slug}/standings/").json()
    assert (found["state"], found["results"], found["drawn_at"]) == ("hidden", [], None)


def test_an_open_page_is_told_that_nothing_changed_and_no_more(world) -> None:
    season(world)
    recount_board(challenge=world.challenge, at=world.clock)
    client = signed_in(make_user())
    page = client.get(reverse("leaderboard:board", args=[world.challenge.slug])).content.decode()
    [again] = set(re.findall(r'hx-get="([^"]+seen=\w+)"', page))
    same = client.get(again, headers=HTMX)
    assert (same.status_code, same.content) == (204, b"")
    assert client.get(again).status_code == 200  # without htmx it is the page, as ever
    find(world, 2)
    recount_board(challenge=world.challenge, at=world.clock)
    changed = client.get(again, headers=HTMX)
    assert (changed.status_code, 'id="board"' in changed.content.decode()) == (200, True)


def test_an_open_page_of_a_frozen_board_is_told_of_another_moment_though_no_line_changed(world) -> None:
    season(world)
    close(world, "frozen")
    before = shown_board(world.challenge, Viewer(), world.clock)
    world.challenge.closes_at += timedelta(seconds=10)
    world.challenge.save()
    keep_board(challenge=world.challenge, at=world.pass_time(60))
    after = shown_board(world.challenge, Viewer(), world.clock)
    assert (lines(world, Viewer()), after.moment - before.moment) == (THEN, timedelta(seconds=10))
    assert before.mark != after.mark


def test_the_course_of_points_is_counted_in_steps_by_the_database_up_to_the_boards_entry(world) -> None:
    season(world)
    recount_board(challenge=world.challenge, at=world.clock)
    shown = shown_board(world.challenge, Viewer(), timezone.now())
    find(world, 2)  # not on the board yet, nor in the plot
    courses = points_over_time(world.challenge, shown, shown.lines)
    names = {line.key: line.name for line in shown.lines}
    steps = {names[key]: [step.points for step in course] for key, course in courses.items()}
    assert steps == {"bob": [1, 2, 3], "ada": [1, 2]}
    assert max(len(course) for course in courses.values()) <= STEPS
    [claim] = world.challenge.pairs.get(image=world.images[2]).submissions.all()
    assert claim.retracted_at is None


def test_a_claim_taken_back_after_the_moment_counts_as_it_did_then(world) -> None:
    season(world)
    ada = world.challenge.participations.get(user__username="ada")
    pending = ada.submissions.get(pair__image=world.images[2])
    retract_submission(participation=ada, submission_id=pending.pk, at=world.pass_time(1))
    close(world, "frozen")
    assert (lines(world, Viewer()), lines(world, ORGANISER)[1]) == (THEN, (2, "ada", 2, 2, 0))
