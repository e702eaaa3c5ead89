"""The organiser's pages about agreement, and one pair's page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from cats4ml.console.agreement_pair import RuleReading, facts_of, rule_as
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import DontKnow, Outcome, Verdict, VerdictRule
from cats4ml.submissions.actions.settlement import disqualify_participant
from cats4ml.submissions.models import Dispute, Pair, Submission
from tests.console.disagreeing import answered, organiser
from tests.factories import World, make_user, make_world
from tests.web import queries_of, signed_in

QUORUM = Policy(quorum=3)


@pytest.fixture
def lively(db: None) -> World:
    world = make_world(policy=QUORUM)
    answers = {(0, "cat"): "yyy", (1, "cat"): "nnn", (0, "dog"): "yny", (1, "dog"): "ynd", (2, "dog"): "nnd"}
    answered(world, answers, raters=world.raters(3))
    return world


@pytest.fixture
def client(lively):
    return signed_in(organiser(lively))


def address(world: World, page: str, *more: object) -> str:
    return reverse(f"console:{page}", args=[world.challenge.slug, *more])


def shown(client, url: str) -> str:
    reply = client.get(url)
    assert reply.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", reply.content.decode()))


def test_the_headline_is_the_finding(lively, client) -> None:
    text = shown(client, address(lively, "agreement"))
    assert "Raters agree too little: alpha 0.28" in text
    assert "Counted from 15 answers to 5 pairs, too few for an interval." in text
    assert "only the first two answers of each pair count" not in text


def test_under_a_rule_that_stops_early_the_page_says_what_counts_and_shows_both(db) -> None:
    world = make_world(policy=Policy(verdict_rule="lead", lead=2, max_ratings=5))
    answered(world, {(0, "cat"): "yy", (1, "cat"): "nyyy", (2, "cat"): "nn"}, raters=world.raters(5))
    text = shown(signed_in(organiser(world)), address(world, "agreement"))
    assert "only the first two answers of each pair count here" in text
    assert re.findall(r"(first two|all) answers (?:no interval|\S+ to \S+) (\S+)", text) == [
        ("first two", "0.44"), ("first two", "0.44"), ("all", "0.53"), ("all", "0.53"),
    ]  # fmt: skip


def test_the_most_divided_pairs_are_shown_with_whose_pictures_they_are(lively, client) -> None:
    image = lively.images[1]
    image.author, image.license = "Ada Example", "https://creativecommons.org/licenses/by/2.0/"
    image.save(update_fields=["author", "license"])
    html = client.get(address(lively, "agreement")).content.decode()
    wall = html[html.index('id="divided"') :]
    order = [lively.pair(place, label).pk for place, label in ((1, "dog"), (0, "dog"), (2, "dog"))]
    links = re.findall(r'href="[^"]*/console/pairs/(\d+)/"', wall)
    assert [int(pk) for pk in dict.fromkeys(links)] == order
    assert "Ada Example" in wall
    assert "People: 1 yes, 1 no, 1 don’t know." in wall


def test_raters_and_answers_stand_beside_each_other(lively, client) -> None:
    text = shown(client, address(lively, "agreement_answers"))
    assert text.count("compared") == 3
    assert "Device not known" in text
    assert "13 answers" not in text
    assert "12 answers" in text  # of the four pairs with a verdict


def test_each_plot_has_its_table(db) -> None:
    world = make_world(pictures=20, policy=Policy(quorum=2))
    answers = {(place, "cat"): "yy" if place % 2 else "nn" for place in range(20)}
    answered(world, {**answers, **{(place, "dog"): "yn" for place in range(20)}}, raters=world.raters(2))
    client = signed_in(organiser(world))
    text = shown(client, address(world, "agreement"))
    assert text.count("Read this plot as a table") == 2
    assert "Over time" in text
    assert shown(client, address(world, "agreement_answers")).count("Read this plot as a table") == 1
    assert "1 label is read differently" in text
    assert "Raters split on 100% of the pairs of this label: give an example that fits and one that doesn’t." in text
    html = client.get(address(world, "agreement")).content.decode()
    where, _, mark = re.findall(r'href="([^"]+/guidance/#label-\d+)"', html)[0].partition("#")
    assert f'id="{mark}"' in client.get(where).content.decode()


def test_how_many_pairs_and_raters_there_are_costs_no_further_query(db) -> None:
    world = make_world(policy=QUORUM)
    client = signed_in(organiser(world))
    costs = []
    for pairs in ({(0, "cat"): "yny"}, {(1, "dog"): "ynd", (2, "owl"): "nny"}):
        answered(world, pairs, raters=world.raters(3))
        pages = [address(world, page) for page in ("agreement", "agreement_answers", "pairs")]
        costs.append([queries_of(client, page) for page in pages])
    assert costs[0] == costs[1]


def test_one_pair_costs_as_many_queries_with_three_answers_as_with_one(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "cat"): "y", (1, "cat"): "yny"}, raters=world.raters(3))
    client = signed_in(organiser(world))
    costs = {queries_of(client, address(world, "pair", world.pair(place, "cat").pk)) for place in (0, 1)}
    assert len(costs) == 1


def test_a_pair_shows_each_answer_in_order_with_seconds_device_and_state(lively, client) -> None:
    pair = lively.pair(0, "dog")
    late = Rating.objects.filter(pair=pair).latest("pk")
    Rating.objects.filter(pk=late.pk).update(state=RatingState.LATE, final_at=None, seconds=7.25, device="phone")
    facts = facts_of(pair)
    assert [(one.answer, one.state, one.counts) for one in facts.given] == [
        (Answer.YES, "Final", True), (Answer.NO, "Final", True), (Answer.YES, "Late, not counted", False),
    ]  # fmt: skip
    assert (facts.given[-1].seconds, facts.given[-1].device) == (7.25, "Phone")
    assert (facts.tally, facts.entropy) == (Tally(1, 1), 1.0)
    text = shown(client, address(lively, "pair", pair.pk))
    assert "7.2 Phone" in text or "7.3 Phone" in text
    assert "1.00 bits" in text


def test_a_pair_is_read_by_each_rule_in_the_order_of_its_answers(db) -> None:
    world = make_world(policy=Policy(quorum=5, lead=2, max_ratings=7, bound=0.95))
    answered(world, {(0, "cat"): "yyndd"}, raters=world.raters(5))
    found = facts_of(world.pair(0, "cat")).readings
    assert [(one.rule, one.in_force, one.verdict, one.outcome, one.used, one.asks) for one in found] == [
        ("Majority of a fixed number", True, Verdict.UNDECIDED, Outcome.AMBIGUOUS, 5, 0),
        ("Majority of those who knew", False, Verdict.YES, Outcome.FALSE_NEGATIVE, 5, 0),
        ("First answer that is ahead", False, Verdict.YES, Outcome.FALSE_NEGATIVE, 2, 0),
        ("Weighted by the raters’ skill", False, None, None, 5, 1),
    ]


def test_raters_count_as_they_were_known_when_the_pair_was_settled(db) -> None:
    world = make_world(policy=Policy(quorum=2))
    answered(world, {(0, "cat"): "yy"}, raters=world.raters(2))
    pair = world.pair(0, "cat")
    poor = [0.5, 0.5, 0.0]
    VerdictBasis.objects.create(
        pair=pair,
        policy=pair.policy,
        votes=[
            {"rating": rating.pk, "answer": "yes", "if_yes": poor, "if_no": poor}
            for rating in Rating.objects.filter(pair=pair)
        ],
        prior_yes=0.25,
        posterior=0.25,
        created_at=pair.settled_at,
    )
    [weighted] = [one for one in facts_of(pair).readings if one.rule.startswith("Weighted")]
    assert weighted == RuleReading(
        rule="Weighted by the raters’ skill",
        in_force=False,
        verdict=None,
        outcome=None,
        used=2,
        posterior=pytest.approx(0.25),
        asks=1,
    )


def test_another_kind_of_rule_keeps_what_it_can_of_dont_know() -> None:
    weighted = Policy(verdict_rule="weighted", dont_know="evidence")
    assert [rule_as(weighted, kind).dont_know for kind in VerdictRule] == [DontKnow.ANSWER] * 3 + [DontKnow.EVIDENCE]
    replaced = Policy(verdict_rule="majority", dont_know="replaced")
    assert [rule_as(replaced, kind).dont_know for kind in VerdictRule] == [DontKnow.REPLACED] * 2 + [
        DontKnow.ANSWER
    ] * 2


def test_a_pair_tells_its_history_from_claim_to_reversed_credit(lively) -> None:
    pair = lively.pair(0, "cat")
    claim = Submission.objects.get(pair=pair)
    by = make_user("olga")
    Dispute.objects.create(
        submission=claim, reason="Look again.", outcome=pair.outcome, created_at=pair.settled_at + timedelta(seconds=1)
    )
    disqualify_participant(participation=claim.participation, reason="bot", by=by, at=lively.pass_time(60))
    events = [(event.what, event.detail) for event in facts_of(Pair.objects.get(pk=pair.pk)).events]
    name = claim.participation.public_name
    wanted = [
        (f"Claimed by {name}", ""),
        ("Scored by 2 classifiers", "The mean is 0.10."),
        ("Settled: false negative", ""),
        (f"Credited: 1 point, {name}", ""),
        ("Disputed by its finder", "Look again."),
        (f"Credit taken back: 1 point, {name}", "bot By olga."),
    ]
    assert [event for event in events if not event[0].startswith("Verdict read")] == wanted


def test_a_pair_of_another_edition_is_not_found_and_strangers_see_none(lively, client) -> None:
    other = make_world()
    pair = lively.pair(0, "cat")
    assert client.get(address(other, "pair", pair.pk)).status_code in (403, 404)
    assert signed_in(organiser(other)).get(address(other, "pair", pair.pk)).status_code == 404
    for stranger in (lively.rater().user, lively.finder().user):
        assert signed_in(stranger).get(address(lively, "pair", pair.pk)).status_code == 403
    assert client.get(address(lively, "pair", 10**30)).status_code == 404


def test_each_state_of_a_pair_has_a_page(db) -> None:
    world = make_world(policy=QUORUM)
    client = signed_in(organiser(world))
    world.claim(world.finder(), (0, "cat"), (1, "cat"))
    world.score(1, {"cat": 0.3})
    queued, in_review = (shown(client, address(world, "pair", world.pair(place, "cat").pk)) for place in (0, 1))
    assert "Nobody has answered yet." in queued
    assert "Scored by 2 classifiers" in in_review


def test_the_table_of_pairs_leads_to_each_pair(lively, client) -> None:
    html = client.get(address(lively, "pairs")).content.decode()
    assert {int(pk) for pk in re.findall(r'/console/pairs/(\d+)/"', html)} == set(
        Pair.objects.values_list("pk", flat=True)
    )


def test_the_overview_has_alpha_and_leads_to_the_page(lively, client) -> None:
    html = client.get(address(lively, "overview")).content.decode()
    assert f'href="{address(lively, "agreement")}"' in html
    text = shown(client, address(lively, "overview"))
    assert "Agreement (alpha) 0.28 of 5 pairs, too few for an interval" in text
