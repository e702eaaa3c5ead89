"""What has worked for a participant: their own settled pairs and nothing else."""

from __future__ import annotations

import pytest

from cats4ml.catalog.models import Annotation, AnnotationSource, Label
from cats4ml.rules.answers import Answer
from cats4ml.rules.intervals import wilson_interval
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.hints import HitRate, hit_rates_by_annotation, hit_rates_by_label
from tests.factories import World, make_world

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def world(db: None) -> World:
    return make_world(policy=Policy(quorum=1))


def settle(world: World, place: int, label: str, mean: float, answer: Answer) -> None:
    world.score(place, {label: mean})
    world.rate(world.pair(place, label), answer)


def test_hits_are_counted_by_label_over_settled_pairs(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"), (1, "cat"), (2, "cat"), (3, "cat"), (0, "dog"))
    settle(world, 0, "cat", 0.25, YES)
    settle(world, 1, "cat", 0.75, NO)
    settle(world, 2, "cat", 0.75, YES)
    cat, dog = hit_rates_by_label(finder)
    assert cat == HitRate("Cat", claimed=4, settled=3, false_negatives=1, false_positives=1, error=0.75)
    assert dog == HitRate("Dog", claimed=1, settled=0, false_negatives=0, false_positives=0, error=None)
    assert (cat.adverse, cat.rate, cat.interval, dog.rate, dog.interval) == (
        2,
        2 / 3,
        wilson_interval(2, 3),
        None,
        None,
    )


def test_nothing_is_told_of_others_of_what_was_taken_back_or_of_what_was_settled_before(world) -> None:
    finder, other = world.finder(), world.finder()
    world.claim(other, (0, "cat"), (1, "cat"), (2, "cat"))
    [mine] = world.claim(finder, (1, "cat"))
    retract_submission(participation=finder, submission_id=mine.submission.pk, at=world.pass_time(1))
    settle(world, 0, "cat", 0.1, YES)
    settle(world, 1, "cat", 0.1, YES)
    assert hit_rates_by_label(finder) == hit_rates_by_annotation(finder) == []
    world.claim(finder, (0, "cat"))
    hidden = {"claimed": 1, "settled": 0, "false_negatives": 0, "false_positives": 0, "error": None}
    assert hit_rates_by_label(finder) == [HitRate("Cat", **hidden)]
    assert hit_rates_by_annotation(finder) == [HitRate("Nobody was asked", **hidden)]


def test_hits_are_counted_by_what_the_collections_own_labels_said(world) -> None:
    finder = world.finder()
    label = Label.objects.get(vocabulary=world.challenge.vocabulary, key="cat")
    said = [
        (0, AnnotationSource.VERIFICATION, 1),
        (1, AnnotationSource.VERIFICATION, 0),
        (1, AnnotationSource.CROWDSOURCE, 1),
        (2, AnnotationSource.MACHINE, 0.7),
        (2, AnnotationSource.VERIFICATION, 0),
        (3, AnnotationSource.MACHINE, 0.9),
    ]
    Annotation.objects.bulk_create(
        Annotation(image=world.images[place], label=label, source=source, confidence=confidence)
        for place, source, confidence in said
    )
    world.claim(finder, *[(place, "cat") for place in range(5)])
    settle(world, 1, "cat", 0.75, NO)
    settle(world, 3, "cat", 0.75, YES)
    none = {"false_negatives": 0, "false_positives": 0, "error": None}
    assert hit_rates_by_annotation(finder) == [
        HitRate("People said no", claimed=2, settled=1, false_negatives=0, false_positives=1, error=0.75),
        HitRate("People said yes", claimed=1, settled=0, **none),
        HitRate("Only a machine said so", claimed=1, settled=1, **none),
        HitRate("Nobody was asked", claimed=1, settled=0, **none),
    ]
