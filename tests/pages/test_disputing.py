"""A finder disputes how a claim ended, and reads what became of it."""

from __future__ import annotations

import pytest
from django.test import Client

from cats4ml.review.actions.leasing import hold_leases
from cats4ml.submissions.actions.disputes import Decision, decide_dispute
from cats4ml.submissions.models import Dispute, Submission
from tests.factories import World
from tests.submissions.disputed import WORDS, YES, organiser, settled
from tests.web import queries_of, signed_in


@pytest.fixture
def claim(world: World) -> Submission:
    return settled(world, world.finder())


@pytest.fixture
def client(claim: Submission) -> Client:
    return signed_in(claim.participation.user)


def mine(world: World) -> str:
    return f"/challenges/{world.challenge.slug}/submissions/"


def url(world: World, claim: Submission) -> str:
    return f"{mine(world)}{claim.pk}/dispute/"


def test_a_settled_claim_is_disputed_from_my_submissions(world, claim, client) -> None:
    assert f'href="{url(world, claim)}"' in client.get(mine(world)).content.decode()
    form = client.get(url(world, claim)).content.decode()
    assert ("Two raters said yes, two said no" in form, "Raters never read it." in form) == (True, True)
    page = client.post(url(world, claim), {"reason": WORDS}, follow=True)
    html = page.content.decode()
    assert page.redirect_chain == [(mine(world), 302)]
    told = ("An organiser will look at it", f"“{WORDS}”")
    assert [word in html for word in told] == [True, True]
    assert "Dispute how this ended" not in html
    again = client.get(url(world, claim)).content.decode()
    assert (WORDS in again, "<textarea" in again) == (True, False)


def test_the_answer_stands_with_the_claim(world, claim, client) -> None:
    client.post(url(world, claim), {"reason": WORDS})
    decide_dispute(
        dispute=Dispute.objects.get(),
        decision=Decision.YES,
        answer="It is behind the fence.",
        by=organiser(world),
        at=world.pass_time(1),
    )
    for address in (mine(world), url(world, claim)):
        html = client.get(address).content.decode()
        told = ("An expert decided.", "Their answer: “<bdi>It is behind the fence.</bdi>”", "An expert decided: yes.")
        assert [word in html for word in told] == [True] * 3


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "Say what the raters may have missed."),
        ("too short", "in 10 characters at least"),
        ("a" * 1001, "in 1,000 characters at most"),
        ("nul \x00 in it, and so on", "There is a sign in it that nobody can see"),
    ],
)
def test_a_form_that_is_not_right_says_how_to_mend_it(world, claim, client, reason, words) -> None:
    answer = client.post(url(world, claim), {"reason": reason})
    assert (answer.status_code, words in answer.content.decode(), Dispute.objects.count()) == (422, True, 0)


def test_what_cannot_be_disputed_has_no_link_and_says_why(world, claim, client) -> None:
    earned = settled(world, claim.participation, 1, said=(YES,) * 5)
    assert f'href="{url(world, earned)}"' not in client.get(mine(world)).content.decode()
    html = client.get(url(world, earned)).content.decode()
    assert ("It has earned you its points as it ended." in html, "<textarea" in html) == (True, False)
    late = world.finder()
    [row] = world.claim(late, (0, "cat"))
    assert row.submission is not None
    page = signed_in(late.user).get(url(world, row.submission)).content.decode()
    assert ("It was settled before you claimed it" in page, "said yes" in page) == (True, False)


def test_other_peoples_claims_are_not_found(world, claim) -> None:
    other = signed_in(world.finder().user)
    assert [other.get(url(world, claim)).status_code, other.post(url(world, claim)).status_code] == [404, 404]


def test_raters_see_nothing_of_a_dispute(world, claim, client) -> None:
    client.post(url(world, claim), {"reason": WORDS})
    decide_dispute(
        dispute=Dispute.objects.get(),
        decision=Decision.REOPEN,
        answer="More eyes on the fence.",
        by=organiser(world),
        at=world.pass_time(1),
    )
    rater = world.rater()
    [lease, *_] = hold_leases(rater=rater, at=world.pass_time(1))
    assert lease.pair_id == claim.pair_id
    html = signed_in(rater.user).get(f"/challenges/{world.challenge.slug}/review/").content.decode()
    assert [word in html for word in ("Is there a Cat", WORDS, "fence", "isput")] == [True, False, False, False]


def test_my_submissions_cost_the_same_with_one_dispute_and_with_three(world, claim, client) -> None:
    client.post(url(world, claim), {"reason": WORDS})
    few = queries_of(client, mine(world))
    for place in (1, 2):
        client.post(url(world, settled(world, claim.participation, place)), {"reason": WORDS})
    assert (queries_of(client, mine(world)), Dispute.objects.count()) == (few, 3)
