"""An organiser reads a dispute beside all that is known of its pair, and answers in one of three ways."""

from __future__ import annotations

import pytest
from django.test import Client

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.actions.settlement import reopen_pair
from cats4ml.submissions.models import Dispute, Submission
from tests.factories import World, make_user
from tests.submissions.disputed import NO, WORDS, YES, organiser, settled
from tests.web import queries_of, signed_in


@pytest.fixture
def expert(world: World) -> User:
    return organiser(world, "eve")


@pytest.fixture
def client(expert: User) -> Client:
    return signed_in(expert)


def url(world: World, made: Dispute | None = None) -> str:
    return f"/challenges/{world.challenge.slug}/console/disputes/{f'{made.pk}/' if made else ''}"


def dispute(world: World, claim: Submission, reason: str = WORDS) -> Dispute:
    return dispute_outcome(
        participation=claim.participation, submission_id=claim.pk, reason=reason, at=world.pass_time(1)
    )


def answer(client: Client, world: World, made: Dispute, **sent: object):
    return client.post(
        url(world, made), {"more_ratings": 2, "answer": "I looked at it at full size.", **sent}, follow=True
    )


def test_a_dispute_is_shown_with_all_that_is_known_of_its_pair(world, client) -> None:
    finder = world.finder(make_user("ada"))
    claim = settled(world, finder, said=(NO, NO, NO, YES, YES))
    Submission.objects.update(rationale="Only the whiskers show.")
    made = dispute(world, claim)
    page = client.get(url(world)).content.decode()
    assert [word in page for word in ("1 dispute waits for an answer", WORDS, "ada", ">Answer<")] == [True] * 4
    html = client.get(url(world, made)).content.decode()
    told = ("Three of five raters said no", "mean was 0.10", WORDS, "Only the whiskers show.", "of agreement:")
    assert [word in html for word in told] == [True] * 5


@pytest.mark.parametrize(
    ("decision", "state", "ended"),
    [
        ("decline", "declined", ("settled", "ambiguous")),
        ("reopen", "reopened", ("in_review", "")),
        ("yes", "adjudicated", ("settled", "false_negative")),
        ("no", "adjudicated", ("settled", "agreement")),
        ("undecided", "adjudicated", ("settled", "ambiguous")),
    ],
)
def test_each_way_to_answer_does_what_it_says(world, client, expert, decision, state, ended) -> None:
    made = dispute(world, settled(world, world.finder()))
    page = answer(client, world, made, decision=decision, more_ratings=3)
    assert (page.redirect_chain, "Answered (1)" in page.content.decode()) == ([(url(world), 302)], True)
    made.refresh_from_db()
    pair = world.pair(0, "cat")
    kinds = ["adjudicated", "disputed"] if state == "adjudicated" else ["disputed"]
    assert [(act.kind, act.by, act.reason, act.details["pair"]) for act in world.acts()] == [
        (kind, expert, "I looked at it at full size.", pair.pk) for kind in kinds
    ]  # fmt: skip
    assert (made.state, made.decided_by, pair.state, pair.outcome) == (state, expert, *ended)
    assert pair.least_ratings == (8 if decision == "reopen" else 0)
    shown = client.get(f"{url(world)}?answered=1").content.decode()
    assert ("I looked at it at full size." in shown, made.get_state_display() in shown) == (True, True)
    assert 'name="decision"' not in client.get(url(world, made)).content.decode()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose what becomes of the pair."),
        ({"decision": "yes", "answer": " "}, "Say why: the finder reads it."),
        ({"decision": "reopen", "more_ratings": 0}, "Ask one more rater at least."),
        ({"decision": "reopen", "more_ratings": 10}, "Ask 9 more raters at most."),
        ({"decision": "reopen", "more_ratings": "x"}, "in figures"),
    ],
)
def test_what_is_missing_is_said(world, client, sent, words) -> None:
    made = dispute(world, settled(world, world.finder()))
    page = answer(client, world, made, **sent)
    made.refresh_from_db()
    assert (page.status_code, words in page.content.decode(), made.state) == (422, True, "open")


def test_one_who_comes_second_is_told_who_decided(world, client) -> None:
    made = dispute(world, settled(world, world.finder()))
    answer(client, world, made, decision="decline")
    page = answer(signed_in(organiser(world)), world, made, decision="yes")
    assert (page.status_code, "eve has decided this dispute meanwhile" in page.content.decode()) == (422, True)


def test_of_a_pair_that_raters_look_at_again_only_that_can_be_answered(world, client, expert) -> None:
    made = dispute(world, settled(world, world.finder()))
    reopen_pair(pair_id=world.pair(0, "cat").pk, reason="Look again.", by=expert, at=world.pass_time(1))
    html = client.get(url(world, made)).content.decode()
    assert ("Raters look at this pair again already" in html, html.count('name="decision"')) == (True, 1)
    assert answer(client, world, made, decision="reopen").status_code == 200


def test_ones_own_dispute_is_left_to_others(world, client, expert) -> None:
    made = dispute(world, settled(world, world.finder(make_user())))
    made.submission.participation.user = expert
    made.submission.participation.save()
    page = client.get(url(world)).content.decode()
    assert ("another organiser answers" in page, ">Answer<" in page) == (True, False)
    assert "Leave it to another organiser" in client.get(url(world, made), follow=True).content.decode()
    answer(client, world, made, decision="yes")
    made.refresh_from_db()
    assert made.state == "open"


def test_lists_that_are_empty_and_a_final_challenge_say_so(world, client) -> None:
    assert "What finders dispute comes up here." in client.get(url(world)).content.decode()
    assert "No dispute has been answered yet." in client.get(f"{url(world)}?answered=1").content.decode()
    made = dispute(world, settled(world, world.finder()))
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    assert "This challenge is final" in client.get(url(world)).content.decode()
    html = client.get(url(world, made)).content.decode()
    assert ("its board stands" in html, 'name="decision"' in html) == (True, False)


def test_the_pages_cost_the_same_for_one_dispute_and_for_three(world, client) -> None:
    made = dispute(world, settled(world, world.finder()))
    addresses = [url(world), url(world, made)]
    one = [queries_of(client, address) for address in addresses]
    for place in (1, 2):
        dispute(world, settled(world, world.finder(), place))
    assert [queries_of(client, address) for address in addresses] == one


def test_only_organisers_see_and_answer(world) -> None:
    made = dispute(world, settled(world, world.finder()))
    stranger = signed_in(world.finder().user)
    codes = [stranger.get(url(world)), stranger.get(url(world, made)), stranger.post(url(world, made))]
    assert [one.status_code for one in codes] == [403] * 3


def test_how_many_more_raters_is_asked_only_of_who_asks_more_raters(world, client) -> None:
    made = dispute(world, settled(world, world.finder()))
    for number, words in (("", "Say how many more raters."), ("x", "in figures"), (0, "Ask one more"), (10, "Ask 9")):
        refused = answer(client, world, made, decision="reopen", more_ratings=number)
        assert (refused.status_code, words in refused.content.decode()) == (422, True)
    assert answer(client, world, made, decision="decline", more_ratings="").redirect_chain == [(url(world), 302)]
