"""The organiser's pages about classifiers: what they know, what another roster would change, and applying it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.challenges.actions import add_target_labels, decide_policy, propose_roster
from cats4ml.challenges.models import Challenge, ChallengeStatus, Role, RosterDecision
from cats4ml.challenges.rosters import labels_that_cannot_be_scored
from cats4ml.console.roster_pages import flattened, label_rows
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.models import Credit
from cats4ml.submissions.transfer import Transfer, transfer
from scoring.contract import ScoreResult, pack
from tests.factories import World, make_user
from tests.web import queries_of, signed_in

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def organiser(world) -> Client:
    user = make_user("olga")
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return signed_in(user)


def address(world: World, name: str = "classifiers", *more: object) -> str:
    return reverse(f"console:{name}", args=[world.challenge.slug, *more])


def third(world: World):
    slug = world.challenge.slug
    card = {
        "digest": f"{slug}-three",
        "name": "three",
        "vocabulary": slug,
        "labels": ["cat", "dog", "owl"],
        "family": "head",
        "architecture": "resnet50",
        "licence": "Apache-2.0",
        "calibration": {"method": "temperature", "temperature": 1.7},
        "quality": {"average_precision": {"cat": 0.8125}, "pictures": 40},
    }
    return add_classifier(card=card)


def say(world: World, classifier, place: int, **probabilities: float) -> None:
    values = pack([probabilities.get(key, 0.0) for key in world.labels])
    record_scores(results=[ScoreResult(world.images[place].pk, {classifier.digest: values})], at=world.pass_time(1))


def settle(world: World, finder, *places: int) -> None:
    """False negatives: everybody sees the cat and the machines don't."""
    world.claim(finder, *[(place, "cat") for place in places])
    for place in places:
        world.score(place, {"cat": 0.25})
        world.rate(world.pair(place, "cat"), *[YES] * 5)


def test_labels_that_too_few_classifiers_know_are_named_before_the_challenge_opens(world, organiser) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.DRAFT)
    fox = add_labels(vocabulary=world.challenge.vocabulary, labels=[NewLabel("fox", "Fox")])
    add_target_labels(challenge=world.challenge, labels=fox)
    assert labels_that_cannot_be_scored(world.challenge) == fox
    rows = {row.label.name: (row.cells, row.problem) for row in label_rows(world.challenge, world.challenge.roster)}
    knows, nothing = (("one", True), ("two", True)), (("one", False), ("two", False))
    assert rows == {
        "Fox": (nothing, "Can’t be scored: nobody knows it."),
        **dict.fromkeys(("Cat", "Dog", "Owl"), (knows, "")),
    }
    console = organiser.get(address(world, "overview")).content.decode()
    assert (
        "Label that too few classifiers know: no pair of it can be scored. Mend it before the challenge opens."
        in console
    )
    assert "1 label can’t be scored" in organiser.get(address(world)).content.decode()
    decide_policy(challenge=world.challenge, policy=Policy(min_classifiers=3))
    world.challenge.refresh_from_db()
    assert [label.name for label in labels_that_cannot_be_scored(world.challenge)] == ["Cat", "Dog", "Owl", "Fox"]


def test_a_classifiers_card_is_shown(world, organiser) -> None:
    roster = propose_roster(challenge=world.challenge, members=[third(world)])
    Challenge.objects.update(roster=roster)
    html = organiser.get(address(world)).content.decode()
    facts = ["three", "head resnet50", "temperature 1.7", "Apache-2.0", "0.8125", "100%", "no such pair yet"]
    assert [fact for fact in facts if fact not in html] == []
    assert list(flattened({"ece": 0.03125, "by_label": {"cat_ap": 1.0}, "raters": [1, 2], "note": "x"})) == [
        ("ece", "0.03125"),
        ("by label, cat ap", "1"),
        ("raters", "2 values"),
        ("note", "x"),
    ]


