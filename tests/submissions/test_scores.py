"""From the classifiers' answers to a machine score: what is asked for, what is kept, and what changes nothing."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.catalog.models import Image, Prediction
from cats4ml.challenges.actions import NewMember, add_target_labels, decide_policy, decide_roster
from cats4ml.challenges.editions import set_queue
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.actions.scores import apply_scores, requeue_stalled, requeue_unscorable
from cats4ml.submissions.dispatch import request_scores
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import quota_for
from scoring.contract import MISSING_IMAGE, RECORD_SCORES, SCORE_IMAGES, UNREADABLE_IMAGE, ScoreResult, pack
from tests.factories import World, make_world
from tests.messages import drain


@pytest.fixture
def own_queue(world) -> str:
    """The world's messages go to queues of its own, where nobody takes them away."""
    set_queue(challenge=world.challenge, queue=world.challenge.slug)
    return world.challenge.slug


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def answer(world: World, place: int, *values: list[float]) -> ScoreResult:
    packed = {one.digest: pack(own) for one, own in zip(world.classifiers, values, strict=False)}
    return ScoreResult(world.images[place].pk, packed)


def failure(world: World, place: int, detail: str = "") -> ScoreResult:
    return ScoreResult(world.images[place].pk, {}, UNREADABLE_IMAGE, detail)


def images_asked_for(queue: str) -> list[list[int]]:
    return [
        [one["image"] for one in kwargs["request"]["images"]]
        for task, kwargs in drain(f"scoring.{queue}")
        if task == SCORE_IMAGES
    ]


def snapshot() -> list[dict[str, object]]:
    return [*Pair.objects.order_by("pk").values(), *Prediction.objects.order_by("pk").values()]


def test_machine_score_is_the_mean_of_the_roster_and_yes_at_the_threshold(world) -> None:
    world.claim(world.finder(), (0, "cat"), (0, "dog"), (0, "owl"))
    record_scores(results=[answer(world, 0, [0.25, 0.5, 0.0], [0.75, 0.25, 0.0])], at=world.pass_time(1))
    pairs = Pair.objects.order_by("label__key").select_related("label")
    assert [(p.label.key, p.state, p.machine_mean, p.machine_spread, p.machine_yes, p.roster) for p in pairs] == [
        ("cat", PairState.IN_REVIEW, 0.5, 0.25, True, world.challenge.roster),
        ("dog", PairState.IN_REVIEW, 0.375, 0.125, False, world.challenge.roster),
        ("owl", PairState.IN_REVIEW, 0.0, 0.0, False, world.challenge.roster),
    ]


def test_only_the_classifiers_that_know_the_label_speak(world) -> None:
    fox = add_labels(vocabulary=world.challenge.vocabulary, labels=[NewLabel("fox", "Fox")])
    add_target_labels(challenge=world.challenge, labels=fox)
    card = {"digest": f"{world.challenge.slug}-three", "name": "three", "vocabulary": world.challenge.vocabulary}
    world.classifiers.append(add_classifier(card={**card, "labels": ["fox"]}))
    decide_roster(challenge=world.challenge, classifiers=world.classifiers)
    world.claim(world.finder(), (0, "fox"), (0, "cat"))
    record_scores(results=[answer(world, 0, [0.25, 0, 0], [0.75, 0, 0], [0.875])], at=world.pass_time(1))
    assert [world.pair(0, label).machine_mean for label in ("fox", "cat")] == [0.875, 0.5]


def test_a_label_that_no_classifier_knows_makes_the_pair_unscorable(world) -> None:
    fox = add_labels(vocabulary=world.challenge.vocabulary, labels=[NewLabel("fox", "Fox")])
    add_target_labels(challenge=world.challenge, labels=fox)
    finder = world.finder()
    world.claim(finder, (0, "fox"), (0, "cat"))
    world.score(0, {"cat": 0.5})
    pair = world.pair(0, "fox")
    assert (pair.state, pair.unscorable_reason) == (
        PairState.UNSCORABLE,
        "No classifier of the roster knows the label Fox.",
    )
    assert (world.pair(0, "cat").state, quota_for(finder).used) == (PairState.IN_REVIEW, 1)


