"""The board: rebuilt whole from the ledger, the same however often and by whomever it is counted."""

from __future__ import annotations

import csv
import io
from collections import Counter
from functools import partial

import pytest
from django.urls import reverse

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, PoolImage
from cats4ml.leaderboard.actions import recount_board, recount_boards, recount_in_turn
from cats4ml.leaderboard.models import Board, Standing
from cats4ml.leaderboard.presentation import CSV_COLUMNS
from cats4ml.leaderboard.tasks import recount
from cats4ml.rules.answers import Answer
from cats4ml.rules.diversity import Kin, effective_number
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.actions.recording import mark_unscorable
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from tests.concurrency import at_once
from tests.factories import World, make_team, make_user, make_world
from tests.web import HTMX, queries_of, signed_in

YES, NO = Answer.YES, Answer.NO
COLUMNS = ("rank", "shared", "name", "points", "false_negatives", "false_positives", "claims", "settled", "pending")


@pytest.fixture
def world(db) -> World:
    return make_world(pictures=12, policy=Policy(quorum=1, points_per_adverse=2))


def settle(world: World, place: int, *, mean: float, said: Answer) -> None:
    world.score(place, {"cat": mean})
    world.rate(world.pair(place, "cat"), said)


def board(world: World) -> list[tuple]:
    recount_board(challenge=world.challenge, at=world.clock)
    lines = Standing.objects.filter(challenge=world.challenge).order_by("place")
    return [tuple(getattr(line, column) for column in COLUMNS) for line in lines]


def season(world: World) -> None:
    """Ada: a false negative, an agreement, one pending, one unscorable. Bob: a false positive. Cyd: nothing."""
    ada, bob, _ = (world.finder(make_user(name)) for name in ("ada", "bob", "cyd"))
    world.claim(ada, *[(place, "cat") for place in range(4)])
    world.claim(bob, (4, "cat"), (0, "cat"))
    settle(world, 0, mean=0.1, said=YES)
    settle(world, 1, mean=0.1, said=NO)
    world.score(2, {"cat": 0.1})
    settle(world, 4, mean=0.9, said=NO)


def test_standings_are_counted_from_ledger_and_claims(world) -> None:
    season(world)
    assert board(world) == [
        (1, True, "ada", 2, 1, 0, 4, 2, 2),
        (1, True, "bob", 2, 0, 1, 1, 1, 0),
        (3, False, "cyd", 0, 0, 0, 0, 0, 0),
    ]
    assert Board.objects.get(challenge=world.challenge).counted_at == world.clock


def test_counting_again_changes_nothing(world) -> None:
    season(world)
    assert board(world) == board(world) == board(world)
    assert (Board.objects.count(), Standing.objects.count()) == (1, 3)


def test_team_mates_share_one_line_and_the_disqualified_have_none(world) -> None:
    ada, bob, cyd = (make_user(name) for name in ("ada", "bob", "cyd"))
    team = make_team(ada, bob, name="The Owls")
    first, second, third = world.finder(ada, team), world.finder(bob, team), world.finder(cyd)
    world.claim(first, (0, "cat"))
    world.claim(second, (1, "cat"))
    world.claim(third, (2, "cat"))
    for place in range(3):
        settle(world, place, mean=0.1, said=YES)
    assert board(world) == [(1, False, "The Owls", 4, 2, 0, 2, 2, 0), (2, False, "cyd", 2, 1, 0, 1, 1, 0)]
    disqualify_participant(participation=third, reason="bot", by=ada, at=world.pass_time(1))
    assert board(world) == [(1, False, "The Owls", 4, 2, 0, 2, 2, 0)]
    disqualify_participant(participation=second, reason="bot", by=ada, at=world.pass_time(1))
    assert board(world) == [(1, False, "The Owls", 2, 1, 0, 1, 1, 0)]


def test_an_inherited_pair_counts_for_its_heir_and_never_gives_more_finds_than_settled_pairs(world) -> None:
    first, second = world.finder(make_user("ada")), world.finder(make_user("bob"))
    world.claim(first, (0, "cat"), (1, "cat"))
    world.claim(second, (0, "cat"), (1, "cat"))
    settle(world, 0, mean=0.1, said=YES)
    disqualify_participant(participation=first, reason="bot", by=make_user(), at=world.pass_time(1))
    assert board(world) == [(1, False, "bob", 2, 1, 0, 2, 1, 1)]
    assert Standing.objects.get().success_rate == 1.0


