"""Settling under each verdict rule, and what a verdict rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import ChallengeStatus
from cats4ml.review.actions.settling import reading_of, resettle, settle_if_ready
from cats4ml.review.ballots import known_skills
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import Vote
from cats4ml.submissions.actions.moves import lock_pair
from cats4ml.submissions.actions.settlement import SettlementRefused, reopen_pair
from cats4ml.submissions.models import Credit, Pair
from cats4ml.submissions.presentation import reason_of
from tests.factories import make_user
from tests.review.rated import edition_skill, in_review, say, skill

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
AT_ONCE = Policy(provisional_seconds=0, quorum=7)
LEAD = replace(AT_ONCE, verdict_rule="lead")
WEIGHTED = replace(AT_ONCE, verdict_rule="weighted", bound=0.9)


def fresh(pair: Pair) -> Pair:
    return Pair.objects.select_related("policy", "challenge__policy").get(pk=pair.pk)


@pytest.mark.parametrize(
    ("policy", "answers", "verdict", "asked"),
    [
        (replace(AT_ONCE, quorum=3), [YES, NO, YES, YES], "yes", 3),
        (replace(AT_ONCE, quorum=3), [YES, DONT_KNOW, NO, YES], "undecided", 3),
        (replace(AT_ONCE, quorum=3, verdict_rule="majority_of_known"), [YES, DONT_KNOW, DONT_KNOW], "yes", 3),
        (LEAD, [YES, YES, YES], "yes", 2),
        (LEAD, [YES, NO, DONT_KNOW, NO, NO, YES], "no", 5),
        (replace(LEAD, max_ratings=3), [YES, NO, DONT_KNOW, NO], "undecided", 3),
        (replace(LEAD, min_ratings=3), [YES, YES, NO, YES, YES], "yes", 4),
    ],
)
def test_each_rule_settles_a_pair_as_soon_as_it_may(db, policy, answers, verdict, asked) -> None:
    world, [pair] = in_review(policy, 0.1)
    given = say(world, pair, answers, world.raters(len(answers)))
    settled = fresh(pair)
    assert (settled.state, settled.verdict, settled.tally.total) == ("settled", verdict, asked)
    assert given >= asked
    basis = VerdictBasis.objects.get()
    assert [vote["answer"] for vote in basis.votes] == [answer.value for answer in answers[:asked]]


def test_weighted_asks_fewer_of_better_raters(db) -> None:
    world, pairs = in_review(WEIGHTED, 0.1, 0.1, 0.9)
    raters = world.raters(7)
    edition_skill(world)
    for rater in raters[:2]:
        skill(rater, world, right=400, wrong=4)
    for rater in raters[2:]:
        skill(rater, world, right=110, wrong=90)
    world.pass_time(10)
    say(world, pairs[0], [YES, YES], raters[:2])
    say(world, pairs[1], [YES] * 5, raters[2:])
    say(world, pairs[2], [NO, YES, NO], [raters[2], raters[0], raters[3]])
    assert [(fresh(one).state, fresh(one).verdict, fresh(one).tally) for one in pairs] == [
        ("settled", "yes", Tally(2, 0, 0)),
        ("in_review", "", Tally(5, 0, 0)),
        ("settled", "yes", Tally(1, 1, 0)),
    ]
    assert reason_of(fresh(pairs[2])) == (
        "Weighed by how well each rater answers, one yes and one no make a yes, the machines’ mean was 0.90: an "
        "agreement."
    )


def test_the_prior_is_how_often_people_say_yes_and_never_the_machines_score(db) -> None:
    world, pairs = in_review(WEIGHTED, 0.01, 0.99)
    edition_skill(world, base_rate=0.9)
    raters = world.raters(2)
    for pair in pairs:
        say(world, pair, [YES, YES], raters)
    assert [(fresh(one).state, fresh(one).verdict) for one in pairs] == [("settled", "yes")] * 2
    first, second = VerdictBasis.objects.order_by("pk")
    assert (first.prior_yes, first.posterior) == (0.9, second.posterior)


def test_a_verdict_is_read_again_from_its_basis_whatever_is_learned_since(db) -> None:
    world, [pair] = in_review(WEIGHTED, 0.1)
    raters = world.raters(3)
    edition_skill(world, base_rate=0.4)
    for rater in raters:
        skill(rater, world, right=30, wrong=4)
    world.pass_time(10)
    say(world, pair, [YES, YES], raters)
    skill(raters[0], world, right=0, wrong=40)
    edition_skill(world, base_rate=0.1)
    basis, settled = VerdictBasis.objects.get(), fresh(pair)
    votes = [Vote(Answer(vote["answer"]), Skill(Odds(*vote["if_yes"]), Odds(*vote["if_no"]))) for vote in basis.votes]
    reading = read_in_order(
        votes, rule=basis.policy.value.rule, prior_yes=basis.prior_yes, machine_yes=settled.machine_yes
    )
    assert (reading.verdict, reading.posterior) == (settled.verdict, basis.posterior)
    ids = list(Rating.objects.order_by("pk").values_list("pk", flat=True))[: len(votes)]
    assert [vote["rating"] for vote in basis.votes] == Credit.objects.get().ratings == ids


def test_the_posterior_is_kept_whatever_the_rule(db) -> None:
    world, [pair] = in_review(LEAD, 0.1)
    say(world, pair, [YES, YES], world.raters(2))
    assert VerdictBasis.objects.get().posterior == pytest.approx(0.944, abs=0.01)


def test_an_adverse_verdict_short_of_what_the_policy_asks_is_ambiguous(db) -> None:
    policy = replace(AT_ONCE, quorum=3, min_lead=3)
    world, pairs = in_review(policy, 0.1, 0.1, 0.9)
    raters = world.raters(3)
    for pair in pairs:
        say(world, pair, [YES, YES, NO], raters)
    say(world, pairs[1], [YES, YES, YES], world.raters(3))
    assert [(fresh(one).verdict, fresh(one).outcome) for one in pairs] == [
        ("yes", "ambiguous"), ("yes", "ambiguous"), ("yes", "agreement")
    ]  # fmt: skip
    assert Credit.objects.count() == 0
    assert reason_of(fresh(pairs[0])) == (
        "Two of three raters said yes, the machines’ mean was 0.10, but this challenge asks more of an adverse pair: "
        "ambiguous."
    )


def test_answers_that_came_after_a_rule_would_have_stopped_count_for_nothing(db) -> None:
    world, [pair] = in_review(AT_ONCE, 0.1)
    say(world, pair, [YES, YES, NO, NO], world.raters(4))
    decide_policy(challenge=world.challenge, policy=LEAD)
    assert reading_of(fresh(pair), LEAD).ratings == 2
    with transaction.atomic():
        settle_if_ready(lock_pair(pair.pk), world.pass_time(1))
    settled = fresh(pair)
    assert (settled.verdict, settled.tally, len(Credit.objects.get().ratings)) == ("yes", Tally(2, 0, 0), 2)
    reopened = reopen_pair(pair_id=pair.pk, reason="Look again.", by=make_user(), at=world.pass_time(1))
    assert reopened.least_ratings == 6


def test_an_answer_costs_no_query_for_skills_within_a_few_seconds(db) -> None:
    world, pairs = in_review(AT_ONCE, 0.1, 0.1)
    edition_skill(world)
    raters = world.raters(2)
    say(world, pairs[0], [YES], raters)
    challenge = fresh(pairs[0]).challenge
    with CaptureQueriesContext(connection) as queries:
        known_skills(challenge, world.pass_time(1))
        before = len(queries)
        known_skills(challenge, world.pass_time(60))
        asked = len(queries) - before
        edition_skill(world)
        made = len(queries)
        known_skills(challenge, world.clock)
    assert (before, asked) == (0, 1)
    assert len(queries) - made == 3


def discount(pair: Pair, rater) -> None:
    Rating.objects.filter(pair=pair, rater=rater).update(state=RatingState.DISCOUNTED)


def again(pair: Pair, world) -> Pair:
    with transaction.atomic():
        resettle(lock_pair(pair.pk), reason="Discounted.", by=None, at=world.pass_time(1))
    return fresh(pair)


def test_a_pair_whose_answers_changed_settles_again_or_goes_back(db) -> None:
    world, pairs = in_review(LEAD, 0.1, 0.1)
    raters = world.raters(5)
    say(world, pairs[0], [NO, YES, YES, YES], raters)
    say(world, pairs[1], [YES, YES], raters)
    assert [again(pair, world).tally for pair in pairs] == [Tally(3, 1, 0), Tally(2, 0, 0)]
    assert Credit.objects.count() == 2
    discount(pairs[0], raters[0])
    discount(pairs[1], raters[0])
    first, second = again(pairs[0], world), again(pairs[1], world)
    assert (first.state, first.verdict, first.tally) == ("settled", "yes", Tally(2, 0, 0))
    assert (second.state, second.verdict, second.tally) == ("in_review", "", Tally(1, 0, 0))
    assert second.reopened_reason == "Discounted."
    entries = list(Credit.objects.order_by("pk").values_list("pair_id", "points", "reason"))
    assert entries == [
        (pairs[0].pk, 1, ""),
        (pairs[1].pk, 1, ""),
        (pairs[0].pk, -1, "Discounted."),
        (pairs[0].pk, 1, "Discounted."),
        (pairs[1].pk, -1, "Discounted."),
    ]
    again(pairs[0], world)
    again(pairs[1], world)
    assert list(Credit.objects.order_by("pk").values_list("pair_id", "points", "reason")) == entries
    say(world, pairs[1], [YES], raters[3:])
    assert fresh(pairs[1]).verdict == "yes"


def test_an_experts_verdict_and_a_final_edition_stand_when_answers_change(db) -> None:
    world, [pair] = in_review(LEAD, 0.1)
    raters = world.raters(2)
    say(world, pair, [YES, YES], raters)
    Pair.objects.update(adjudicated_reason="It is one.")
    discount(pair, raters[0])
    assert again(pair, world).outcome == "false_negative"
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    with pytest.raises(SettlementRefused, match="final"):
        again(pair, world)
