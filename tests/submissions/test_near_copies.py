"""Of two near-copies claimed for one label, the one claimed later earns nothing."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import PoolImage
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.actions.recording import mark_unscorable
from cats4ml.submissions.actions.scores import apply_scores, requeue_unscorable
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from cats4ml.submissions.models import Credit, Pair, Uncredited
from cats4ml.submissions.near_copies import earlier_near_copy, freed_near_copies
from tests.factories import World, make_user
from tests.web import signed_in


@pytest.fixture
def alike(world: World) -> World:
    """A world whose first three pictures are near-copies."""
    group = world.images[0].pk
    PoolImage.objects.filter(challenge=world.challenge, image__in=world.images[:3]).update(copy_group=group)
    return world


def test_the_near_copy_claimed_first_is_the_earlier_one(alike) -> None:
    alike.claim(alike.finder(), (2, "cat"))
    alike.claim(alike.finder(), (0, "cat"), (3, "cat"), (1, "dog"))
    alike.claim(alike.finder(), (1, "cat"))
    first = alike.pair(2, "cat")
    earlier = {
        (place, label): earlier_near_copy(alike.pair(place, label))
        for place, label in [(2, "cat"), (0, "cat"), (1, "cat"), (3, "cat"), (1, "dog")]
    }
    assert earlier == {(2, "cat"): None, (0, "cat"): first, (1, "cat"): first, (3, "cat"): None, (1, "dog"): None}


def test_claims_that_no_longer_count_come_before_nobody(alike) -> None:
    ada, bob, cyd = alike.finder(), alike.finder(), alike.finder()
    [taken_back] = alike.claim(ada, (0, "cat"))
    alike.claim(bob, (1, "cat"))
    alike.claim(cyd, (2, "cat"))
    last = alike.pair(2, "cat")
    assert earlier_near_copy(last) == alike.pair(0, "cat")
    retract_submission(participation=ada, submission_id=taken_back.submission.pk, at=alike.pass_time(1))
    assert earlier_near_copy(last) == alike.pair(1, "cat")
    disqualify_participant(participation=bob, reason="Two accounts.", by=make_user(), at=alike.pass_time(1))
    assert earlier_near_copy(last) is None


def test_a_picture_that_can_not_be_scored_comes_before_nobody(alike) -> None:
    alike.claim(alike.finder(), (0, "cat"), (1, "cat"))
    mark_unscorable(image_id=alike.images[0].pk, reason="It is torn.", at=alike.pass_time(1))
    assert earlier_near_copy(alike.pair(1, "cat")) is None


def test_a_pair_is_freed_once_nothing_comes_before_it(alike) -> None:
    ada, bob = alike.finder(), alike.finder()
    alike.claim(ada, (0, "cat"))
    alike.claim(bob, (1, "cat"))
    alike.score(1, {"cat": 0.9})
    alike.rate(alike.pair(1, "cat"), *[Answer.NO] * 5)
    Pair.objects.filter(pk=alike.pair(1, "cat").pk).update(uncredited=Uncredited.NEAR_COPY)
    first, second = alike.pair(0, "cat"), alike.pair(1, "cat")
    assert freed_near_copies([first]) == []
    ada.disqualified_at, ada.disqualified_reason = alike.clock, "Two accounts."
    ada.save()
    assert freed_near_copies([first, alike.pair(1, "cat")]) == [second]


def test_a_picture_without_near_copies_costs_one_query(world, django_assert_num_queries) -> None:
    world.claim(world.finder(), (0, "cat"))
    pair = world.pair(0, "cat")
    with django_assert_num_queries(1):
        assert earlier_near_copy(pair) is None


def test_whoever_claims_a_near_copy_is_told_and_charged(alike) -> None:
    alike.claim(alike.finder(), (0, "cat"))
    checked = alike.claim(alike.finder(), (1, "cat"), (1, "dog"), (2, "dog"), (3, "cat"), (0, "cat"))
    assert [(row.problem, row.later, row.near_copy, row.submission.charged) for row in checked] == [
        (None, False, True, True),
        (None, False, False, True),
        (None, False, True, True),
        (None, False, False, True),
        (None, True, False, False),
    ]


def test_the_note_reaches_the_form_the_file_and_the_interface(alike) -> None:
    alike.claim(alike.finder(), (0, "cat"))
    finder = alike.finder()
    client, base = signed_in(finder.user), f"/challenges/{alike.challenge.slug}"
    file = SimpleUploadedFile("claims.csv", f"image_id,label_id\n{alike.images[1].image_id},cat\n".encode())
    checked = client.post(f"{base}/uploads/", {"file": file}, follow=True).content.decode()
    assert "For 1 of the pairs a near-copy of the picture is claimed for the label already" in checked
    row = [{"image_id": alike.images[1].image_id, "label_id": "cat"}]
    [accepted] = client.post(f"/api/v1{base}/submissions/?check=true", row, content_type="application/json").json()[
        "accepted"
    ]
    assert accepted["near_copy"] is True
    claimed = client.post(f"{base}/submit/pair/", row[0], follow=True).content.decode()
    assert "will be rated and released but earns nothing" in claimed


@pytest.mark.parametrize("end", ["retracted", "unscorable"])
def test_a_near_copy_earns_once_the_earlier_pair_ends_before_it_was_scored(alike, end) -> None:
    ada, bob = alike.finder(), alike.finder()
    [first] = alike.claim(ada, (0, "cat"))
    alike.claim(bob, (1, "cat"))
    alike.score(1, {"cat": 0.9})
    alike.rate(alike.pair(1, "cat"), *[Answer.NO] * 5)
    credited = Credit.objects.values_list("participation", "kind", "points")
    assert (alike.pair(1, "cat").uncredited, list(credited)) == (Uncredited.NEAR_COPY, [])
    for _ in range(2):
        if end == "retracted":
            retract_submission(participation=ada, submission_id=first.submission.pk, at=alike.pass_time(1))
        else:
            mark_unscorable(image_id=alike.images[0].pk, reason="It is torn.", at=alike.pass_time(1))
    assert (alike.pair(1, "cat").uncredited, list(credited.all())) == ("", [(bob.pk, "inherited", 1)])


def test_of_near_copies_one_earns_whatever_is_settled_again_and_in_whatever_order(alike) -> None:
    """The pair claimed first was out of the game when the other earned: the place stays the other's."""
    ada, bob = alike.finder(make_user("ada")), alike.finder(make_user("bob"))
    alike.claim(ada, (1, "cat"))
    alike.claim(bob, (0, "cat"))
    mark_unscorable(image_id=alike.images[1].pk, reason="It is torn.", at=alike.pass_time(1))
    for place in (0, 1):
        alike.score(place, {"cat": 0.25})
        alike.rate(alike.pair(place, "cat"), *[Answer.YES] * 5)
        requeue_unscorable(challenge=alike.challenge, at=alike.pass_time(1))
    ends = {place: (alike.pair(place, "cat").outcome, alike.pair(place, "cat").uncredited) for place in (0, 1)}
    assert ends == {0: ("false_negative", ""), 1: ("false_negative", "near_copy")}
    earned = alike.pair(0, "cat")
    reopen_pair(pair_id=earned.pk, reason="Look again.", by=make_user(), at=alike.pass_time(1), more_ratings=1)
    alike.rate(alike.pair(0, "cat"), Answer.YES)
    live = Credit.objects.values_list("participation").annotate(points=Sum("points")).filter(points__gt=0)
    assert list(live) == [(bob.pk, 1)]


def test_a_near_copy_earns_once_no_classifier_knows_the_label_of_the_earlier_pair(alike) -> None:
    bob = alike.finder()
    alike.claim(alike.finder(), (0, "cat"))
    alike.claim(bob, (1, "cat"))
    alike.score(1, {"cat": 0.9})
    alike.rate(alike.pair(1, "cat"), *[Answer.NO] * 5)
    decide_policy(challenge=alike.challenge, policy=Policy(min_classifiers=3))
    apply_scores(image_ids=[alike.images[0].pk], at=alike.pass_time(1))
    assert (alike.pair(0, "cat").state, alike.pair(1, "cat").uncredited) == ("unscorable", "")
    assert list(Credit.objects.values_list("participation", "kind")) == [(bob.pk, "inherited")]
