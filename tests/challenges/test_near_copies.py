"""Near-copies are proposed from what is alike, decided by the organiser, and frozen when the edition opens."""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations

import numpy as np
import pytest
from django.db import connection

from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels
from cats4ml.catalog.arrays import ArrayRow
from cats4ml.catalog.models import Image
from cats4ml.catalog.recording import record_embeddings
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster
from cats4ml.challenges.editions import EditionRefused, create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, CopyDecision, NearCopy, PoolImage
from cats4ml.challenges.near_copies import NearCopyRefused, connected, decide, freeze, propose
from cats4ml.rules.policy import Policy
from tests.factories import START, make_user


def draft(*images: Image, slug: str = "alike", labels=("cat",)) -> Challenge:
    """A draft with these pictures and one classifier that knows cats."""
    challenge = create_edition(slug=slug, title="Alike", summary="", vocabulary=slug, policy=Policy())
    card = {"digest": f"{slug}-net", "name": "net", "vocabulary": slug, "labels": ["cat"], "family": "torchvision"}
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card)])
    targets = add_labels(vocabulary=slug, labels=[NewLabel(key, key.title()) for key in labels])
    add_target_labels(challenge=challenge, labels=targets)
    add_pool_images(challenge=challenge, images=add_images(collection=slug, images=list(images)))
    return challenge


def picture(number: int, **fields: object) -> Image:
    return Image(image_id=f"{number:04}", **fields)


def embed(challenge: Challenge, vectors: np.ndarray) -> None:
    ids = PoolImage.objects.filter(challenge=challenge).order_by("image_key").values_list("image", flat=True)
    [classifier] = challenge.roster.classifiers.all()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = zip(ids, (vectors / lengths).astype(np.float16), strict=True)
    record_embeddings([ArrayRow(image, classifier.pk, vector) for image, vector in rows], at=START)


def found(challenge: Challenge) -> dict[tuple[str, str], tuple[bool, int | None, float | None]]:
    rows = NearCopy.objects.filter(challenge=challenge).order_by("first", "second")
    return {
        (one.first.image_id, one.second.image_id): (
            one.same_bytes,
            one.hash_distance,
            None if one.similarity is None else round(one.similarity, 2),
        )
        for one in rows.select_related("first", "second")
    }


def test_pictures_are_proposed_for_their_bytes_their_hashes_and_their_embeddings(db) -> None:
    far = 0x5555_5555_5555_5555
    challenge = draft(
        picture(0, sha256="a" * 64, perceptual_hash=0),
        picture(1, sha256="a" * 64, perceptual_hash=0),
        picture(2, sha256="b" * 64, perceptual_hash=0b111),
        picture(3, perceptual_hash=far),
        picture(4, perceptual_hash=far ^ -(2**63)),
        picture(5, perceptual_hash=~far),
        picture(6),
    )
    embed(challenge, np.array([[1, 0], [1, 0], [0, 1], [-1, 0], [1, -1], [1, -1.05], [-1, -1]], float))
    outside = draft(picture(0, sha256="a" * 64, perceptual_hash=0), slug="elsewhere")
    came = propose(challenge, START)
    assert found(challenge) == {
        ("0000", "0001"): (True, 0, 1.0),
        ("0000", "0002"): (False, 3, None),
        ("0003", "0004"): (False, 1, None),
        ("0004", "0005"): (False, None, 1.0),
    }
    assert asdict(came) == {
        "images": 7,
        "proposals": 4,
        "new": 4,
        "same_bytes": 1,
        "alike_hash": 3,
        "similar": 2,
        "capped": 0,
        "unhashed": 1,
        "unembedded": 0,
        "classifier": "net",
    }
    assert found(outside) == {}
    assert (propose(challenge, START).new, propose(challenge, START, hash_bits=2).alike_hash) == (0, 2)


def test_hashes_are_found_wherever_their_bits_differ(db) -> None:
    rng = np.random.default_rng(1)
    centre = int(rng.integers(2**62))
    near = [centre ^ sum(1 << int(bit) for bit in rng.choice(64, size, replace=False)) for size in (1, 2, 3) * 8]
    signed = [value - 2**64 if value >= 2**63 else value for value in (centre, *near)]
    challenge = draft(*(picture(number, perceptual_hash=value) for number, value in enumerate(signed)))
    propose(challenge, START, hash_bits=3)
    expected = {
        (f"{a:04}", f"{b:04}")
        for a, b in combinations(range(len(signed)), 2)
        if ((signed[a] ^ signed[b]) % 2**64).bit_count() <= 3
    }
    of_centre = {pair for pair in expected if "0000" in pair}
    seen = {pair for pair in found(challenge) if "0000" in pair}
    # Each picture has its nearest twenty: those of the centre are capped, the others' stand.
    assert (len(of_centre), len(seen), seen <= of_centre) == (24, 20, True)


def test_a_hundred_flat_pictures_are_not_five_thousand_proposals(db) -> None:
    challenge = draft(*(picture(number, perceptual_hash=0) for number in range(100)))
    came = propose(challenge, START)
    assert (came.proposals, came.capped) == (99 * 5 - (1 + 2 + 3 + 4), 1)