def test_classifiers_weigh_as_the_roster_says(world) -> None:
    members = [NewMember(classifier, weight) for classifier, weight in zip(world.classifiers, (1, 3), strict=True)]
    decide_roster(challenge=world.challenge, classifiers=members)
    world.claim(world.finder(), (0, "cat"))
    record_scores(results=[answer(world, 0, [0.25, 0, 0], [0.75, 0, 0])], at=world.pass_time(1))
    pair = world.pair(0, "cat")
    assert (pair.machine_mean, pair.machine_spread, pair.machine_voices) == (0.625, math.sqrt(3 / 64), 2)


@pytest.mark.parametrize(("activation", "mean"), [("softmax", 0.75), ("sigmoid", 0.5)])
def test_a_classifier_of_another_vocabulary_speaks_by_its_label_map(world, activation, mean) -> None:
    card = {"digest": f"{world.challenge.slug}-other", "name": "other", "vocabulary": "imagenet-1k"}
    outputs = ["tabby", "tiger cat", "barn owl", "tench"]
    other = add_classifier(card={**card, "labels": outputs, "activation": activation})
    member = NewMember(other, label_map={"cat": [0, 1], "owl": [2], "dog": []})
    decide_roster(challenge=world.challenge, classifiers=[member])
    world.claim(world.finder(), (0, "cat"), (0, "owl"), (0, "dog"))
    values = pack([0.25, 0.5, 0.125, 0.125])
    record_scores(results=[ScoreResult(world.images[0].pk, {other.digest: values})], at=world.pass_time(1))
    found = {key: world.pair(0, key) for key in world.labels}
    assert {key: (pair.state, pair.machine_mean) for key, pair in found.items()} == {
        "cat": (PairState.IN_REVIEW, mean),
        "owl": (PairState.IN_REVIEW, 0.125),
        "dog": (PairState.UNSCORABLE, None),
    }


def test_a_pair_takes_as_many_classifiers_as_the_policy_asks_for(world) -> None:
    decide_policy(challenge=world.challenge, policy=Policy(min_classifiers=3))
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.5})
    pair = world.pair(0, "cat")
    assert (pair.state, pair.unscorable_reason) == (
        PairState.UNSCORABLE,
        "Only two classifiers of the roster know the label Cat; three are needed.",
    )


@pytest.mark.parametrize("pictures", [1, 3])
def test_scoring_costs_the_same_for_any_number_of_pictures(world, django_assert_num_queries, pictures) -> None:
    world.claim(world.finder(), *[(place, label) for place in range(pictures) for label in ("cat", "dog")])
    Pair.objects.update(state=PairState.WITHDRAWN)
    for place in range(pictures):
        world.score(place, {"cat": 0.5})
    Pair.objects.update(state=PairState.QUEUED)
    # savepoint and back, whose editions, the lock, pairs, editions, who knows the labels, their outputs, one update
    with django_assert_num_queries(9):
        assert apply_scores(image_ids=[image.pk for image in world.images], at=world.pass_time(1)) == 2 * pictures


