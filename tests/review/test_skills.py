"""What is learned of raters: from controls in full, from agreement by half, and never from themselves."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.models import ChallengeStatus
from cats4ml.review.actions.controls import retire_control
from cats4ml.review.actions.repolicing import apply_policy
from cats4ml.review.models import EditionSkill, RaterSkill, Rating, RatingState
from cats4ml.review.skills import AGREEMENT_WEIGHT, others_say, rebuild_due, rebuild_skills, skills_of
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import AVERAGE, Odds, Record, pooled_skill, skilled
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from tests.factories import World, make_world
from tests.review.asked import MIXED, WARM_UP, add, answer, give
from tests.submissions.disputed import organiser

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
EMPTY = {"if_yes": [0.0, 0.0, 0.0], "if_no": [0.0, 0.0, 0.0]}


@pytest.fixture
def world(db) -> World:
    return make_world(policy=Policy(quorum=3))


def rebuild(world: World) -> dict[int, tuple[dict, dict]]:
    rebuild_skills(challenge=world.challenge, at=world.pass_time(1))
    return {row.rater_id: (row.controls, row.agreement) for row in RaterSkill.objects.all()}


def settled(world: World, place: int, *answers: Answer, raters) -> None:
    world.claim(world.finder(), (place, "cat"))
    world.score(place, {"cat": 0.1})
    world.rate(world.pair(place, "cat"), *answers, raters=raters)


def test_before_the_first_rebuild_everybody_is_average(world) -> None:
    skills = skills_of(world.challenge)
    assert (skills.pooled, skills.base_rate, dict(skills.of), skills.records) == (AVERAGE, 0.5, {}, {})
    assert skills.of[4] == AVERAGE


def test_answers_to_controls_are_counted_by_truth(world) -> None:
    one, two = world.raters(2)
    yes, no, warm, wrong = add(
        world, (0, "cat", "yes", MIXED), (1, "cat", "no", MIXED), (2, "cat", "yes", WARM_UP), (3, "cat", "no", MIXED)
    )
    retire_control(control=wrong, at=world.clock)
    for control, said in ((yes, YES), (no, YES), (warm, DONT_KNOW), (wrong, YES)):
        answer(world, give(world, one, control), said)
    answer(world, give(world, two, yes), NO, state=RatingState.PROVISIONAL)
    answer(world, give(world, two, no), NO, state=RatingState.DISCOUNTED)
    assert rebuild(world) == {one.pk: ({"if_yes": [1.0, 0.0, 1.0], "if_no": [1.0, 0.0, 0.0]}, EMPTY)}
    record = Record(if_yes=Odds(1, 0, 1), if_no=Odds(1, 0, 0))
    skills = skills_of(world.challenge)
    assert skills.records == {one.pk: record}
    assert skills.pooled == pooled_skill([record])
    assert skills.of[one.pk] == skilled(record, prior=skills.pooled)
    assert skills.of[two.pk] == skills.pooled


def test_agreement_leaves_ones_own_answer_out(world) -> None:
    one, two, three = raters = world.raters(3)
    settled(world, 0, YES, YES, NO, raters=raters)
    found = rebuild(world)
    # One of the two who said yes sees one yes and one no: that says nothing. Who said no sees two who say yes.
    sure = others_say(2, 0, AVERAGE)
    weight = 2 * sure - 1
    assert found[one.pk] == found[two.pk] == (EMPTY, EMPTY)
    expected = {"if_yes": [0.0, weight * sure, 0.0], "if_no": [0.0, weight * (1 - sure), 0.0]}
    assert found[three.pk][0] == EMPTY
    assert {side: pytest.approx(values) for side, values in expected.items()} == found[three.pk][1]
    assert skills_of(world.challenge).records[three.pk].if_yes.no == pytest.approx(AGREEMENT_WEIGHT * weight * sure)


def test_others_say_by_the_evidence_of_all(world) -> None:
    assert others_say(0, 0, AVERAGE) == others_say(3, 3, AVERAGE) == 0.5
    assert math.isclose(others_say(1, 0, AVERAGE), 0.74 / 0.92)
    assert math.isclose(others_say(0, 2, AVERAGE), 1 - others_say(2, 0, AVERAGE))
    assert others_say(5_000, 0, AVERAGE) == 1.0


def test_a_rebuild_twice_is_the_same_and_costs_the_same_for_more(world) -> None:
    raters = world.raters(3)
    [control] = add(world, (5, "dog", "yes", MIXED))
    for rater in raters:
        answer(world, give(world, rater, control), YES)
    settled(world, 0, YES, YES, NO, raters=raters)
    first = rebuild(world)
    with CaptureQueriesContext(connection) as few:
        assert rebuild(world) == first
    for place in (1, 2, 3):
        settled(world, place, NO, NO, DONT_KNOW, raters=raters)
    with CaptureQueriesContext(connection) as more:
        second = rebuild(world)
    assert second != first
    assert rebuild(world) == second
    assert len(more) == len(few)


def test_the_base_rate_is_the_share_of_yes_among_peoples_verdicts(world) -> None:
    raters = world.raters(3)
    rebuild(world)
    assert skills_of(world.challenge).base_rate == 0.5
    settled(world, 0, YES, YES, YES, raters=raters)
    for place in (1, 2, 3):
        settled(world, place, NO, NO, NO, raters=raters)
    settled(world, 4, YES, NO, DONT_KNOW, raters=raters)
    rebuild(world)
    assert skills_of(world.challenge).base_rate == 6 / 14


def test_pairs_in_review_and_discounted_answers_teach_nothing(world) -> None:
    raters = world.raters(3)
    settled(world, 0, YES, YES, YES, raters=raters)
    settled(world, 1, YES, YES, raters=raters[:2])
    before = rebuild(world)
    Rating.objects.filter(pair=world.pair(0, "cat"), rater=raters[2]).update(state=RatingState.DISCOUNTED)
    after = rebuild(world)
    assert (sorted(before), sorted(after)) == ([one.pk for one in raters], [one.pk for one in raters[:2]])
    assert sum(after[raters[0].pk][1]["if_yes"]) < sum(before[raters[0].pk][1]["if_yes"])


def test_the_skills_of_some_raters_alone(world) -> None:
    raters = world.raters(3)
    settled(world, 0, YES, YES, YES, raters=raters)
    rebuild(world)
    with CaptureQueriesContext(connection) as queries:
        some = skills_of(world.challenge, raters=[raters[0].pk])
    whole = skills_of(world.challenge)
    assert (list(some.of), some.of[raters[0].pk], len(queries)) == ([raters[0].pk], whole.of[raters[0].pk], 2)


def test_skills_are_rebuilt_after_another_policy_and_an_experts_word(world) -> None:
    settled(world, 0, YES, NO, DONT_KNOW, raters=world.raters(3))
    for minutes, act in enumerate((_other_policy, _expert), start=1):
        world.pass_time(minutes * 600)
        assert rebuild_due(at=world.pass_time(120)) == int(minutes == 1)
        act(world)
        assert rebuild_due(at=world.pass_time(1)) == 1
        assert rebuild_due(at=world.pass_time(300)) == 1
        assert rebuild_due(at=world.pass_time(300)) == 0


def _other_policy(world: World) -> None:
    apply_policy(
        challenge=world.challenge,
        policy=Policy(quorum=3, verdict_rule="lead"),
        reason="Fewer.",
        by=None,
        at=world.pass_time(1),
        settled=True,
    )


def _expert(world: World) -> None:
    adjudicate(
        pair_id=world.pair(0, "cat").pk,
        verdict=Verdict.YES,
        reason="The ears.",
        by=organiser(world),
        at=world.pass_time(1),
    )


def test_skills_are_rebuilt_where_something_changed(world) -> None:
    other = make_world()
    raters = world.raters(3)
    assert rebuild_due(at=world.clock) == 0
    settled(world, 0, YES, YES, YES, raters=raters)
    assert rebuild_due(at=world.clock) == 1
    later = world.clock + timedelta(minutes=5)
    assert rebuild_due(at=later) == 1  # answers of the last minute may have come to light since
    assert rebuild_due(at=later) == 0
    [control] = add(other, (5, "dog", "yes", MIXED))
    other.clock = later
    answer(other, give(other, other.rater(), control), YES)
    assert rebuild_due(at=later) == 1
    assert EditionSkill.objects.count() == 2
    retire_control(control=control, at=later + timedelta(minutes=10))
    assert (
        rebuild_due(at=later + timedelta(minutes=11)),
        RaterSkill.objects.filter(rater__challenge=other.challenge).count(),
    ) == (1, 0)
    other.challenge.status = ChallengeStatus.FINAL
    other.challenge.save()
    assert rebuild_due(at=later + timedelta(minutes=12)) == 0