@pytest.mark.django_db(transaction=True)
def test_a_large_pool_is_searched_by_an_index_with_the_same_answer() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(120, 16))
    vectors[60:70] = vectors[:10] + 0.01 * rng.normal(size=(10, 16))
    challenge = draft(*(picture(number) for number in range(120)))
    embed(challenge, vectors)
    exact = propose(challenge, START)
    pairs = found(challenge)
    NearCopy.objects.all().delete()
    by_index = propose(challenge, START, exact_up_to=100)
    assert (exact.similar, by_index.similar, found(challenge) == pairs) == (10, 10, True)
    assert set(pairs) == {(f"{number:04}", f"{number + 60:04}") for number in range(10)}
    # An index whose making was interrupted is of no use to a search: it is made anew.
    its_index = "WHERE indexrelid::regclass::text ~ '^near_copies_[0-9]+$'"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE pg_index SET indisvalid = false {its_index}")
        propose(challenge, START, exact_up_to=100)
        cursor.execute(f"SELECT indisvalid FROM pg_index {its_index}")
        assert cursor.fetchall() == [(True,)]


def test_confirmed_near_copies_are_grouped_over_any_number_of_steps_when_the_edition_opens(db) -> None:
    challenge = draft(*(picture(number, perceptual_hash=0b11 * number) for number in range(6)))
    images = list(Image.objects.filter(collection="alike").order_by("image_id"))
    organiser = make_user()
    for first, second, decision in [
        (0, 1, CopyDecision.CONFIRMED),
        (1, 2, CopyDecision.CONFIRMED),
        (2, 3, CopyDecision.REJECTED),
        (3, 4, CopyDecision.PROPOSED),
    ]:
        pair = NearCopy.objects.create(
            challenge=challenge, first=images[first], second=images[second], created_at=START
        )
        decide(pair, decision, organiser, START)
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    groups = PoolImage.objects.filter(challenge=challenge).order_by("image_key").values_list("copy_group", flat=True)
    assert list(groups) == [images[0].pk] * 3 + [None] * 3
    with pytest.raises(NearCopyRefused, match="before an edition opens"):
        decide(pair, CopyDecision.CONFIRMED, organiser, START)
    with pytest.raises(NearCopyRefused, match="before an edition opens"):
        propose(challenge, START)
    with pytest.raises(EditionRefused, match="has left the draft"):
        set_status(challenge=challenge, status=ChallengeStatus.DRAFT)


def test_a_decision_can_be_taken_back_and_a_new_search_keeps_the_others(db) -> None:
    challenge = draft(*(picture(number, sha256="a" * 64) for number in range(3)))
    propose(challenge, START)
    first, second = NearCopy.objects.order_by("pk")
    organiser = make_user()
    decide(first, CopyDecision.CONFIRMED, organiser, START)
    decide(second, CopyDecision.REJECTED, organiser, START)
    decide(second, CopyDecision.PROPOSED, organiser, START)
    propose(challenge, START)
    rows = NearCopy.objects.order_by("pk").values_list("decision", "decided_by", "decided_at")
    assert list(rows) == [("confirmed", organiser.pk, START), ("proposed", None, None)]


def test_a_picture_that_left_the_pool_holds_no_group_together(db) -> None:
    challenge = draft(*(picture(number, sha256="a" * 64) for number in range(2)))
    propose(challenge, START)
    decide(NearCopy.objects.get(), CopyDecision.CONFIRMED, make_user(), START)
    PoolImage.objects.filter(challenge=challenge, image_key="0001").delete()
    assert freeze(challenge) == 0


def test_linked_numbers_go_by_the_lowest_of_them() -> None:
    assert connected([(5, 9), (2, 5), (7, 8), (9, 7)]) == dict.fromkeys([2, 5, 7, 8, 9], 2)
    assert connected([]) == {}


@pytest.mark.parametrize("values", [{"hash_bits": 4}, {"hash_bits": -1}, {"similarity": 0}, {"similarity": 1.1}])
def test_a_search_that_makes_no_sense_is_refused(db, values) -> None:
    with pytest.raises(NearCopyRefused):
        propose(draft(), START, **values)


def test_an_edition_opens_with_labels_that_nobody_knows_only_if_that_is_meant(db) -> None:
    challenge = draft(picture(0), labels=("cat", "selfie"))
    with pytest.raises(EditionRefused, match=r"know 1 of the target labels.*: Selfie\."):
        set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    assert Challenge.objects.get(pk=challenge.pk).status == ChallengeStatus.DRAFT
    set_status(challenge=challenge, status=ChallengeStatus.OPEN, despite_unknown_labels=True)
    assert Challenge.objects.get(pk=challenge.pk).status == ChallengeStatus.OPEN


def test_an_edition_without_classifiers_opens_without_being_asked_about_labels(db) -> None:
    challenge = create_edition(slug="bare", title="Bare", summary="", vocabulary="bare", policy=Policy())
    add_target_labels(challenge=challenge, labels=add_labels(vocabulary="bare", labels=[NewLabel("cat", "Cat")]))
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    assert challenge.status == ChallengeStatus.OPEN
