"""Which control question a rater meets, and when: the warm-up first, others rarely, none twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.actions import decide_policy
from cats4ml.review.actions.controls import retire_control
from cats4ml.review.controls import Feedback, due_control, feedback_on, warm_up_state
from cats4ml.review.models import ControlQuestion, LeaseEnd, PauseCause, PauseDecision, RaterPause, Rating, RatingState
from cats4ml.review.presentation import Card, Guidance, cards_of
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair
from tests.factories import START, World, make_team, make_user, make_world
from tests.review.asked import MIXED, WARM_UP, add, answer, end, give, respond, stock

YES, NO = Answer.YES, Answer.NO
ALWAYS = Policy(warm_up=0, control_percent=50, control_percent_least=50)


@pytest.fixture
def wide(db) -> World:
    """An edition with thirty pictures."""
    return make_world(pictures=30)


def always(world: World, **values) -> None:
    decide_policy(challenge=world.challenge, policy=Policy(**{**ALWAYS.to_dict(), **values}))


def due(world: World, rater) -> ControlQuestion | None:
    return due_control(rater=rater, at=world.clock)


def pair(world: World, place: int, label: str) -> Pair:
    world.claim(world.finder(), (place, label))
    world.score(place, {})
    return world.pair(place, label)


def questions(world: World, rater, number: int, *, right=lambda place: True) -> list[ControlQuestion | None]:
    """The controls among so many questions; where none is due the rater is given one pair, again and again."""
    other = pair(world, 0, "owl") if not Pair.objects.exists() else Pair.objects.get()
    met = []
    for place in range(number):
        control = due(world, rater)
        met.append(control)
        if control is None:
            end(world, give(world, rater, other), LeaseEnd.SKIPPED)
        else:
            wrong = "no" if control.truth == "yes" else "yes"
            answer(world, give(world, rater, control), control.truth if right(place) else wrong)
    return met


def test_the_warm_up_comes_first_over_labels_and_both_truths(wide) -> None:
    stock(wide, WARM_UP, range(12))
    stock(wide, MIXED, range(12, 24))
    rater = wide.rater()
    assert warm_up_state(rater) == (0, 6)
    met = [respond(wide, rater).control for _ in range(6)]
    assert {one.use for one in met} == {WARM_UP}
    assert Counter(one.truth for one in met) == {"yes": 3, "no": 3}
    assert Counter(one.label.key for one in met) == {"cat": 2, "dog": 2, "owl": 2}
    assert len(set(met)) == 6
    assert warm_up_state(rater) == (6, 6)
    assert WARM_UP not in {one.use for one in questions(wide, rater, 50) if one}


def test_raters_get_the_warm_up_in_different_orders(wide) -> None:
    stock(wide, WARM_UP, range(6))
    orders = {tuple(respond(wide, rater).control_id for _ in range(6)) for rater in wide.raters(6)}
    assert len(orders) > 1
    assert {tuple(sorted(order)) for order in orders} == {
        tuple(ControlQuestion.objects.order_by("pk").values_list("pk", flat=True))
    }


def test_asking_twice_changes_nothing(wide) -> None:
    stock(wide, WARM_UP, range(12))
    stock(wide, MIXED, range(12, 24))
    rater = wide.rater()
    for _ in range(20):
        assert due(wide, rater) == due(wide, rater)
        respond(wide, rater)


def test_while_the_warm_up_is_undecided_nothing_else_is_given_ahead(wide) -> None:
    stock(wide, WARM_UP, range(18))
    rater = wide.rater()
    for right in (True, True, False, False, True):
        respond(wide, rater, right=right)
    sixth = give(wide, rater, due(wide, rater))
    ahead = due(wide, rater)
    assert ahead.use == WARM_UP
    seventh = give(wide, rater, ahead)
    answer(wide, sixth, sixth.control.truth)
    assert warm_up_state(rater) == (6, 7)
    assert due(wide, rater) is None or due(wide, rater).use == MIXED
    answer(wide, seventh, YES)
    assert warm_up_state(rater) == (7, 7)


def test_who_fails_the_warm_up_gets_a_second_one_with_other_questions(wide) -> None:
    stock(wide, WARM_UP, range(12))
    rater = wide.rater()
    first = [respond(wide, rater, right=False).control for _ in range(6)]
    assert warm_up_state(rater) == (6, 12)
    second = [respond(wide, rater).control for _ in range(6)]
    assert len({*first, *second}) == 12
    assert warm_up_state(rater) == (12, 12)
    assert due(wide, rater) is None


def test_a_warm_up_is_as_long_as_there_are_questions(wide) -> None:
    rater = wide.rater()
    assert (warm_up_state(rater), due(wide, rater)) == ((0, 0), None)
    stock(wide, WARM_UP, range(2))
    assert warm_up_state(rater) == (0, 2)
    assert [respond(wide, rater) is not None for _ in range(3)] == [True, True, False]
    assert warm_up_state(rater) == (2, 2)


def test_a_warm_up_that_comes_late_stops_nobody_who_has_begun(wide) -> None:
    rater = wide.rater()
    answer(wide, give(wide, rater, pair(wide, 0, "owl")), YES, state=RatingState.PROVISIONAL)
    stock(wide, WARM_UP, range(6, 12))
    assert (warm_up_state(rater), due(wide, rater)) == ((0, 0), None)


def test_an_organisers_word_ends_a_failed_warm_up(wide) -> None:
    stock(wide, WARM_UP, range(6))
    rater = wide.rater()
    for _ in range(6):
        respond(wide, rater, right=False)
    RaterPause.objects.create(
        rater=rater, cause=PauseCause.WARM_UP, created_at=START, decision=PauseDecision.RESUMED, decided_at=START
    )
    stock(wide, WARM_UP, range(6, 20))
    assert (warm_up_state(rater), due(wide, rater)) == ((6, 6), None)


def test_a_warm_up_question_that_ran_out_comes_again_and_a_skipped_one_does_not(wide) -> None:
    stock(wide, WARM_UP, range(2))
    rater = wide.rater()
    ran_out = give(wide, rater, due(wide, rater))
    end(wide, ran_out, LeaseEnd.EXPIRED)
    assert warm_up_state(rater) == (0, 2)
    skipped = give(wide, rater, due(wide, rater))
    end(wide, skipped, LeaseEnd.SKIPPED)
    last = give(wide, rater, due(wide, rater))
    assert last.control != skipped.control
    answer(wide, last, last.control.truth)
    assert due(wide, rater) is None


def test_controls_are_never_asked_twice(wide) -> None:
    stock(wide, MIXED, range(20))
    always(wide)
    met = [one for one in questions(wide, wide.rater(), 100) if one]
    assert (len(met), len(set(met))) == (20, 20)


@pytest.mark.parametrize("how", [LeaseEnd.SKIPPED, LeaseEnd.REPORTED, LeaseEnd.EXPIRED, LeaseEnd.WITHDRAWN])
def test_a_mixed_control_never_comes_back_however_it_ended(wide, how) -> None:
    always(wide)
    add(wide, (1, "cat", "yes", MIXED))
    rater = wide.rater()
    met = 0
    other = pair(wide, 0, "owl")
    for _ in range(60):
        control = due(wide, rater)
        met += control is not None
        end(wide, give(wide, rater, control or other), how)
    assert met == 1


def test_never_a_retired_one_nor_one_they_had_as_a_pair_nor_their_own_claim(wide) -> None:
    decide_policy(challenge=wide.challenge, policy=Policy(**{**ALWAYS.to_dict(), "roles_exclusive": False}))
    retired, rated, own, mates, other = add(
        wide, *((place, "cat", "yes", MIXED) for place in (1, 2, 3, 4)), (3, "dog", "no", MIXED)
    )
    retire_control(control=retired, at=START)
    person, mate = make_user(), make_user()
    team = make_team(person, mate)
    wide.claim(wide.finder(person), (3, "cat"))
    wide.claim(wide.finder(mate, team), (4, "cat"))
    rater = wide.rater(person)
    answer(wide, give(wide, rater, pair(wide, 2, "cat")), YES)
    end(wide, give(wide, rater, wide.pair(2, "cat")), LeaseEnd.SKIPPED)
    met = set()
    for _ in range(40):
        control = due(wide, rater)
        if control is not None:
            met.add(control)
            answer(wide, give(wide, rater, control), YES)
        else:
            end(wide, give(wide, rater, wide.pair(2, "cat")), LeaseEnd.SKIPPED)
    assert met == {other}
    assert {rated, own, mates} & met == set()


def test_the_rate_falls_as_controls_are_right_and_stays_where_they_are_not(db) -> None:
    """Over 300 questions: for who is right it falls from 15 to 3 in a hundred; for who is wrong it stays at 15."""
    world = make_world(pictures=120, policy=Policy(warm_up=0, same_answers=0))
    stock(world, MIXED, range(1, 120))
    good, bad = world.raters(2)
    right = [one is not None for one in questions(world, good, 300)]
    wrong = [one is not None for one in questions(world, bad, 300, right=lambda place: False)]
    # Five standard deviations on either side: one run in a million would fail by chance.
    assert 14 < sum(wrong) < 76
    assert 3 < sum(right) < 40
    assert sum(right) < sum(wrong)


def test_controls_come_at_no_fixed_distance(wide) -> None:
    stock(wide, MIXED, range(1, 30))
    always(wide, control_percent=20, control_percent_least=20)
    places = [place for place, one in enumerate(questions(wide, wide.rater(), 120)) if one]
    gaps = {later - earlier for earlier, later in pairwise(places)}
    assert len(gaps) > 3


def test_the_least_asked_is_asked_first_and_both_truths_come(wide) -> None:
    always(wide)
    controls = stock(wide, MIXED, range(8))
    for one in controls[:6]:
        give(wide, wide.rater(), one)
    met = Counter()
    for rater in wide.raters(24):
        control = due(wide, rater)
        if control is not None:
            met[control] += 1
            give(wide, rater, control)
    asked = Counter(ControlQuestion.objects.values_list("leases__control", flat=True))
    assert max(asked.values()) - min(asked.values()) <= 2 + abs(
        sum(number for one, number in met.items() if one.truth == "yes")
        - sum(number for one, number in met.items() if one.truth == "no")
    )
    assert {one.truth for one in met} == {"yes", "no"}


def test_two_queries_at_most_however_long_somebody_has_rated(wide) -> None:
    stock(wide, MIXED, range(1, 30))
    always(wide)
    rater = wide.rater()
    rater.challenge.policy  # noqa: B018 - loaded before the count
    costs = set()
    for _ in range(25):
        with CaptureQueriesContext(connection) as queries:
            control = due(wide, rater)
        costs.add((control is not None, len(queries)))
        questions(wide, rater, 1)
    assert costs == {(False, 1), (True, 2)}


def test_the_answer_is_told_after_a_warm_up_question_and_never_else(wide) -> None:
    warm, mixed = add(wide, (1, "cat", "yes", WARM_UP), (2, "dog", "no", MIXED))
    rater = wide.rater()
    told = answer(wide, give(wide, rater, warm), NO, state=RatingState.PROVISIONAL)
    assert feedback_on(told) == Feedback(False, YES, "Because of cat.")
    assert feedback_on(answer(wide, give(wide, rater, mixed), NO)) is None
    assert feedback_on(answer(wide, give(wide, rater, pair(wide, 3, "owl")), YES)) is None
    assert Rating.objects.count() == 3


def test_a_rater_cannot_tell_a_control_from_a_pair(wide) -> None:
    """What is shown of the one is shown of the other, and differs by the token alone."""
    [control] = add(wide, (1, "cat", "yes", MIXED))
    rater = wide.rater()
    leases = [give(wide, rater, control), give(wide, rater, pair(wide, 2, "cat"))]
    assert cards_of(wide.challenge, leases) == [
        Card(
            token=lease.token,
            picture_url=f"/challenges/{wide.challenge.slug}/review/pictures/{lease.token}/",
            width=16,
            height=16,
            question="Is there a Cat in this picture?",
            guidance=Guidance(label="Cat", short="", folded=""),
        )
        for lease in leases
    ]
    assert {lease.expires_at - lease.created_at for lease in leases} == {timedelta(seconds=120)}