def test_a_claim_taken_back_counts_for_the_one_behind_it(world) -> None:
    first, second = world.finder(make_user("ada")), world.finder(make_user("bob"))
    [claim] = world.claim(first, (0, "cat"))
    world.claim(second, (0, "cat"))
    retract_submission(participation=first, submission_id=claim.submission.pk, at=world.pass_time(1))
    settle(world, 0, mean=0.1, said=YES)
    assert board(world) == [(1, False, "bob", 2, 1, 0, 1, 1, 0), (2, False, "ada", 0, 0, 0, 0, 0, 0)]


def test_a_reopened_pair_takes_its_points_back_until_it_settles_again(world) -> None:
    world.claim(world.finder(make_user("ada")), (0, "cat"))
    settle(world, 0, mean=0.1, said=YES)
    pair = reopen_pair(
        pair_id=world.pair(0, "cat").pk, reason="dispute", by=make_user(), at=world.pass_time(1), more_ratings=2
    )
    assert board(world) == [(1, False, "ada", 0, 0, 0, 1, 0, 1)]
    world.rate(pair, YES, NO)
    assert board(world) == [(1, False, "ada", 2, 1, 0, 1, 1, 0)]


def test_a_draft_has_no_board_and_a_final_edition_is_counted_one_last_time(world) -> None:
    season(world)
    for status in ChallengeStatus:
        Board.objects.all().delete()
        Challenge.objects.update(status=status)
        recount_boards(at=world.clock)
        counted = [(board.is_final, board.counted_at) for board in Board.objects.filter(challenge=world.challenge)]
        assert counted == [(status == ChallengeStatus.FINAL, world.clock)] * (status != ChallengeStatus.DRAFT)
    User.objects.filter(username="ada").update(username="eve")
    later = world.pass_time(60)
    recount_boards(at=later)
    recount_board(challenge=world.challenge, at=later)
    assert Board.objects.get().counted_at < later
    assert sorted(Standing.objects.values_list("name", flat=True)) == ["ada", "bob", "cyd"]


def test_a_count_that_changes_nothing_writes_no_line_and_says_since_when_the_board_is_so(world) -> None:
    season(world)
    board(world)
    before, changed = set(Standing.objects.values_list("pk", flat=True)), world.clock
    world.pass_time(60)
    board(world)
    found = Board.objects.get()
    assert (set(Standing.objects.values_list("pk", flat=True)), found.changed_at) == (before, changed)
    assert found.counted_at == world.clock


def test_a_board_that_takes_long_to_count_rests_before_it_is_counted_again(world) -> None:
    season(world)
    assert recount_in_turn(challenge=world.challenge, at=world.clock) == 0.0
    Board.objects.update(seconds=10.0)
    assert recount_in_turn(challenge=world.challenge, at=world.pass_time(15)) == 25.0
    assert recount_in_turn(challenge=world.challenge, at=world.pass_time(25)) == 0.0


def test_a_baseline_is_shown_without_a_rank_and_takes_nobodys_place(world) -> None:
    season(world)
    Participation.objects.filter(user__username="ada").update(is_baseline=True)
    assert board(world) == [
        (1, False, "bob", 2, 0, 1, 1, 1, 0),
        (None, False, "ada", 2, 1, 0, 4, 2, 2),
        (2, False, "cyd", 0, 0, 0, 0, 0, 0),
    ]
    bob = Participation.objects.get(user__username="bob")
    bob.team = make_team(bob.user, name="The Owls")
    bob.save()
    Participation.objects.filter(user__username="cyd").update(is_baseline=True, team=bob.team)
    assert board(world) == [(None, False, "The Owls", 2, 0, 1, 1, 1, 0), (None, False, "ada", 2, 1, 0, 4, 2, 2)]


