"""Many raters at once, in real threads on real connections."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.review.actions.answering import cast_rating, finalise_due, finalise_rating, rate_pair, undo_rating
from cats4ml.review.actions.leasing import close_leases, hold_leases
from cats4ml.review.actions.queueing import sweep_queues
from cats4ml.review.actions.repolicing import apply_policy
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.actions.skipping import skip, skips_left
from cats4ml.review.models import Lease, Rating, ReportKind, Waiting
from cats4ml.review.queue import fill
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import VerdictRule
from cats4ml.submissions.actions.settlement import disqualify_participant, reinstate_participant
from cats4ml.submissions.models import Credit, Submission
from tests.concurrency import at_once, while_waiting
from tests.factories import World, make_user, make_world
from tests.review.queue_truth import wrong_rows

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


def test_a_recorded_answer_locks_the_pair_before_its_place_in_the_queue() -> None:
    """As every other answer does: else the two wait for each other."""
    world = waiting_world(1)
    rater = world.rater()
    lease = hold_leases(rater=rater, at=world.pass_time(1))[0]
    with CaptureQueriesContext(connection) as asked:
        assert rate_pair(rater=rater, pair_id=lease.pair_id, answer=Answer.YES, at=world.pass_time(1)) is not None
    locks = [sql["sql"] for sql in asked.captured_queries if "FOR NO KEY UPDATE" in sql["sql"]]
    assert ['FROM "submissions_pair"' in sql for sql in locks][0:2] == [True, False]


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


LEAD = Policy(verdict_rule=VerdictRule.LEAD, lead=2, max_ratings=5)


@pytest.mark.parametrize(("policy", "most"), [(Policy(quorum=3), 3), (LEAD, 5)], ids=["majority", "lead"])
def test_a_race_for_one_pair_never_asks_one_rater_too_many_and_nobody_twice(policy, most) -> None:
    world = waiting_world(1, policy)
    said = iter([Answer.YES, Answer.NO] * 20)
    for _ in range(8):
        found = at_once([partial(hold_leases, rater=rater, at=world.clock) for rater in world.raters(10)])
        leases = [lease for leases in found for lease in leases]
        row = Waiting.objects.filter(places=0).first()
        if row is None:
            break
        assert (len(leases), wrong_rows(world.challenge)) == (row.missing, {})
        at = world.pass_time(1)
        at_once(
            [
                partial(cast_rating, rater=lease.rater, token=lease.token, answer=answer, at=at)
                for lease, answer in zip(leases, said, strict=False)
                for _ in range(2)
            ]
        )
        finalise_due(at=world.pass_time(31))
    assert (world.pair(0, "cat").state, Waiting.objects.count(), Rating.objects.count()) == ("settled", 0, most)
    assert Rating.objects.values("rater").distinct().count() == most


def test_those_who_ask_first_at_once_find_what_was_just_scored() -> None:
    world = waiting_world(3)
    found = at_once([partial(hold_leases, rater=rater, at=world.clock, count=1) for rater in world.raters(12)])
    assert Counter(len(leases) for leases in found) == {1: 12}
    assert (Waiting.objects.count(), wrong_rows(world.challenge)) == (3, {})


def test_rows_made_by_several_at_once_are_made_once() -> None:
    world = waiting_world(5)
    made = at_once([partial(fill, world.challenge, at=world.clock)] * 6)
    assert (sorted(made), Waiting.objects.count()) == ([0, 0, 0, 0, 0, 5], 5)


def test_two_skips_at_once_are_not_both_the_last_one() -> None:
    world = waiting_world(4, Policy(skips_per_hundred=1))
    rater = world.rater()
    leases = hold_leases(rater=rater, at=world.clock, count=4)
    answers = at_once([partial(skip, rater=rater, token=lease.token, at=world.clock) for lease in leases])
    assert Counter(type(one) for one in answers) == {Lease: 1, RatingRefused: 3}
    assert skips_left(rater) == 0


def test_a_crowd_that_does_everything_at_once_leaves_a_true_queue_and_no_deadlock() -> None:
    world = waiting_world(6, LEAD)
    raters = world.raters(8)
    start = world.clock

    def live(seed: int) -> list[Exception]:
        draw, unexpected = random.Random(seed), []
        rater = raters[seed % len(raters)]
        for step in range(25):
            at = start + timedelta(seconds=11 * step)
            try:
                _act(rater, draw, at)
            except RatingRefused:
                pass
            except Exception as error:  # what must not happen: a deadlock, a broken constraint
                unexpected.append(error)
        return unexpected

    assert at_once([partial(live, seed) for seed in range(12)]) == [[]] * 12
    assert wrong_rows(world.challenge, may_lack=True) == {}
    taken = Counter(Rating.objects.filter(state__in=["final", "provisional"]).values_list("pair", flat=True))
    assert max(taken.values()) <= LEAD.max_ratings


def _act(rater, draw: random.Random, at) -> None:
    what = draw.choice(["answer"] * 5 + ["undo", "skip", "report", "close", "finalise", "sweep"])
    if what == "close":
        close_leases(at=at)
    elif what == "finalise":
        finalise_due(at=at)
    elif what == "sweep":
        sweep_queues(at=at)
    elif what == "undo":
        undo_rating(rater=rater, at=at)
    elif leases := hold_leases(rater=rater, at=at):
        if what == "answer":
            cast_rating(rater=rater, token=leases[0].token, answer=draw.choice(list(Answer)), at=at)
        elif what == "skip":
            skip(rater=rater, token=leases[0].token, at=at)
        else:
            report_picture(rater=rater, token=leases[0].token, kind=ReportKind.OTHER, note="", at=at)


def test_an_answer_that_waited_for_another_policy_is_read_by_that_one() -> None:
    world = waiting_world(1, Policy(quorum=1, provisional_seconds=0))
    [rater] = world.raters(1)
    [lease] = hold_leases(rater=rater, at=world.pass_time(1), count=1)
    at = world.pass_time(1)
    while_waiting(
        partial(cast_rating, rater=rater, token=lease.token, answer=Answer.YES, at=at),
        partial(
            apply_policy,
            challenge=world.challenge,
            policy=Policy(quorum=3, provisional_seconds=0),
            reason="More answers.",
            by=None,
            at=at,
            settled=True,
        ),
    )
    pair = world.pair(0, "cat")
    assert (pair.state, pair.tally, Credit.objects.count()) == ("in_review", Tally(1, 0, 0), 0)
    assert wrong_rows(world.challenge) == {}


def test_whose_claims_count_again_gets_the_credit_of_a_pair_that_settled_at_that_moment() -> None:
    world = waiting_world(1, Policy(quorum=1, provisional_seconds=0))
    finder, by = Submission.objects.get().participation, make_user()
    disqualify_participant(participation=finder, reason="Bought.", by=by, at=world.pass_time(1))
    [rater] = world.raters(1)
    [lease] = hold_leases(rater=rater, at=world.pass_time(1), count=1)
    at = world.pass_time(1)
    held = while_waiting(
        partial(reinstate_participant, participation=finder, reason="Not bought.", by=by, at=at),
        partial(cast_rating, rater=rater, token=lease.token, answer=Answer.YES, at=at),
    )
    assert (held, Credit.objects.get().participation) == (1, finder)
