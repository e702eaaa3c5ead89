"""An expert answers a question before they see what anybody else said, and the next one comes."""

from __future__ import annotations

import math

import pytest
from django.test import Client

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, ChallengeStatus, TargetLabel
from cats4ml.console.adjudication import Filters, filtered, needs_expert, next_after
from cats4ml.review.models import Rating
from cats4ml.rules.agreement import entropy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.models import Adjudication, Dispute, Pair, Submission
from tests.factories import World, make_team
from tests.submissions.disputed import DONT_KNOW, NO, WORDS, YES, ledger, organiser, settled
from tests.web import HTMX, queries_of, signed_in


@pytest.fixture
def expert(world: World) -> User:
    return organiser(world, "eve")


@pytest.fixture
def client(expert: User) -> Client:
    return signed_in(expert)


def url(world: World, pk: int | None = None, query: str = "") -> str:
    one = f"{pk}/" if pk else ""
    return f"/challenges/{world.challenge.slug}/console/ambiguous/{one}{query}"


def dispute(world: World, claim: Submission) -> Dispute:
    return dispute_outcome(
        participation=claim.participation, submission_id=claim.pk, reason=WORDS, at=world.pass_time(1)
    )


def order(world: World, expert: User, **filters: object) -> list[int]:
    found = filtered(needs_expert(world.challenge, expert), Filters(**filters))  # type: ignore[arg-type]
    return [world.images.index(pair.image) for pair in found.select_related("image")]


def test_the_queue_has_disputed_pairs_first_and_then_in_the_order_that_was_asked_for(world, expert) -> None:
    finder = world.finder()
    settled(world, finder, 0, said=(YES, YES, NO, NO, DONT_KNOW))
    settled(world, finder, 1, said=(YES, NO, DONT_KNOW, DONT_KNOW, DONT_KNOW))
    settled(world, finder, 2, said=(YES, NO, DONT_KNOW, DONT_KNOW, DONT_KNOW))
    clear = settled(world, finder, 3, said=(NO,) * 5)
    settled(world, finder, 4, said=(NO,) * 5)
    dispute(world, clear)
    Pair.objects.filter(image=world.images[2]).update(yes_ratings=4, no_ratings=4)
    assert order(world, expert) == [3, 0, 1, 2]
    assert order(world, expert, order="answers") == [3, 2, 0, 1]
    divided = {place: entropy(world.pair(place, "cat").tally) for place in (0, 1, 2)}
    assert order(world, expert, order="divided") == [3, *sorted(divided, key=lambda place: -divided[place])]
    [*found] = filtered(needs_expert(world.challenge, expert), Filters(order="divided"))  # type: ignore[arg-type]
    assert [pytest.approx(pair.divided / math.log(2)) for pair in found] == [entropy(pair.tally) for pair in found]
    assert order(world, expert, disputed=True) == [3]
    assert order(world, expert, label="dog") == []


def test_nobody_is_given_what_they_had_a_part_in(world, client, expert) -> None:
    finder, mate = world.finder(), world.finder()
    settled(world, finder, 0)
    settled(world, mate, 1)
    settled(world, finder, 2)
    make_team(expert, mate.user)
    Rating.objects.filter(pair=world.pair(2, "cat")).first().rater.__class__.objects.filter(
        pk=Rating.objects.filter(pair=world.pair(2, "cat")).first().rater_id
    ).update(user=expert)
    assert order(world, expert) == [0]
    assert "1 pair needs an expert" in client.get(url(world)).content.decode()
    for place, why in ((1, "a team-mate claimed"), (2, "You rated this pair")):
        answer = client.get(url(world, world.pair(place, "cat").pk), follow=True)
        assert (answer.redirect_chain[0][0], why in answer.content.decode()) == (url(world), True)
    sent = {"verdict": "yes", "quick": "shown"}
    client.post(url(world, world.pair(1, "cat").pk), sent)
    assert (world.pair(1, "cat").outcome, Adjudication.objects.count()) == ("ambiguous", 0)