def test_rejected_are_own_pairs_that_are_settled_or_unscorable_and_earned_nothing(world) -> None:
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    world.claim(ada, *[(place, "cat") for place in range(5)])
    world.claim(bob, (0, "cat"))
    settle(world, 0, mean=0.1, said=YES)
    settle(world, 1, mean=0.1, said=NO)
    settle(world, 2, mean=0.1, said=Answer.DONT_KNOW)
    mark_unscorable(image_id=world.images[3].pk, reason="broken", at=world.pass_time(1))
    board(world)
    rows = Standing.objects.order_by("name").values_list("name", "claims", "settled", "pending", "rejected")
    assert list(rows) == [("ada", 5, 3, 1, 3), ("bob", 0, 0, 0, 0)]


def test_variety_takes_near_copies_as_one_picture_though_the_later_ones_earn_nothing(world) -> None:
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    PoolImage.objects.filter(image__in=world.images[:3]).update(copy_group=7)
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"), (3, "cat"))
    world.claim(bob, (4, "cat"), (5, "dog"), (6, "owl"))
    for place in range(4):
        settle(world, place, mean=0.1, said=YES)
    settle(world, 4, mean=0.9, said=NO)
    for place, label in ((5, "dog"), (6, "owl")):
        world.score(place, {label: 0.1})
        world.rate(world.pair(place, label), YES)
    board(world)
    rows = Standing.objects.order_by("name").values_list("name", "points", "labels", "clusters", "kinds", "diversity")
    assert list(rows) == [("ada", 4, 1, 2, 1, effective_number([Kin(3, 1), Kin(1, 1)])), ("bob", 6, 3, 3, 2, 3.0)]


@pytest.mark.django_db(transaction=True)
def test_counts_at_the_same_time_leave_one_whole_board() -> None:
    world = make_world(pictures=12, policy=Policy(quorum=1, points_per_adverse=2))
    season(world)
    answers = at_once([partial(recount, challenge=world.challenge.pk)] * 8)
    names = Counter(Standing.objects.values_list("name", flat=True))
    assert (answers, names) == ([None] * 8, {"ada": 1, "bob": 1, "cyd": 1})


def test_the_csv_has_the_board_and_no_formula_in_a_name(world) -> None:
    mates = [make_user(f"mate-{n}") for n in range(4)]
    names = ['=HYPERLINK("http://x","y")', "@SUM(1)", "-1+1", 'Ünï, “quoted” "team"']
    for user, name in zip(mates, names, strict=True):
        world.finder(user, make_team(user, name=name))
    board(world)
    reply = signed_in(mates[0]).get(reverse("leaderboard:csv", args=[world.challenge.slug]))
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(reply.content.decode())))
    assert rows[0] == list(CSV_COLUMNS)
    shown = [f"'{name}" for name in names[:3]] + names[3:]
    assert sorted(row[4] for row in rows[1:]) == sorted(shown)
    ranks, nothing = ("1", "1", "", ""), ("0",) * 8 + ("",) * 4 + ("0", "0", "0", "0.0")
    assert {(*row[:4], *row[5:]) for row in rows[1:]} == {ranks + nothing}
    assert (reply.content[:3] == b"\xef\xbb\xbf", b"\r" in reply.content) == (False, False)


def test_the_page_marks_ones_own_row_and_htmx_gets_the_table_alone(world) -> None:
    season(world)
    board(world)
    address = reverse("leaderboard:board", args=[world.challenge.slug])
    ada = Standing.objects.get(name="ada").participation.user
    mine = signed_in(ada).get(address).content.decode()
    assert (mine.count('class="you"'), "You share rank 1</b> with bob. 2 points." in mine) == (1, True)
    other = signed_in(make_user()).get(address).content.decode()
    assert (other.count('class="you"'), "You share rank" in other, "Ties." in other) == (0, False, True)
    fragment = signed_in(ada).get(address, headers=HTMX).content.decode()
    assert ("<html" in fragment, 'id="board"' in fragment, fragment.count('class="you"')) == (False, True, 1)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_board_costs_as_many_queries_for_three_rows_as_for_one(world, headers) -> None:
    viewer = make_user()
    address = reverse("leaderboard:board", args=[world.challenge.slug])
    costs = []
    for number in range(3):
        finder = world.finder()
        world.claim(finder, (number, "cat"))
        settle(world, number, mean=0.1, said=YES)
        assert len(board(world)) == number + 1
        costs.append(queries_of(signed_in(viewer), address, **headers))
    assert costs == [costs[0]] * 3
