"""An expert's decision is taken back: the raters' answers say what they say by the policy in force for the pair."""

from __future__ import annotations

import pytest

from cats4ml.accounts.models import User
from cats4ml.review.actions.discounts import discount_rater, lift_discount
from cats4ml.review.actions.repolicing import apply_policy
from cats4ml.review.actions.taking_back import take_back_decision
from cats4ml.review.models import VerdictBasis, Waiting
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import AdjudicationRefused, adjudicate
from cats4ml.submissions.actions.settlement import reopen_pair
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World
from tests.review.rated import in_review, say
from tests.submissions.disputed import organiser

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
MAJORITY = Policy(provisional_seconds=0)


def decide(world: World, pair: Pair, by: User, verdict: Verdict = Verdict.NO) -> None:
    adjudicate(pair_id=pair.pk, verdict=verdict, reason="The ears.", by=by, at=world.pass_time(1))


def policy(world: World, **parameters: object) -> None:
    new = Policy(provisional_seconds=0, **parameters)
    apply_policy(challenge=world.challenge, policy=new, reason="Other.", by=None, at=world.pass_time(1), settled=True)


def take_back(world: World, pair: Pair, by: User) -> Pair:
    take_back_decision(pair_id=pair.pk, reason="A slip.", by=by, at=world.pass_time(1))
    return Pair.objects.get(pk=pair.pk)


@pytest.fixture
def split(db) -> tuple[World, Pair, User, list]:
    """Two yes, two no, one don't know at 0.1: ambiguous by the majority of five."""
    world, [pair] = in_review(MAJORITY, 0.1)
    raters = world.raters(5)
    say(world, pair, [YES, YES, NO, NO, DONT_KNOW], raters)
    return world, pair, organiser(world), raters


def test_the_answers_are_read_by_the_policy_that_came_meanwhile(split) -> None:
    world, pair, by, _ = split
    decide(world, pair, by)
    policy(world, verdict_rule="lead")
    back = take_back(world, pair, by)
    assert (back.state, back.outcome, back.tally, back.adjudicated_reason) == (
        "settled",
        "false_negative",
        Tally(yes=2),
        "",
    )
    assert back.policy == VerdictBasis.objects.latest("pk").policy
    assert list(Credit.objects.values_list("kind", "points")) == [("given", 1)]


def test_where_the_answers_are_too_few_for_it_the_pair_goes_back_to_review(split) -> None:
    world, pair, by, _ = split
    decide(world, pair, by)
    policy(world, quorum=6)
    back = take_back(world, pair, by)
    assert (back.state, back.tally) == ("in_review", Tally(2, 2, 1))
    assert list(Waiting.objects.values_list("pair", "missing")) == [(pair.pk, 1)]
    with pytest.raises(AdjudicationRefused, match="not settled"):
        take_back(world, pair, by)


def test_a_discount_that_was_lifted_meanwhile_leaves_the_verdict_of_the_answers_that_it_was_read_from(db) -> None:
    world, [pair] = in_review(MAJORITY, 0.1)
    by, raters = organiser(world), world.raters(5)
    say(world, pair, [YES, NO, NO, NO, NO], raters)
    policy(world, quorum=2)  # one yes, one no
    decide(world, pair, by)
    for rater, left in ((raters[4], Tally(1, 1)), (raters[0], Tally(no=1))):
        discount_rater(rater=rater, reason="Asleep.", by=by, at=world.pass_time(1))
        pair.refresh_from_db()
        assert pair.tally == left
        lift_discount(rater=rater, reason="Awake.", by=by, at=world.pass_time(1))
    back = take_back(world, pair, by)
    assert (back.outcome, back.tally) == ("ambiguous", Tally(1, 1))


def test_a_reopened_pair_shows_all_its_answers_also_those_that_came_after_its_verdict(split) -> None:
    world, pair, by, _ = split
    policy(world, verdict_rule="lead")
    pair.refresh_from_db()
    assert pair.tally == Tally(yes=2)
    reopen_pair(pair_id=pair.pk, reason="Look.", by=by, at=world.pass_time(1))
    pair.refresh_from_db()
    assert (pair.tally, pair.least_ratings) == (Tally(2, 2, 1), 7)