def test_transfer_counts_the_pairs_that_fool_a_classifier_left_out(world) -> None:
    world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "dog"), (3, "owl"))
    one, two = world.classifiers
    for place, label, first, second in ((0, "cat", 0.25, 0.0), (1, "cat", 0.0, 0.75), (2, "dog", 1.0, 1.0)):
        say(world, one, place, **{label: first})
        say(world, two, place, **{label: second})
    world.score(3, {"owl": 0.75})
    for place, label, answer in ((0, "cat", YES), (1, "cat", YES), (2, "dog", YES), (3, "owl", NO)):
        world.rate(world.pair(place, label), *[answer] * 5)
    # The other alone errs on 0, 3 where `one` is left out, on 0, 1, 3 where `two` is.
    assert transfer(world.challenge, world.challenge.roster) == {
        one.pk: Transfer(one.pk, pairs=2, fooled=2),
        two.pk: Transfer(two.pk, pairs=3, fooled=2),
    }


def test_the_preview_is_applied_with_a_reason_and_shown_in_the_history(world, organiser) -> None:
    settle(world, world.finder(make_user("ada")), 0)
    three = third(world)
    say(world, three, 0, cat=1.0)
    propose_roster(challenge=world.challenge, members=[three])
    html = organiser.get(address(world, "roster", 2)).content.decode()
    assert [
        part for part in ("1 pair would end otherwise", "ada", "False negative", "Agreement") if part not in html
    ] == []
    assert organiser.get(address(world, "roster_apply", 2)).status_code == 405
    refused = organiser.post(address(world, "roster_apply", 2), {"reason": " "})
    assert (refused.status_code, "Say why" in refused.content.decode()) == (422, True)
    assert Credit.objects.count() == 1
    done = organiser.post(address(world, "roster_apply", 2), {"reason": "It sees cats."}, follow=True)
    html = done.content.decode()
    facts = ("Roster version 2 is in force", "It sees cats.", "by <bdi>olga</bdi>")
    assert [fact for fact in facts if fact not in html] == []
    assert list(Credit.objects.order_by("pk").values_list("kind", "reason", "by__username")) == [
        ("given", "", None),
        ("reversed", "It sees cats.", "olga"),
    ]
    assert world.pair(0, "cat").outcome == "agreement"
    assert "is in force" in organiser.get(address(world, "roster", 2)).content.decode()


def test_missing_scores_are_asked_for_before_anything_can_be_applied(world, organiser) -> None:
    settle(world, world.finder(), 0)
    propose_roster(challenge=world.challenge, members=[third(world)])
    html = organiser.get(address(world, "roster", 2)).content.decode()
    assert ("Ask for the missing scores" in html, "Apply version 2" in html) == (True, False)
    asked = organiser.post(address(world, "roster_ask", 2), follow=True).content.decode()
    assert "1 picture is sent to the classifiers." in asked
    refused = organiser.post(address(world, "roster_apply", 2), {"reason": "Better."})
    assert (refused.status_code, "1 picture has not been seen" in refused.content.decode()) == (422, True)
    assert RosterDecision.objects.filter(roster__version=2).count() == 0


def test_the_pages_are_the_organisers_alone(world, organiser) -> None:
    pages = [address(world), address(world, "roster", 1)]
    posts = [address(world, "roster_apply", 1), address(world, "roster_ask", 1)]
    for client, code in ((Client(), 302), (signed_in(world.finder().user), 403), (signed_in(world.rater().user), 403)):
        assert {client.get(page).status_code for page in pages} == {code}
        assert {client.post(page, {"reason": "x"}).status_code for page in posts} == {code}
    assert [organiser.get(page).status_code for page in pages] == [200, 200]
    assert organiser.get(address(world, "roster", 9)).status_code == 404


def test_an_edition_without_anything_has_empty_pages(db) -> None:
    draft = Challenge.objects.create(slug="bare", title="Bare", vocabulary="bare")
    user = make_user()
    draft.participations.create(user=user, role=Role.ORGANISER)
    html = signed_in(user).get("/challenges/bare/console/classifiers/").content.decode()
    assert [part for part in ("No classifiers yet", "no target labels yet") if part not in html] == []


@pytest.mark.parametrize("pairs", [1, 3])
def test_pages_cost_the_same_for_any_number_of_pairs(world, organiser, pairs) -> None:
    settle(world, world.finder(), *range(pairs))
    three = third(world)
    for place in range(pairs):
        say(world, three, place, cat=1.0)
    propose_roster(challenge=world.challenge, members=[three])
    assert [queries_of(organiser, address(world)), queries_of(organiser, address(world, "roster", 2))] == [19, 22]
