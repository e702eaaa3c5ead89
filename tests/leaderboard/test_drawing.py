"""Drawing the ranks of an edition: what is uncertain, what is certain, when it is due, and what the page says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from cats4ml.challenges.models import ChallengeStatus, Participation, PoolImage
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.drawing import draw_if_due, draw_ranks, due_for_drawing
from cats4ml.leaderboard.drawn_evidence import read_evidence
from cats4ml.leaderboard.draws import drawn_points
from cats4ml.leaderboard.models import Board, Drawing, DrawnRange
from cats4ml.leaderboard.tasks import draw, draw_all
from cats4ml.review.actions.withdrawing import withdraw_pair
from cats4ml.review.skills import rebuild_skills
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import Odds, Record
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from tests.factories import World, make_team, make_user, make_world
from tests.web import signed_in

YES, NO, DONT_KNOW = Answer
KNOWN = Record(if_yes=Odds(74.0, 18.0, 8.0), if_no=Odds(18.0, 74.0, 8.0))


@pytest.fixture
def world(db) -> World:
    return make_world(pictures=14, policy=Policy(quorum=3))


def found(world: World, place: int, *answers: Answer, mean: float = 0.1) -> None:
    world.score(place, {"cat": mean})
    world.rate(world.pair(place, "cat"), *answers)


def season(world: World) -> tuple[Participation, ...]:
    """Ada: three false negatives, all but sure. Bob: two that stand 2 to 1, an agreement, and two that are certain. The
    Owls: nothing."""
    ada, bob, owl = world.finder(make_user("ada")), world.finder(make_user("bob")), make_user("owl")
    owls = world.finder(owl, make_team(owl, name="The Owls"))
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"))
    world.claim(bob, *[(place, "cat") for place in range(3, 8)])
    for place in (0, 1, 2):
        found(world, place, YES, YES, YES)
    for place in (3, 4):
        found(world, place, YES, YES, NO)
    found(world, 5, NO, NO, YES)
    found(world, 6, YES, NO, DONT_KNOW)
    found(world, 7, YES, NO, DONT_KNOW)
    expert = make_user(is_superuser=True)
    adjudicate(pair_id=world.pair(7, "cat").pk, verdict=Verdict.YES, reason="It is one.", by=expert, at=world.clock)
    rebuild_skills(challenge=world.challenge, at=world.clock)
    recount_board(challenge=world.challenge, at=world.clock)
    return ada, bob, owls


def test_evidence_is_of_the_pairs_whose_verdict_rests_on_answers(world) -> None:
    ada, bob, owls = season(world)
    assert owls.team_id is not None
    evidence = read_evidence(world.challenge, lines=[ada.pk, bob.pk, -owls.team_id])
    assert (len(evidence.line), evidence.certain, len(evidence.raters), len(evidence.votes)) == (6, 2, 18, 18)
    assert evidence.line.tolist() == [0, 0, 0, 1, 1, 1]
    assert (evidence.worth.tolist(), evidence.earned.tolist()) == ([1] * 6, [1, 1, 1, 1, 1, 0])
    said = [[int(vote) % 3 for vote in evidence.votes[3 * n : 3 * n + 3]] for n in range(6)]
    assert [sorted(one) for one in said] == [[0, 0, 0]] * 3 + [[0, 0, 1]] * 2 + [[0, 1, 1]]
    assert set(evidence.contradicts.tolist()) == {1.0}
    points = drawn_points(evidence, [[KNOWN] * 18], points=[3, 3, 0], seed=1, draws=500)
    assert (points.max(axis=1).tolist(), points[2].tolist()) == ([3, 4, 0], [0] * 500)
    assert points[0].min() >= 0
    assert points[1].min() == 1  # what the expert decided stays


def test_a_later_near_copy_would_earn_nothing_however_it_is_drawn(world) -> None:
    ada = world.finder(make_user("ada"))
    PoolImage.objects.filter(image__in=world.images[:2]).update(copy_group=7)
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"))
    for place in range(3):
        found(world, place, NO, NO, YES)
    evidence = read_evidence(world.challenge, lines=[ada.pk])
    assert evidence.worth.tolist() == [1, 0, 1]


def test_ranks_are_drawn_once_for_what_the_ledger_holds_and_the_same_each_time(world) -> None:
    season(world)
    columns = ("participation__user__username", "team__name", "low", "high", "group", "rate_low", "rate_high")
    drawn = []
    for _ in range(2):
        drawing = draw_ranks(challenge=world.challenge, at=world.clock)
        drawn.append((drawing.seed, sorted(DrawnRange.objects.values_list(*columns), key=repr)))
    assert drawn[0] == drawn[1]
    ranks = {one[0] or one[1]: one[2:5] for one in drawn[0][1]}
    assert ranks == {"ada": (1, 2, 1), "bob": (1, 2, 1), "The Owls": (3, 3, 2)}
    found = Drawing.objects.get()
    assert (found.uncertain, found.certain, found.draws) == (6, 2, 2000)
    assert found.board_version == Board.objects.get().version


def test_drawing_is_due_after_a_change_and_after_its_rest_and_once_more_when_final(world) -> None:
    season(world)
    at = world.clock
    assert due_for_drawing(at=at) == [world.challenge]
    assert [draw_if_due(challenge=world.challenge, at=at) for _ in range(2)] == [True, False]
    Participation.objects.filter(user__username="ada").update(is_baseline=True)
    recount_board(challenge=world.challenge, at=at)
    assert due_for_drawing(at=at + timedelta(seconds=30)) == []
    assert due_for_drawing(at=at + timedelta(seconds=90)) == [world.challenge]
    Drawing.objects.update(seconds=60.0)
    assert due_for_drawing(at=at + timedelta(seconds=300)) == []
    later = at + timedelta(seconds=600)
    type(world.challenge).objects.update(status=ChallengeStatus.FINAL)
    assert due_for_drawing(at=later) == []  # it waits for the last count
    recount_board(challenge=world.challenge, at=later)
    draw_all()
    draw(challenge=world.challenge.pk)
    assert due_for_drawing(at=later + timedelta(days=9)) == []
    baseline = DrawnRange.objects.get(participation__user__username="ada")
    assert (baseline.low, baseline.group, baseline.rate_method) == (None, None, "wilson")


def test_the_page_says_what_ones_rank_could_be_and_parts_who_can_be_told_apart(world) -> None:
    _, bob, _ = season(world)
    draw_ranks(challenge=world.challenge, at=world.clock)
    address = reverse("leaderboard:board", args=[world.challenge.slug])
    page = signed_in(bob.user).get(address).content.decode()
    assert "<b>You share rank 1</b> with ada. 3 points." in page
    assert "By what the raters’ answers leave open, your rank could be 1\u00a0to\u00a02." in page
    assert page.count('class="c-range">1–2<') == 2
    assert page.count(' strong">') == 1
    assert "from 6 verdicts; 2 more are taken as certain" in page


def test_a_correction_after_the_end_has_no_rank_drawn_again_and_again(world) -> None:
    season(world)
    draw_ranks(challenge=world.challenge, at=world.clock)
    type(world.challenge).objects.update(status=ChallengeStatus.FINAL)
    recount_board(challenge=world.challenge, at=world.pass_time(60))
    rebuild_skills(challenge=world.challenge, at=world.pass_time(1))
    withdraw_pair(pair_id=world.pair(0, "cat").pk, reason="A person.", by=make_user(), at=world.pass_time(1))
    assert draw_if_due(challenge=world.challenge, at=world.pass_time(600))
    assert due_for_drawing(at=world.pass_time(86_400)) == []