def test_a_pair_waits_until_the_whole_roster_has_spoken(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    record_scores(results=[answer(world, 0, [0.25, 0, 0])], at=world.pass_time(1))
    assert (world.pair(0, "cat").state, world.pair(0, "cat").machine_mean) == (PairState.QUEUED, None)
    second = ScoreResult(world.images[0].pk, {world.classifiers[1].digest: pack([0.75, 0, 0])})
    record_scores(results=[second], at=world.pass_time(1))
    assert (world.pair(0, "cat").state, world.pair(0, "cat").machine_mean) == (PairState.IN_REVIEW, 0.5)


def test_a_repeated_or_late_answer_changes_nothing(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    record_scores(results=[answer(world, 0, [0.25, 0, 0], [0.75, 0, 0])], at=world.pass_time(1))
    before = snapshot()
    record_scores(results=[answer(world, 0, [0.25, 0, 0], [0.75, 0, 0])], at=world.pass_time(1))
    record_scores(results=[answer(world, 0, [1, 1, 1], [1, 1, 1])], at=world.pass_time(1))
    record_scores(results=[failure(world, 0)], at=world.pass_time(1))
    assert apply_scores(image_ids=[world.images[0].pk], at=world.pass_time(1)) == 0
    assert snapshot() == before


@pytest.mark.parametrize(
    "values", [[0.5, 0.5], [0.5] * 4, [], [math.nan, 0, 0], [math.inf, 0, 0], [-0.1, 0, 0], [1.1, 0, 0]]
)
def test_an_answer_that_is_not_probabilities_is_refused_whole(world, values) -> None:
    world.claim(world.finder(), (0, "cat"))
    with pytest.raises(ValueError, match=r"outputs|no probability"):
        record_scores(results=[answer(world, 0, [0.5, 0, 0], values)], at=world.pass_time(1))
    assert (world.pair(0, "cat").state, Prediction.objects.count()) == (PairState.QUEUED, 0)


def test_an_unreadable_picture_makes_its_pairs_unscorable_and_gives_the_quota_back(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"), (0, "dog"), (1, "cat"))
    assert quota_for(finder).used == 3
    record_scores(results=[failure(world, 0, "Cut\x00 short.")], at=world.pass_time(1))
    found = Pair.objects.order_by("pk").values_list("state", "unscorable_reason")
    reason = "The picture can’t be read. Cut� short."
    assert Counter(found) == {("unscorable", reason): 2, ("queued", ""): 1}
    assert quota_for(finder).used == 1
    [again] = world.claim(world.finder(), (0, "cat"))
    assert again.problem == "unscorable"


def test_unscorable_pairs_are_tried_again_and_charged_again(world, own_queue, committed) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"), (1, "cat"))
    record_scores(results=[failure(world, 0)], at=world.pass_time(1))
    with committed():
        assert requeue_unscorable(challenge=world.challenge, at=world.pass_time(1)) == 1
    pair = world.pair(0, "cat")
    assert (pair.state, pair.unscorable_reason, pair.score_requested_at) == (PairState.QUEUED, "", world.clock)
    assert images_asked_for(own_queue) == [[world.images[0].pk]]
    assert quota_for(finder).used == 2
    assert requeue_unscorable(challenge=world.challenge, at=world.pass_time(1)) == 0


def test_one_message_asks_for_a_chunk_of_pictures_each_once(db, committed) -> None:
    world = make_world(pictures=40)
    set_queue(challenge=world.challenge, queue=world.challenge.slug)
    with committed():
        world.claim(world.finder(), *[(place, label) for place in range(40) for label in ("cat", "dog")])
    chunks = images_asked_for(world.challenge.slug)
    assert [len(chunk) for chunk in chunks] == [32, 8]
    assert sorted(image for chunk in chunks for image in chunk) == [image.pk for image in world.images]


def test_a_picture_that_was_scored_is_not_asked_for_again(world, own_queue, committed) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.5, "dog": 0.25})
    with committed():
        world.claim(world.finder(), (0, "dog"), (1, "dog"))
    assert images_asked_for(own_queue) == [[world.images[1].pk]]
    assert (world.pair(0, "dog").state, world.pair(0, "dog").machine_mean) == (PairState.IN_REVIEW, 0.25)


def test_only_the_missing_classifiers_are_asked(world, own_queue, committed) -> None:
    record_scores(results=[answer(world, 0, [0.25, 0, 0])], at=world.pass_time(1))
    with committed():
        world.claim(world.finder(), (0, "cat"), (1, "cat"))
    requests = [kwargs["request"] for _, kwargs in drain(f"scoring.{own_queue}")]
    asked = {
        one["image"]: [card["digest"] for card in request["classifiers"]]
        for request in requests
        for one in request["images"]
    }
    first, second = (one.digest for one in world.classifiers)
    assert asked == {world.images[0].pk: [second], world.images[1].pk: [first, second]}
    assert {request["reply_queue"] for request in requests} == {f"web.{own_queue}"}


def test_a_later_claim_asks_for_nothing(world, own_queue, committed) -> None:
    world.claim(world.finder(), (0, "cat"))
    with committed():
        world.claim(world.finder(), (0, "cat"))
    assert images_asked_for(own_queue) == []


def test_a_picture_that_is_not_known_here_is_unscorable_at_once(world, own_queue, committed) -> None:
    Image.objects.filter(pk=world.images[0].pk).update(file="")
    with committed():
        world.claim(world.finder(), (0, "cat"))
    assert images_asked_for(own_queue) == []
    [results] = [kwargs["results"] for task, kwargs in drain(f"web.{own_queue}") if task == RECORD_SCORES]
    assert [(one["image"], one["error"]) for one in results] == [(world.images[0].pk, MISSING_IMAGE)]
    record_scores(results=[ScoreResult.from_message(one) for one in results], at=world.pass_time(1))
    assert world.pair(0, "cat").unscorable_reason == "The picture is missing. The picture itself is not known here."


def test_the_sweep_rings_again_for_stalled_pairs_and_not_for_fresh_ones(world, own_queue) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.pass_time(60)
    world.claim(world.finder(), (1, "cat"))
    assert requeue_stalled(at=world.pass_time(1)) == 1
    assert images_asked_for(own_queue) == [[world.images[0].pk]]
    assert (world.pair(0, "cat").score_requested_at, world.pair(0, "cat").score_requests) == (world.clock, 2)
    assert requeue_stalled(at=world.clock) == 0


def test_each_further_ring_waits_a_minute_longer_up_to_ten(world, own_queue) -> None:
    world.claim(world.finder(), (0, "cat"))
    waits, asked = [], world.clock
    while len(waits) < 12:
        if requeue_stalled(at=world.pass_time(30)):
            waits.append((world.clock - asked).total_seconds())
            asked = world.clock
    assert waits == [90, 150, 210, 270, 330, 390, 450, 510, 570, 630, 630, 630]
    assert images_asked_for(own_queue) == [[world.images[0].pk]] * 12


def test_long_stalled_pairs_do_not_keep_the_sweep_from_newer_ones(world, own_queue) -> None:
    world.claim(world.finder(), (0, "cat"), (1, "cat"))
    Pair.objects.update(score_requests=10)
    world.claim(world.finder(), (2, "cat"))
    request_scores(world.challenge, [world.images[3].pk])  # the workers are busy
    assert requeue_stalled(at=world.pass_time(120), limit=2) == 1
    assert images_asked_for(own_queue) == [[world.images[3].pk], [world.images[2].pk]]


def test_where_no_message_waits_for_the_workers_no_ring_waits_longer_than_a_minute(world, own_queue) -> None:
    world.claim(world.finder(), (0, "cat"))
    for requests in range(2, 6):
        images_asked_for(own_queue)  # a broker that lost its memory
        assert (requeue_stalled(at=world.pass_time(59)), requeue_stalled(at=world.pass_time(2))) == (0, 1)
        assert world.pair(0, "cat").score_requests == requests


def test_the_sweep_leaves_pairs_alone_that_are_not_queued(world, own_queue) -> None:
    world.claim(world.finder(), (0, "cat"), (1, "cat"))
    world.score(0, {})
    record_scores(results=[failure(world, 1)], at=world.pass_time(1))
    assert requeue_stalled(at=world.pass_time(3600)) == 0
    assert images_asked_for(own_queue) == []
