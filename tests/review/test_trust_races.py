"""Looks, pauses and rebuilds at the same moment, in real threads on real connections."""

from __future__ import annotations

from functools import partial

import pytest

from cats4ml.review.actions.controls import ControlRow, add_controls
from cats4ml.review.models import ControlQuestion, PauseDecision, RaterPause, RaterSkill
from cats4ml.review.skills import rebuild_skills
from cats4ml.review.trust import decide_pause, look_at, pause_rater
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair
from tests.concurrency import at_once
from tests.factories import World, make_user, make_world
from tests.review.asked import MIXED, answer, give, stock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hasty() -> tuple[World, object]:
    """A rater with twenty answers that were too quick."""
    world = make_world(pictures=20, policy=Policy(warm_up=0))
    world.claim(world.finder(), *((place, "owl") for place in range(20)))
    rater = world.rater()
    for place, pair in enumerate(Pair.objects.order_by("pk")):
        answer(world, give(world, rater, pair), "yes" if place % 2 else "no", seconds=0.2)
    return world, rater


def test_many_looks_at_once_pause_once(hasty) -> None:
    world, rater = hasty
    looks = [partial(look_at, rater=rater, at=world.clock)] * 8
    looks += [partial(pause_rater, rater=rater, by=make_user(), note="Look at this.", at=world.clock)] * 2
    found = at_once(looks)
    assert set(found) == set(RaterPause.objects.all())
    assert RaterPause.objects.count() == 1


def test_a_look_beside_the_decision_pauses_nobody_for_old_answers(hasty) -> None:
    world, rater = hasty
    pause = look_at(rater=rater, at=world.clock)
    decide = partial(
        decide_pause, pause=pause, decision=PauseDecision.RESUMED, by=make_user(), note="", at=world.pass_time(1)
    )
    at_once([decide, decide, *[partial(look_at, rater=rater, at=world.clock)] * 6])
    assert list(RaterPause.objects.values_list("decision", flat=True)) == ["resumed"]
    assert look_at(rater=rater, at=world.clock) is None


def test_rebuilds_at_once_leave_one_whole_skill() -> None:
    world = make_world(pictures=10)
    for rater in world.raters(5):
        for control in stock(world, MIXED, range(10)):
            answer(world, give(world, rater, control), control.truth)
    assert at_once([partial(rebuild_skills, challenge=world.challenge, at=world.clock)] * 6) == [None] * 6
    assert RaterSkill.objects.count() == 5


def test_a_file_of_controls_sent_many_times_at_once_is_added_once() -> None:
    world = make_world()
    rows = [ControlRow(2, world.images[0].image_id, "cat", "yes"), ControlRow(3, world.images[1].image_id, "cat", "no")]
    add = partial(add_controls, challenge=world.challenge, rows=rows, by=None, at=world.clock)
    found = at_once([add] * 5)
    assert sorted((one.added, one.present) for one in found) == [(0, 2)] * 4 + [(2, 0)]
    assert ControlQuestion.objects.count() == 2