def test_the_page_says_nothing_of_others_before_it_is_asked_to(world, client) -> None:
    finder = world.finder()
    [claim] = world.claim(finder, (0, "cat"))
    Submission.objects.update(rationale="Only the whiskers show.")
    TargetLabel.objects.update(guidance="Lions are no cats.")
    world.score(0, {"cat": 0.1234})
    world.rate(world.pair(0, "cat"), YES, YES, YES, NO, NO)
    dispute(world, settled(world, world.finder(), 1, mean=0.1234))
    told = ("0.12", "said yes", "mbiguous: ", "whiskers", WORDS, "outcome-", "reading", finder.public_name)
    pk = world.pair(1, "cat").pk
    for html in (client.get(url(world, pk)).content.decode(), client.get(url(world)).content.decode()):
        assert [word for word in told if word in html] == []
    page = client.get(url(world, pk)).content.decode()
    assert ("Lions are no cats." in page, "A finder disputes how this pair ended." in page) == (True, True)
    for headers in ({}, HTMX):
        shown = client.get(url(world, pk, "?see=1"), headers=headers).content.decode()
        assert [word in shown for word in ("0.12", "reading", WORDS)] == [True] * 3
    assert claim.submission is not None


def test_a_decision_is_followed_by_the_next_pair_and_filters_stay(world, client, expert) -> None:
    finder = world.finder()
    for place in range(3):
        settled(world, finder, place)
    first, second, third = (world.pair(place, "cat").pk for place in range(3))
    sent = {"verdict": "yes", "quick": "shown", "words": " The tail, too. "}
    answer = client.post(url(world, second, "?label=cat"), sent, follow=True)
    assert answer.redirect_chain == [(url(world, third, "?label=cat"), 302)]
    assert "Cat, 0000000000000001: yes. It counts as false negative now." in answer.content.decode()
    assert world.pair(1, "cat").adjudicated_reason == "The picture shows it clearly. The tail, too."
    assert client.post(url(world, third), {"verdict": "undecided", "quick": "unclear"}).url == url(world, first)
    assert client.post(url(world, first), {"verdict": "no", "words": "A fox."}).url == url(world)
    page = client.get(url(world)).content.decode()
    assert ("No pair needs an expert" in page, "Decided (3)" in page) == (True, True)
    decided = client.get(url(world, query="?decided=1")).content.decode()
    assert [reason in decided for reason in ("The tail, too.", "too small, too dark", "A fox.")] == [True] * 3
    assert next_after(needs_expert(world.challenge, expert), None) is None


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"quick": "shown"}, "Answer the question first"),
        ({"verdict": "maybe", "quick": "shown"}, "Not sent:"),
        ({"verdict": "yes"}, "choose a reason or write one"),
        ({"verdict": "yes", "words": "a" * 1001}, "1000"),
        ({"verdict": "yes", "quick": "shown", "words": "a" * 1000}, "1,000 are the most"),
    ],
)
def test_what_is_missing_is_said_and_what_was_chosen_is_kept(world, client, sent, words) -> None:
    settled(world, world.finder())
    answer = client.post(url(world, world.pair(0, "cat").pk), sent)
    html = answer.content.decode()
    assert (answer.status_code, words in html, world.pair(0, "cat").outcome) == (422, True, "ambiguous")
    assert html.count(" checked") == len({"verdict", "quick"} & set(sent)) - (sent.get("verdict") == "maybe")


def test_a_decision_is_shown_with_its_log_and_can_be_taken_back(world, client) -> None:
    settled(world, world.finder())
    pk = world.pair(0, "cat").pk
    client.post(url(world, pk), {"verdict": "yes", "quick": "shown"})
    page = client.get(url(world, pk)).content.decode()
    assert ("undecided → yes" in page, "Take the decision back" in page) == (True, True)
    refused = client.post(f"{url(world, pk)}take-back/", {"reason": " "}, follow=True).content.decode()
    assert "Say why" in refused
    back = client.post(f"{url(world, pk)}take-back/", {"reason": "The wrong one."}, follow=True).content.decode()
    assert "taken back, undecided again. <bdi>“The wrong one.”</bdi>" not in back, "it is blind again"
    log = client.get(url(world, pk, "?see=1")).content.decode()
    assert "taken back, undecided again. <bdi>“The wrong one.”</bdi>" in log
    assert [points for _, points, _ in ledger(world)] == [1, -1]


