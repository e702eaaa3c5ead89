"""What the scoring worker answered is kept once, whole and exact; what is no answer is refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from cats4ml.catalog.models import Embedding, Image, Prediction, ScoringFailure
from cats4ml.catalog.recording import signed_hash
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.recording import record_scores
from scoring.contract import UNREADABLE_IMAGE, ScoreResult, pack, pack_half
from tests.concurrency import at_once
from tests.factories import START, World, make_world


def result(world: World, place: int, values=(0.25, 0.5, 0.125), **more) -> ScoreResult:
    return ScoreResult(world.images[place].pk, {one.digest: pack(values) for one in world.classifiers}, **more)


def record(world: World, *results: ScoreResult) -> None:
    record_scores(results=results, at=world.pass_time(1))


def kept() -> list[tuple[list[float], object]]:
    rows = Prediction.objects.order_by("image", "classifier")
    return [(one.probabilities, one.created_at) for one in rows]


def test_the_first_answer_about_a_picture_stands(world) -> None:
    record(world, result(world, 0))
    first = [([0.25, 0.5, 0.125], world.clock)] * 2
    assert kept() == first
    record(world, result(world, 0, (1.0, 0.0, 0.0)), result(world, 0))
    assert kept() == first


@pytest.mark.parametrize(
    "values", [(0.5, 0.5), (0.5, 0.5, float("nan")), (0.5, 0.5, float("inf")), (0.5, 0.5, -0.01), (1.01, 0.0, 0.0)]
)
def test_what_is_no_probability_is_refused_with_the_whole_message(world, values) -> None:
    with pytest.raises(ValueError, match=r"outputs, the answer|no probability"):
        record(world, result(world, 1), result(world, 0, values))
    assert kept() == []


def test_rounding_beyond_zero_and_one_is_no_reason_to_refuse(world) -> None:
    record(world, result(world, 0, (1.0000001, -1e-7, 0.5)))
    assert [values for values, _ in kept()] == [[1.0, 0.0, 0.5]] * 2


def test_embeddings_and_hashes_come_along_with_predictions(world) -> None:
    digest = world.classifiers[0].digest
    more = {"embeddings": {digest: pack_half([0.6, -0.8])}, "perceptual_hash": "ff00000000000001"}
    record(world, result(world, 0, **more))
    record(world, result(world, 0, embeddings={digest: pack_half([1, 0])}, perceptual_hash="0" * 16))
    [embedding] = Embedding.objects.all()
    assert (embedding.image_id, embedding.classifier_id) == (world.images[0].pk, world.classifiers[0].pk)
    assert np.float16(embedding.vector).tolist() == np.float16([0.6, -0.8]).tolist()
    [bits] = Image.objects.exclude(perceptual_hash=None).values_list("perceptual_hash", flat=True)
    assert (bits, bits % 2**64) == (signed_hash("ff00000000000001"), 0xFF00000000000001)


def test_an_embedding_that_is_of_no_use_is_left_out_and_the_predictions_stand(world) -> None:
    one, two = (each.digest for each in world.classifiers)
    record(world, result(world, 0, embeddings={one: pack_half([0, 0]), two: pack_half([float("nan"), 1])}))
    assert (Embedding.objects.count(), Prediction.objects.count()) == (0, 2)


@pytest.mark.parametrize("text", ["", "ff", "g" * 16, "0" * 17])
def test_a_hash_is_sixteen_hex_digits(text) -> None:
    with pytest.raises(ValueError, match="hex"):
        signed_hash(text)


def test_why_a_picture_could_not_be_scored_is_kept_until_it_is_scored(world) -> None:
    one, two = world.classifiers
    torn = ScoreResult(world.images[0].pk, {}, UNREADABLE_IMAGE, "It ends too early.")
    nan = ScoreResult(world.images[1].pk, {one.digest: pack([0.5] * 3)}, failed={two.digest: "Not a number."})
    for _ in range(2):
        record(world, torn, nan)
    rows = ScoringFailure.objects.order_by("image").values_list("image", "classifier", "reason", "detail")
    assert list(rows) == [
        (world.images[0].pk, None, UNREADABLE_IMAGE, "It ends too early."),
        (world.images[1].pk, two.pk, "classifier_failed", "Not a number."),
    ]
    record(world, result(world, 0), ScoreResult(world.images[1].pk, {one.digest: pack([0.5] * 3)}))
    assert [row[0] for row in rows.all()] == [world.images[1].pk]
    record(world, result(world, 1))
    assert not ScoringFailure.objects.exists()


def test_a_classifier_that_fails_stops_only_the_pairs_of_its_editions(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    elsewhere = make_world()
    failed = {elsewhere.classifiers[0].digest: "Not a number."}
    record(world, ScoreResult(world.images[0].pk, {}, failed=failed))
    assert world.pair(0, "cat").state == PairState.QUEUED
    record(world, ScoreResult(world.images[0].pk, {}, failed={world.classifiers[0].digest: "Not a number."}))
    pair = world.pair(0, "cat")
    assert (pair.state, pair.unscorable_reason) == (
        PairState.UNSCORABLE,
        "A classifier gave no number for this picture. Not a number.",
    )


def test_a_failure_that_comes_after_the_number_changes_nothing(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    one, two = world.classifiers
    record(world, ScoreResult(world.images[0].pk, {one.digest: pack([0.5] * 3)}))
    record(world, ScoreResult(world.images[0].pk, {}, failed={one.digest: "Not a number."}))
    assert (world.pair(0, "cat").state, ScoringFailure.objects.count()) == (PairState.QUEUED, 0)
    record(world, ScoreResult(world.images[0].pk, {two.digest: pack([0.5] * 3)}))
    assert world.pair(0, "cat").state == PairState.IN_REVIEW


@pytest.mark.django_db(transaction=True)
def test_messages_about_the_same_pictures_in_another_order_never_wait_for_each_other() -> None:
    world = make_world()
    digest = world.classifiers[0].digest
    more = {"embeddings": {digest: pack_half([1, 0])}, "perceptual_hash": "0123456789abcdef"}
    results = [result(world, place, **more) for place in range(6)]
    calls = [partial(record_scores, results=order, at=START) for order in (results, results[::-1]) * 4]
    assert at_once(calls) == [None] * 8
    assert (Prediction.objects.count(), Embedding.objects.count()) == (12, 6)
