"""Explore, my submissions and the public queue: what each shows, and when; and that none grows with its rows."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Role
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.actions.settlement import disqualify_participant
from tests.factories import World, make_user, make_world
from tests.web import HTMX, queries_of, signed_in

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW


def url(world: World, name: str) -> str:
    return reverse(name, args=[world.challenge.slug])


def mine(world: World, finder, query: str = ""):
    return signed_in(finder.user).get(url(world, "pages:mine") + query, headers=HTMX)


def settle(world: World, place: int, label: str, mean: float, *answers: Answer) -> None:
    world.score(place, {label: mean})
    world.rate(world.pair(place, label), *answers)


def test_my_page_shows_the_reason_in_words_once_the_pair_is_settled(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    settle(world, 0, "cat", 0.08, YES, YES, NO, YES, YES)
    html = mine(world, finder).content.decode()
    assert "Four of five raters said yes, the machines’ mean was 0.08: a false negative. 1 point." in html
    assert ("False negative" in html, ">0.08<" in html, "<html" in html) == (True, True, False)


def test_my_page_hides_score_and_votes_until_then(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.0837})
    world.rate(world.pair(0, "cat"), YES, YES, DONT_KNOW)
    [lease, *_] = hold_leases(rater=world.rater(), at=world.clock)
    cast_rating(rater=lease.rater, token=lease.token, answer=NO, at=world.pass_time(1))
    reply = mine(world, finder)
    html = reply.content.decode()
    [view] = reply.context["views"]
    assert (view.mean, view.people, view.reason, view.points, view.settled) == (None, 3, "", 0, False)
    assert ("3 people so far" in html, "0.08" in html, "The score is shown when the pair settles." in html) == (
        True,
        False,
        True,
    )


def test_the_score_is_shown_in_review_where_the_policy_says_so(db) -> None:
    world = make_world(policy=Policy(reveal_score="scored"))
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    assert mine(world, finder).context["views"][0].mean is None
    world.score(0, {"cat": 0.25})
    assert mine(world, finder).context["views"][0].mean == 0.25


def test_whoever_took_a_claim_back_sees_nothing_more_of_the_pair(world) -> None:
    finder = world.finder()
    [claim] = world.claim(finder, (0, "cat"))
    world.claim(world.finder(), (0, "cat"))
    retract_submission(participation=finder, submission_id=claim.submission.pk, at=world.pass_time(1))
    world.score(0, {"cat": 0.08})
    for answers in ([YES, YES, YES], [YES, YES]):
        world.rate(world.pair(0, "cat"), *answers)
        reply = mine(world, finder)
        [view] = reply.context["views"]
        assert (view.mean, view.people, view.position, view.settled, view.first_claimant) == (
            None,
            None,
            None,
            False,
            "",
        )
        html = reply.content.decode()
        found = [word for word in ("0.08", "False negative", "so far", "In review", "Four", "rater") if word in html]
        assert (found, "You took this claim back." in html) == ([], True)


def test_who_was_earlier_is_told_once_the_pair_is_settled(world) -> None:
    first, later = world.finder(make_user("earlybird")), world.finder()
    world.claim(first, (0, "cat"))
    world.claim(later, (0, "cat"))
    html = mine(world, later).content.decode()
    assert ("earlybird" in html, "Somebody claimed this pair first." in html) == (False, True)
    settle(world, 0, "cat", 0.1, *[YES] * 5)
    html = mine(world, later).content.decode()
    assert ("earlybird claimed this pair first." in html, "No point." in html) == (True, True)
    disqualify_participant(participation=first, reason="bot", by=make_user(), at=world.pass_time(1))
    html = mine(world, later).content.decode()
    assert (f"{later.public_name} claimed" in html, "1 point." in html) == (False, True)


def test_an_unscorable_pair_says_why_and_that_it_costs_nothing(db) -> None:
    world = make_world()
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    pair = world.pair(0, "cat")
    pair.state, pair.unscorable_reason = "unscorable", "The picture can’t be read."
    pair.save()
    html = mine(world, finder).content.decode()
    assert ("The picture can’t be read. It costs you nothing." in html, "Take this claim back" in html) == (True, True)


def test_my_page_filters_by_state_and_shows_only_mine(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"), (1, "cat"))
    world.claim(world.finder(), (2, "cat"))
    world.score(0, {})
    shown = {
        state: [view.pair for view in mine(world, finder, f"?state={state}").context["views"]]
        for state in ("", "queued", "in_review", "settled", "lost")
    }
    first, second = world.pair(0, "cat"), world.pair(1, "cat")
    assert shown == {
        "": [second, first], "queued": [second], "in_review": [first], "settled": [], "lost": [second, first],
    }  # fmt: skip


def test_the_public_queue_names_the_submitter_after_settlement_and_never_the_outcome(world) -> None:
    finder = world.finder(make_user("finderella"))
    world.claim(finder, (0, "cat"), (1, "cat"))
    world.score(0, {"cat": 0.0837})
    world.score(1, {"cat": 0.0837})
    secrets = ("0.08", "False", "negative", "Agreement", "said")
    before = Client().get(url(world, "submissions:queue")).content.decode()
    assert [word for word in ("finderella", *secrets) if word in before] == []
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    after = Client().get(url(world, "submissions:queue")).content.decode()
    assert (after.count("finderella"), [word for word in secrets if word in after]) == (1, [])
    settled = Client().get(url(world, "submissions:queue") + "?state=settled", headers=HTMX)
    assert [pair.pk for pair in settled.context["page"].rows] == [world.pair(0, "cat").pk]
    assert "<html" not in settled.content.decode()


@pytest.mark.parametrize(
    "page", ["pages:explore", "pages:mine", "submissions:queue", "submissions:hints", "console:pairs", "pages:data"]
)
def test_a_page_costs_as_many_queries_for_three_rows_as_for_one(db, page) -> None:
    world = make_world(pictures=1, policy=Policy(quorum=1))
    more = make_world(pictures=3, policy=Policy(quorum=1))
    costs = []
    for one, number in ((world, 1), (more, 3)):
        finder, other = one.finder(make_user(is_superuser=True)), one.finder()
        for place in range(number):
            one.claim(other, (place, "cat"))
            one.claim(finder, (place, "cat"), (place, "dog"), (place, "owl"))
            settle(one, place, "cat", 0.1, YES)
        costs.append(queries_of(signed_in(finder.user), url(one, page)))
    assert (costs[0] == costs[1], costs[0] <= 20) == (True, True)


def test_the_console_shows_organisers_every_pair_with_its_reason(world) -> None:
    finder = world.finder(make_user("finderella"))
    world.claim(finder, (0, "cat"), (1, "cat"))
    settle(world, 0, "cat", 0.08, *[YES] * 5)
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    reply = signed_in(user).get(url(world, "console:pairs"))
    rows = [(pair.submitter, pair.reason) for pair in reply.context["page"].rows]
    reason = "All five raters said yes, the machines’ mean was 0.08: a false negative."
    assert rows == [("finderella", ""), ("finderella", reason)]
    overview = signed_in(user).get(url(world, "console:overview")).context
    counted = overview["funnel"]
    assert (counted.claims, counted.queued, counted.settled, counted.adverse, overview["spent"]) == (2, 1, 1, 1, 5)


def test_a_changed_policy_leaves_the_reading_of_settled_pairs_as_it_was(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    settle(world, 0, "cat", 0.4, *[YES] * 5)
    decide_policy(challenge=world.challenge, policy=Policy(threshold=0.3))
    [view] = mine(world, finder).context["views"]
    assert (view.pair.policy.value.threshold, view.pair.outcome) == (0.5, "false_negative")
