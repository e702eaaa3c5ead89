"""From a claim to a credit: whose it is, and what takes it away again."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.models import PoolImage
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.actions.settlement import (
    SettlementRefused,
    disqualify_participant,
    reinstate_participant,
    reopen_pair,
)
from cats4ml.submissions.models import Credit, CreditKind, Pair
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import quota_for, submissions_of
from tests.factories import World, make_user, make_world

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW


def ledger(world: World) -> list[tuple[str, int, str]]:
    entries = Credit.objects.filter(challenge=world.challenge).order_by("id").select_related("participation__user")
    return [(entry.kind, entry.points, entry.participation.user.username) for entry in entries]


@pytest.mark.parametrize(
    ("mean", "answers", "outcome", "credited"),
    [
        (0.1, [YES] * 5, Outcome.FALSE_NEGATIVE, 1),
        (0.9, [NO] * 5, Outcome.FALSE_POSITIVE, 1),
        (0.9, [YES] * 5, Outcome.AGREEMENT, 0),
        (0.1, [NO] * 5, Outcome.AGREEMENT, 0),
        (0.5, [NO, NO, NO, YES, YES], Outcome.FALSE_POSITIVE, 1),
        (0.1, [YES, YES, NO, NO, DONT_KNOW], Outcome.AMBIGUOUS, 0),
        (0.1, [YES, YES, DONT_KNOW, DONT_KNOW, DONT_KNOW], Outcome.AMBIGUOUS, 0),
    ],
)
def test_outcome_follows_from_machines_and_people(world, mean, answers, outcome, credited) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": mean})
    world.rate(world.pair(0, "cat"), *answers)
    pair = world.pair(0, "cat")
    assert (pair.state, pair.outcome) == (PairState.SETTLED, outcome)
    assert (pair.yes_ratings, pair.no_ratings, pair.dont_know_ratings) == tuple(
        answers.count(answer) for answer in (YES, NO, DONT_KNOW)
    )
    assert pair.policy == world.challenge.policy
    assert len(ledger(world)) == credited


def test_majority_waits_for_the_whole_quorum(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, YES, YES, YES)
    assert world.pair(0, "cat").state == PairState.IN_REVIEW


def test_second_submitter_of_an_adverse_pair_gets_no_credit(world) -> None:
    first, second = world.finder(make_user("ada")), world.finder(make_user("bob"))
    world.claim(first, (0, "cat"))
    [late] = world.claim(second, (0, "cat"))
    assert late.later
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    assert ledger(world) == [("given", 1, "ada")]
    assert quota_for(first).remaining == 100 + 5 - 1
    assert quota_for(second).remaining == 100


def test_one_picture_is_a_false_positive_and_a_false_negative(world) -> None:
    world.claim(world.finder(), (0, "cat"), (0, "dog"))
    world.score(0, {"cat": 0.1, "dog": 0.9})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    world.rate(world.pair(0, "dog"), *[NO] * 5)
    outcomes = set(Pair.objects.filter(challenge=world.challenge).values_list("label__key", "outcome"))
    assert outcomes == {("cat", "false_negative"), ("dog", "false_positive")}


def test_disqualification_hands_the_credit_to_the_earliest_valid_claim(world) -> None:
    organiser = make_user("organiser")
    first, second, third = (world.finder(make_user(name)) for name in ("ada", "bob", "cyd"))
    for finder in (first, second, third):
        world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    taken = disqualify_participant(participation=first, reason="two accounts", by=organiser, at=world.pass_time(1))
    again = disqualify_participant(participation=first, reason="two accounts", by=organiser, at=world.pass_time(1))
    assert (taken, again) == (1, 0)
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada"), ("inherited", 1, "bob")]


def test_disqualification_withdraws_queued_pairs_that_nobody_else_claims(world) -> None:
    first, second = world.finder(), world.finder()
    world.claim(first, (0, "cat"), (1, "cat"))
    world.claim(second, (1, "cat"))
    disqualify_participant(participation=first, reason="bot", by=make_user(), at=world.pass_time(1))
    assert (world.pair(0, "cat").state, world.pair(1, "cat").state) == (PairState.WITHDRAWN, PairState.QUEUED)


def test_reopened_pair_asks_for_more_raters_and_settles_again(world) -> None:
    world.claim(world.finder(make_user("ada")), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, YES, YES, NO, NO)
    pair = reopen_pair(pair_id=world.pair(0, "cat").pk, reason="disputed", by=make_user(), at=world.pass_time(1))
    assert (pair.state, pair.outcome, pair.least_ratings) == (PairState.IN_REVIEW, "", 7)
    world.rate(pair, NO, NO)
    assert world.pair(0, "cat").outcome == Outcome.AGREEMENT
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada")]


def test_reopening_needs_a_reason(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    with pytest.raises(SettlementRefused, match="reason"):
        reopen_pair(pair_id=world.pair(0, "cat").pk, reason=" ", by=make_user(), at=world.pass_time(1))


def test_the_database_refuses_to_change_the_ledger(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    for change in (lambda: Credit.objects.update(points=99), lambda: Credit.objects.all().delete()):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            change()
    assert list(Credit.objects.values_list("kind", "points")) == [(CreditKind.GIVEN, 1)]


def test_a_claim_of_a_settled_pair_is_not_told_how_it_ended(world) -> None:
    first, curious = world.finder(), world.finder()
    world.claim(first, (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    world.claim(curious, (0, "cat"))
    told = {}
    for finder in (first, curious):
        [view] = claim_views(with_details(submissions_of(finder)), {})
        told[finder.pk] = (view.settled, view.mean, view.reason)
    assert told == {
        first.pk: (True, 0.1, "All five raters said yes, the machines’ mean was 0.10: a false negative. 1 point."),
        curious.pk: (False, None, "It was settled before you claimed it. How it ended is told with the release."),
    }


def told(finder) -> list[str]:
    return [view.reason for view in claim_views(with_details(submissions_of(finder)), {})]


def test_a_known_unknown_is_released_and_earns_nothing_where_the_policy_says_so(db) -> None:
    world = make_world(policy=Policy(near_margin=0.25, near_threshold_scores=False))
    ada = world.finder(make_user("ada"))
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"))
    for place, mean in ((0, 0.375), (1, 0.25), (2, 0.625)):
        world.score(place, {"cat": mean})
        world.rate(world.pair(place, "cat"), *[YES] * 5)
    found = [(world.pair(place, "cat").outcome, world.pair(place, "cat").uncredited) for place in range(3)]
    assert found == [("false_negative", "known_unknown"), ("false_negative", ""), ("agreement", "")]
    assert ledger(world) == [("given", 1, "ada")]
    assert quota_for(ada).total == 100 + 5
    assert told(ada)[2] == (
        "All five raters said yes, the machines’ mean was 0.38: a false negative, but the machines were unsure: "
        "it earns nothing by this challenge’s rules."
    )


def test_proportional_credit_is_the_size_of_the_machines_error(db) -> None:
    world = make_world(policy=Policy(credit_rule="proportional", points_per_adverse=8))
    world.claim(world.finder(make_user("ada")), (0, "cat"), (1, "cat"), (2, "cat"))
    for place, mean, answer in ((0, 0.0, YES), (1, 0.25, YES), (2, 0.875, NO)):
        world.score(place, {"cat": mean})
        world.rate(world.pair(place, "cat"), *[answer] * 5)
    assert ledger(world) == [("given", 8, "ada"), ("given", 6, "ada"), ("given", 7, "ada")]


@pytest.fixture
def alike(world) -> World:
    """A world whose first three pictures are near-copies of each other."""
    pool = PoolImage.objects.filter(challenge=world.challenge, image__in=world.images[:3])
    pool.update(copy_group=world.images[0].pk)
    return world


def settle(world: World, *places: int, mean: float = 0.25) -> None:
    for place in places:
        world.score(place, {"cat": mean})
        world.rate(world.pair(place, "cat"), *[YES] * 5)


def test_of_near_copies_the_one_claimed_first_earns_whichever_settles_first(alike) -> None:
    ada, bob = alike.finder(make_user("ada")), alike.finder(make_user("bob"))
    alike.claim(ada, (0, "cat"))
    alike.claim(bob, (1, "cat"), (3, "cat"))
    settle(alike, 1, 3, 0)
    found = [(alike.pair(place, "cat").outcome, alike.pair(place, "cat").uncredited) for place in (0, 1, 3)]
    assert found == [("false_negative", ""), ("false_negative", "near_copy"), ("false_negative", "")]
    assert ledger(alike) == [("given", 1, "bob"), ("given", 1, "ada")]
    assert told(bob) == [
        "All five raters said yes, the machines’ mean was 0.25: a false negative. 1 point.",
        (
            "All five raters said yes, the machines’ mean was 0.25: a false negative, but a near-copy of this "
            "picture was claimed before: it earns nothing."
        ),
    ]


def test_the_earliest_near_copy_inherits_when_the_first_one_has_no_claim_left(alike) -> None:
    ada, bob, cyd = (alike.finder(make_user(name)) for name in ("ada", "bob", "cyd"))
    alike.claim(ada, (2, "cat"))
    alike.claim(cyd, (1, "cat"))
    alike.claim(bob, (0, "cat"))
    settle(alike, 0, 1, 2)
    assert ledger(alike) == [("given", 1, "ada")]
    taken = [
        disqualify_participant(participation=ada, reason="bot", by=make_user(), at=alike.pass_time(1)) for _ in range(2)
    ]
    assert taken == [1, 0]
    assert ledger(alike) == [("given", 1, "ada"), ("reversed", -1, "ada"), ("inherited", 1, "cyd")]
    assert [alike.pair(place, "cat").uncredited for place in range(3)] == ["near_copy", "", ""]
    assert Credit.objects.last().reason == "The near-copy that was claimed before counts no more."


def test_a_later_claim_of_the_first_near_copy_gives_way_to_the_copy_that_was_claimed_before_it(alike) -> None:
    ada, bob, cyd = (alike.finder(make_user(name)) for name in ("ada", "bob", "cyd"))
    alike.claim(ada, (0, "cat"))
    alike.claim(cyd, (1, "cat"))
    alike.claim(bob, (0, "cat"))
    settle(alike, 0, 1)
    disqualify_participant(participation=ada, reason="bot", by=make_user(), at=alike.pass_time(1))
    assert ledger(alike) == [("given", 1, "ada"), ("reversed", -1, "ada"), ("inherited", 1, "cyd")]
    assert [alike.pair(place, "cat").uncredited for place in (0, 1)] == ["near_copy", ""]


def _statements(pairs: int) -> tuple[int, int]:
    """How many statements it takes to disqualify somebody who earned by so many pairs, and to take that back."""
    world = make_world(policy=Policy(quorum=2))
    first, second, raters = world.finder(), world.finder(), world.raters(2)
    for finder in (first, second):
        world.claim(finder, *[(place, "cat") for place in range(pairs)])
    for place in range(pairs):
        world.score(place, {"cat": 0.1})
        world.rate(world.pair(place, "cat"), YES, YES, raters=raters)
    boss, costs = make_user(), []
    for act in (disqualify_participant, reinstate_participant):
        with CaptureQueriesContext(connection) as queries:
            assert act(participation=first, reason="two accounts", by=boss, at=world.pass_time(1)) == pairs
        costs.append(len(queries))
    return costs[0], costs[1]


def test_many_credits_move_by_as_many_statements_as_one(db) -> None:
    assert _statements(1) == _statements(4)