def test_a_disputed_pair_is_answered_by_the_decision(world, client, expert) -> None:
    claim = settled(world, world.finder(), said=(NO,) * 5)
    dispute(world, claim)
    client.post(url(world, claim.pair_id), {"verdict": "yes", "words": "Behind the fence."})
    made = Dispute.objects.get()
    assert (made.state, made.answer, made.decided_by) == ("adjudicated", "Behind the fence.", expert)


def test_nothing_is_decided_while_raters_look_or_once_the_challenge_is_final(world, client) -> None:
    settled(world, world.finder())
    pk = world.pair(0, "cat").pk
    world.claim(world.finder(), (1, "cat"))
    world.score(1, {"cat": 0.1})
    waiting = client.get(url(world, world.pair(1, "cat").pk)).content.decode()
    assert ("Raters look at this pair now" in waiting, 'name="verdict"' in waiting) == (True, False)
    adjudicate(pair_id=pk, verdict=Verdict.YES, reason="Clear.", by=organiser(world), at=world.pass_time(1))
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    final = client.get(url(world, pk)).content.decode()
    assert ("its board stands" in final, "<button" in final.split('class="judge"')[1].split("</main>")[0]) == (
        True,
        False,
    )
    assert client.post(url(world, pk), {"verdict": "no", "quick": "absent"}).status_code == 422
    assert world.pair(0, "cat").verdict == "yes"
    assert "This challenge is final" in client.get(url(world)).content.decode()


def test_the_overview_says_what_needs_an_expert(world, client) -> None:
    console = f"/challenges/{world.challenge.slug}/console/"
    assert "Nothing needs you." in client.get(console).content.decode()
    settled(world, world.finder())
    dispute(world, settled(world, world.finder(), 1))
    html = client.get(console).content.decode()
    assert [
        word in html for word in ("Something needs you", "Ambiguous pair that needs an expert", "Dispute by finders")
    ] == [True] * 3
    assert [html.count(f'>{1}</td><td class="lead">{words}') for words in ("Ambiguous pair ", "Dispute by")] == [1, 1]


def test_lists_and_pages_cost_the_same_for_one_pair_and_for_three(world, client, expert) -> None:
    finder = world.finder()
    settled(world, finder, 0)
    dispute(world, settled(world, finder, 1))
    pk = world.pair(0, "cat").pk
    adjudicate(pair_id=world.pair(1, "cat").pk, verdict=Verdict.YES, reason="Clear.", by=expert, at=world.pass_time(1))
    addresses = [url(world), url(world, query="?decided=1"), url(world, pk), url(world, pk, "?see=1")]
    few = [queries_of(client, address) for address in addresses]
    for place in range(2, 6):
        settled(world, finder, place)
    for place in (2, 3):
        adjudicate(
            pair_id=world.pair(place, "cat").pk, verdict=Verdict.NO, reason="Clear.", by=expert, at=world.pass_time(1)
        )
    assert [queries_of(client, address) for address in addresses] == few


def test_only_organisers_see_and_decide(world) -> None:
    settled(world, world.finder())
    stranger = signed_in(world.finder().user)
    pk = world.pair(0, "cat").pk
    codes = [stranger.get(url(world)), stranger.get(url(world, pk)), stranger.post(url(world, pk))]
    assert [one.status_code for one in (*codes, stranger.post(f"{url(world, pk)}take-back/"))] == [403] * 4


@pytest.mark.parametrize("query", ["?page=0", "?page=99999", "?page=x", "?order=%00", "?label=%00", "?decided=x&see"])
def test_no_address_makes_a_page_fail(world, client, query) -> None:
    settled(world, world.finder())
    assert client.get(url(world, query=query)).status_code == 200
    assert client.get(url(world, world.pair(0, "cat").pk, query)).status_code == 200
    assert client.get(url(world, 10**30)).status_code == 404
