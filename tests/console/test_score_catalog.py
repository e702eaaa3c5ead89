"""A pool is scored ahead of time, once, and claims of its pictures are scored at once."""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError
from django.db import transaction

from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels, store_picture
from cats4ml.catalog.models import Image, Prediction, ScoringFailure
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster, join_challenge
from cats4ml.challenges.editions import create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, Role
from cats4ml.console.rosters import read_roster
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import ClaimRow
from tests.console.commands import command_json
from tests.console.recordings import CLASSES, make_roster
from tests.factories import START, make_user, make_world, png


def make_pool(folder) -> Challenge:
    """An open edition with five pictures, of which one is torn and one's file is gone; and a little classifier."""
    roster, _ = make_roster(folder)
    classes = folder / "classes.csv"
    classes.write_text("class_index,name\n" + "".join(f"{key},{name}\n" for key, name in enumerate(CLASSES)))
    cards = read_roster(roster, classifiers_dir=folder, classes=classes)
    vocabulary = cards[0]["vocabulary"]
    challenge = create_edition(slug="pool", title="Pool", summary="", vocabulary=vocabulary, policy=Policy())
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card) for card in cards])
    labels = [NewLabel(str(key), name) for key, name in enumerate(CLASSES)]
    add_target_labels(challenge=challenge, labels=add_labels(vocabulary=vocabulary, labels=labels))
    contents = [png(10), png(100), png(200), png(90)[:40]]
    files = [store_picture(content=content, suffix=".png") for content in contents] + [("", "")]
    images = [Image(image_id=f"p{place}", file=key, sha256=sha) for place, (key, sha) in enumerate(files)]
    add_pool_images(challenge=challenge, images=add_images(collection="pool", images=images))
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    return challenge


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_pool_is_scored_once_and_its_claims_are_scored_without_a_worker(tmp_path) -> None:
    challenge = make_pool(tmp_path)
    first = command_json("score_catalog", "pool", "--classifiers-dir", tmp_path)
    again = command_json("score_catalog", "pool", "--classifiers-dir", tmp_path)
    troubles = [
        {"reason": "missing_image", "pictures": 1, "first": ["p4"]},
        {"reason": "unreadable_image", "pictures": 1, "first": ["p3"]},
    ]
    expected = {
        "challenge": "pool", "images": 5, "scored": 3, "embedded": None, "left": 0, "unanswered": 0,
        "troubles": troubles,
    }  # fmt: skip
    assert {name: value for name, value in first.items() if name != "seconds"} == expected | {"now": 3}
    assert {name: value for name, value in again.items() if name != "seconds"} == expected | {"now": 0}
    hashes = Image.objects.filter(collection="pool").order_by("image_id").values_list("perceptual_hash", flat=True)
    assert [one is not None for one in hashes] == [True] * 3 + [False] * 2

    finder = join_challenge(challenge=challenge, user=make_user(), role=Role.FINDER, consent_version=1, at=START)
    with transaction.atomic():
        submit_pairs(participation=finder, rows=[ClaimRow(1, "p0", "3"), ClaimRow(2, "p1", "4")], at=START)
    scored = Pair.objects.order_by("image", "label").values_list("state", "machine_yes")
    assert list(scored) == [(PairState.IN_REVIEW, True), (PairState.IN_REVIEW, False)]


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_scored_is_asked_for_again_only_on_demand() -> None:
    world = make_world(pictures=2, slug="torn")
    world.score(0, {"cat": 0.5})
    failure = {"image": world.images[1], "reason": "unreadable_image", "created_at": START}
    ScoringFailure.objects.create(classifier=None, **failure)
    came = command_json("score_catalog", "torn")
    assert (came["scored"], came["now"], came["left"]) == (1, 0, 0)
    assert came["troubles"] == [{"reason": "unreadable_image", "pictures": 1, "first": [f"{1:016x}"]}]
    assert Prediction.objects.count() == 2


def test_a_challenge_that_is_not_there_or_has_no_classifiers_is_refused(db) -> None:
    with pytest.raises(CommandError, match="there is no challenge 'nowhere'"):
        command_json("score_catalog", "nowhere")
    create_edition(slug="bare", title="Bare", summary="", vocabulary="bare", policy=Policy())
    with pytest.raises(CommandError, match="decide its roster first"):
        command_json("score_catalog", "bare")
    with pytest.raises(CommandError, match="--limit"):
        command_json("score_catalog", "bare", "--limit", 0)


def test_near_copies_are_proposed_by_a_command(db) -> None:
    challenge = create_edition(slug="alike", title="Alike", summary="", vocabulary="alike", policy=Policy())
    images = [Image(image_id=str(place), sha256="a" * 64) for place in range(3)]
    add_pool_images(challenge=challenge, images=add_images(collection="alike", images=images))
    assert command_json("near_copies", "alike", "--similarity", 0.9) == {
        "images": 3,
        "proposals": 2,
        "new": 2,
        "same_bytes": 2,
        "alike_hash": 0,
        "similar": 0,
        "capped": 0,
        "unhashed": 3,
        "unembedded": 3,
        "classifier": "",
    }
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    with pytest.raises(CommandError, match="before an edition opens"):
        command_json("near_copies", "alike")
