"""Many raters at once, in real threads on real connections."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from cats4ml.review.actions.answering import cast_rating, finalise_due, finalise_rating, rate_pair, undo_rating
from cats4ml.review.actions.leasing import close_leases, hold_leases
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.models import Lease, Rating
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Credit
from tests.concurrency import at_once
from tests.factories import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def waiting_world(places: int, policy: Policy | None = None) -> World:
    world = make_world(policy=policy)
    world.claim(world.finder(), *[(place, "cat") for place in range(places)])
    for place in range(places):
        world.score(place, {"cat": 0.1})
    return world


def test_twenty_raters_for_a_pair_with_five_places_get_exactly_five_leases() -> None:
    world = waiting_world(1)
    answers = at_once([partial(hold_leases, rater=rater, at=world.clock) for rater in world.raters(20)])
    assert Counter(len(leases) for leases in answers) == {1: 5, 0: 15}
    assert Lease.objects.count() == 5


def test_raters_spread_over_the_waiting_pairs_and_none_is_overfilled() -> None:
    world = waiting_world(4, Policy(quorum=3))
    answers = at_once([partial(hold_leases, rater=rater, at=world.clock, count=4) for rater in world.raters(12)])
    assert [type(leases) for leases in answers] == [list] * 12
    for rater in world.raters(4):
        hold_leases(rater=rater, at=world.clock, count=4)
    assert Counter(Lease.objects.values_list("pair", flat=True)) == {
        world.pair(place, "cat").pk: 3 for place in range(4)
    }


def test_windows_of_one_rater_opened_at_once_hold_the_same_leases() -> None:
    world = waiting_world(6)
    rater = world.rater()
    answers = at_once([partial(hold_leases, rater=rater, at=world.clock)] * 6)
    assert {tuple(lease.token for lease in leases) for leases in answers} == {
        tuple(lease.token for lease in Lease.objects.order_by("pk"))
    }
    assert Lease.objects.count() == 2


def test_one_answer_sent_many_times_at_once_is_taken_once() -> None:
    world = waiting_world(2)
    rater = world.rater()
    [lease, _] = hold_leases(rater=rater, at=world.clock)
    answers = at_once([partial(cast_rating, rater=rater, token=lease.token, answer=Answer.YES, at=world.clock)] * 6)
    assert {rating.pk for rating in answers} == {Rating.objects.get().pk}


def test_many_raters_finalising_at_once_settle_once_with_exactly_one_credit() -> None:
    world = waiting_world(1)
    ratings = []
    for rater in world.raters(5):
        [lease] = hold_leases(rater=rater, at=world.clock)
        ratings.append(cast_rating(rater=rater, token=lease.token, answer=Answer.YES, at=world.clock))
    at = world.pass_time(31)
    done = at_once([partial(finalise_rating, rating_id=rating.pk, at=at) for rating in ratings * 3])
    assert Counter(done) == {True: 5, False: 10}
    pair = world.pair(0, "cat")
    assert (pair.outcome, pair.tally, Credit.objects.count()) == ("false_negative", Tally(yes=5), 1)
    assert sorted(Credit.objects.get().ratings) == sorted(rating.pk for rating in ratings)


@pytest.mark.parametrize("provisional_seconds", [0, 30])
def test_recorded_answers_of_many_raters_at_once_fill_a_quorum_and_no_more(provisional_seconds) -> None:
    world = waiting_world(2, Policy(provisional_seconds=provisional_seconds))
    pairs = [world.pair(place, "cat").pk for place in range(2)]
    answers = at_once(
        [
            partial(rate_pair, rater=rater, pair_id=pair, answer=Answer.YES, at=world.clock)
            for rater in world.raters(8)
            for pair in pairs
        ]
    )
    assert Counter(type(one) for one in answers) == {Rating: 10, type(None): 6}
    finalise_due(at=world.pass_time(30))
    tallies = [world.pair(place, "cat").tally for place in range(2)]
    assert (tallies, Credit.objects.count()) == ([Tally(yes=5)] * 2, 2)


def test_answering_undoing_and_tidying_up_at_once_never_wait_for_each_other() -> None:
    world = waiting_world(6)
    rater = world.rater()
    for _ in range(5):
        lease = hold_leases(rater=rater, at=world.clock)[0]
        at = world.pass_time(1)
        cast_rating(rater=rater, token=lease.token, answer=Answer.YES, at=at)
        answers = at_once(
            [
                partial(undo_rating, rater=rater, at=at),
                partial(cast_rating, rater=rater, token=lease.token, answer=Answer.YES, at=at),
                partial(hold_leases, rater=rater, at=at),
                partial(close_leases, at=at),
                partial(finalise_due, at=at),
            ]
        )
        assert [one for one in answers if isinstance(one, Exception) and not isinstance(one, RatingRefused)] == []
    assert Rating.objects.filter(rater=rater).count() == Rating.objects.values("pair").distinct().count()


def test_a_whole_crowd_settles_every_pair_once() -> None:
    world = waiting_world(5, Policy(quorum=3))

    def work(rater) -> int:
        answered = 0
        for _ in range(40):
            leases = hold_leases(rater=rater, at=world.clock)
            if not leases:
                break
            cast_rating(rater=rater, token=leases[0].token, answer=Answer.YES, at=world.clock)
            answered += 1
        return answered

    answers = at_once([partial(work, rater) for rater in world.raters(6)])
    assert [one for one in answers if isinstance(one, Exception)] == []
    for rater in world.raters(3):
        work(rater)
    finalise_due(at=world.pass_time(31))
    tallies = [world.pair(place, "cat").tally for place in range(5)]
    assert (tallies, Credit.objects.count(), Rating.objects.count()) == ([Tally(yes=3)] * 5, 5, 15)
