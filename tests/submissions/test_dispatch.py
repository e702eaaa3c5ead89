"""What is asked of the scoring workers: what is lacking, and in the order in which people wait."""

from __future__ import annotations

import pytest

from cats4ml.catalog.actions import add_classifier
from cats4ml.challenges.actions import decide_roster
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from scoring.contract import AHEAD, BULK, INTERACTIVE, RECORD_SCORES, SCORE_IMAGES, ScoreRequest
from tests.factories import World, make_world
from tests.messages import drain

QUEUE = "scoring.dispatch-test"


@pytest.fixture
def world(db: None) -> World:
    world = make_world(pictures=12)
    world.challenge.queue = "dispatch-test"
    drain(QUEUE)
    drain("web.dispatch-test")
    return world


def asked(queue: str = QUEUE) -> list[ScoreRequest]:
    return [ScoreRequest.from_message(kwargs["request"]) for task, kwargs in drain(queue) if task == SCORE_IMAGES]


def test_somebody_who_waits_goes_before_a_file_and_a_file_before_the_catalogue(world) -> None:
    ids = [image.pk for image in world.images]
    dispatch.request_scores(world.challenge, ids, priority=AHEAD)
    dispatch.request_scores(world.challenge, ids[:9])
    dispatch.request_scores(world.challenge, ids[:8])
    assert [(one.priority, len(one.images)) for one in asked()] == [(INTERACTIVE, 8), (BULK, 9), (AHEAD, 12)]


def test_only_what_is_lacking_is_asked_for(world) -> None:
    world.score(0, {"cat": 0.5})
    ids = [image.pk for image in world.images[:2]]
    assert dispatch.request_scores(world.challenge, ids) == 1
    assert [[ref.image for ref in one.images] for one in asked()] == [ids[1:]]
    assert drain("web.dispatch-test") == [(dispatch.APPLY_SCORES, {"images": ids[:1]})]


def test_a_picture_whose_file_is_not_known_goes_to_no_worker(world) -> None:
    world.images[0].file = ""
    world.images[0].save(update_fields=["file"])
    assert dispatch.request_scores(world.challenge, [world.images[0].pk]) == 0
    assert asked() == []
    [(task, kwargs)] = drain("web.dispatch-test")
    assert (task, [one["error"] for one in kwargs["results"]]) == (RECORD_SCORES, ["missing_image"])


def test_what_may_have_a_backbone_is_asked_for_embeddings_along_with_predictions(world) -> None:
    cards = [
        {
            "digest": f"{world.challenge.slug}-{name}",
            "name": name,
            "vocabulary": world.challenge.slug,
            "labels": ["cat"],
        }
        | more
        for name, more in {
            "net": {"family": "torchvision"},
            "program": {"family": "exported"},
            "far": {"family": "remote"},
        }.items()
    ]
    other = decide_roster(challenge=world.challenge, classifiers=[add_classifier(card=card) for card in cards])
    dispatch.request_scores(world.challenge, [world.images[0].pk], roster=other)
    [request] = asked()
    assert [card["name"] for card in request.classifiers] == ["net", "program", "far"]
    assert request.embed == (cards[0]["digest"], cards[1]["digest"])
    assert all("labels" not in card for card in request.classifiers)


def test_a_picture_that_was_scored_ahead_of_time_needs_no_worker(world, django_capture_on_commit_callbacks) -> None:
    world.challenge.save(update_fields=["queue"])
    world.score(0, {"cat": 0.75})
    with django_capture_on_commit_callbacks(execute=True):
        world.claim(world.finder(), (0, "cat"), (1, "cat"))
    assert [(world.pair(place, "cat").state, world.pair(place, "cat").machine_mean) for place in (0, 1)] == [
        (PairState.IN_REVIEW, 0.75),
        (PairState.QUEUED, None),
    ]
    assert [[ref.image for ref in one.images] for one in asked()] == [[world.images[1].pk]]
