"""The nearest target images to a vector: exact in a small pool, by an index made beforehand in a large one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from django.db import connection

from cats4ml.catalog.arrays import ArrayRow
from cats4ml.catalog.recording import record_embeddings
from cats4ml.challenges.actions import add_pool_images
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.challenges.neighbours import (
    NotIndexed,
    ensure_index,
    ensure_indexes,
    is_indexed,
    neighbours,
    seen_by_roster,
)
from tests.concurrency import at_once
from tests.factories import START, World, make_world

DIMENSIONS = 8


def embedded_world(pictures: int = 40) -> tuple[World, np.ndarray]:
    """A world whose pictures the first classifier embeds at random; in float32 as they are kept."""
    world = make_world(pictures=pictures)
    vectors = np.random.default_rng(3).normal(size=(pictures, DIMENSIONS))
    kept = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    embed(world, kept)
    return world, kept.astype(np.float32)


def embed(world: World, vectors: np.ndarray, *, classifier: int = 0) -> None:
    rows = [
        ArrayRow(image.pk, world.classifiers[classifier].pk, vector)
        for image, vector in zip(world.images, vectors, strict=False)
    ]
    record_embeddings(rows, at=START)
    with connection.cursor() as cursor:  # an index is made over rows that nothing is still to be checked of
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def brute_force(world: World, vectors: np.ndarray, query: np.ndarray) -> list[int]:
    order = np.argsort(-(vectors @ query) / np.linalg.norm(vectors, axis=1), kind="stable")
    return [world.images[place].pk for place in order]


def asked(world: World, query: np.ndarray, **more: object) -> list[int]:
    found = neighbours(world.challenge, classifier_id=world.classifiers[0].pk, vector=query.tolist(), **more)
    assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)
    return [one.image for one in found]


@pytest.fixture(params=[None, 5], ids=["compared", "by index"])
def exact_up_to(request) -> int | None:
    return request.param


def test_neighbours_are_the_nearest_of_the_pool_nearest_first(db, exact_up_to) -> None:
    world, vectors = embedded_world()
    ensure_index(world.classifiers[0].pk, DIMENSIONS)
    expected = brute_force(world, vectors, vectors[7])
    ask = partial(asked, world, vectors[7], exact_up_to=exact_up_to)
    assert expected[0] == world.images[7].pk
    assert ask(limit=40) == expected
    assert [ask(limit=15, offset=start) for start in (0, 15, 30)] == [expected[:15], expected[15:30], expected[30:]]


def test_neighbours_are_looked_for_in_a_part_of_the_pool_and_nowhere_else(db, exact_up_to) -> None:
    world, vectors = embedded_world()
    other = make_world(pictures=0)
    add_pool_images(challenge=other.challenge, images=world.images[:9])
    ensure_index(world.classifiers[0].pk, DIMENSIONS)
    expected = brute_force(world, vectors, vectors[7])
    ask = partial(asked, limit=40, exact_up_to=exact_up_to)
    among = PoolImage.objects.filter(challenge=world.challenge, image__in=world.images[::2])
    part = {image.pk for image in world.images[::2]}
    assert ask(world, vectors[7], among=among) == [image for image in expected if image in part]
    there = {image.pk for image in world.images[:9]}
    found = neighbours(other.challenge, classifier_id=world.classifiers[0].pk, vector=vectors[7].tolist(), limit=40)
    assert [one.image for one in found] == [image for image in expected if image in there]


def test_a_large_pool_without_an_index_is_not_compared_picture_by_picture(db) -> None:
    world, vectors = embedded_world()
    with pytest.raises(NotIndexed):
        asked(world, vectors[0], limit=3, exact_up_to=39)
    assert len(asked(world, vectors[0], limit=3, exact_up_to=40)) == 3


def test_pictures_that_no_classifier_of_the_roster_embedded_have_no_vector(db) -> None:
    world = make_world(pictures=3)
    embed(world, np.eye(3)[:1], classifier=1)
    embed(world, np.eye(2)[:1], classifier=0)
    first, second = (seen_by_roster(world.challenge, image.pk) for image in world.images[:2])
    assert (first.classifier, first.vector, second) == (world.classifiers[0].pk, [1.0, 0.0], None)


def test_the_index_of_each_searched_classifier_is_made_once_it_has_many_embeddings(db, monkeypatch) -> None:
    world, _ = embedded_world(pictures=6)
    embed(world, np.eye(6)[:3], classifier=1)
    assert ensure_indexes() == []
    monkeypatch.setattr("cats4ml.challenges.neighbours.EXACT_UP_TO", 5)
    one, two = world.classifiers
    assert (ensure_indexes(), ensure_indexes()) == ([one.pk], [])
    assert (is_indexed(one.pk), is_indexed(two.pk)) == (True, False)


def test_a_joint_classifier_is_searched_too(db, monkeypatch) -> None:
    world, _ = embedded_world(pictures=6)
    joint = make_world(pictures=0).challenge
    Challenge.objects.update(roster=None)
    monkeypatch.setattr("cats4ml.challenges.neighbours.EXACT_UP_TO", 5)
    assert ensure_indexes() == []
    Challenge.objects.filter(pk=joint.pk).update(joint_classifier=world.classifiers[0])
    assert ensure_indexes() == [world.classifiers[0].pk]


@pytest.mark.django_db(transaction=True)
def test_an_index_that_several_make_at_once_is_made_once_and_one_left_unfinished_is_made_anew() -> None:
    world, _ = embedded_world()
    classifier = world.classifiers[0].pk
    make = partial(ensure_index, classifier, DIMENSIONS)
    assert at_once([make, make, make]) == [True, True, True]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", [f"near_copies_{classifier}"]
        )
    assert is_indexed(classifier) is False
    assert (make(), is_indexed(classifier)) == (True, True)
    with connection.cursor() as cursor:  # a transaction takes no index back that was made outside of it
        cursor.execute(f"DROP INDEX near_copies_{classifier}")
