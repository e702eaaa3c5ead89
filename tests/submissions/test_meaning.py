"""What words mean to a joint card: asked of a worker once, kept, and never waited for without end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cats4ml.catalog.actions import add_joint_classifier
from cats4ml.catalog.models import Embedding, Prediction, ScoringFailure
from cats4ml.challenges.editions import EditionRefused, set_joint_classifier
from cats4ml.submissions import dispatch, meaning
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.meaning import Meaning, State, clean_text, meaning_of, record_text_vectors
from scoring.contract import (
    EMBED_TEXT,
    INTERACTIVE,
    SCORE_IMAGES,
    UNUSABLE_CARD,
    ScoreRequest,
    ScoreResult,
    TextRequest,
    TextResult,
    pack,
    pack_half,
)
from tests.factories import START, World, make_world
from tests.messages import drain


@pytest.fixture
def joint(db: None) -> World:
    """An edition with a joint card of two dimensions, and a queue where its messages can be looked at."""
    world = make_world(pictures=3)
    text = {"weights": "t.pt2", "tokenizer": "t.json"}
    digest = f"joint-{world.challenge.slug}"
    card = {"digest": digest, "name": "joint", "family": "joint", "weights": "i.pt2", "dimensions": 2, "text": text}
    set_joint_classifier(challenge=world.challenge, classifier=add_joint_classifier(card=card))
    world.challenge.queue = "meaning-test"
    drain("scoring.meaning-test")
    return world


def result(world: World, text: str, vector: list[float], *, cut: bool = False) -> TextResult:
    classifier = world.challenge.joint_classifier
    assert classifier is not None
    return TextResult(classifier.digest, (text,), (pack_half(vector),), (cut,))


def asked() -> list[TextRequest]:
    return [
        TextRequest.from_message(kwargs["request"])
        for task, kwargs in drain("scoring.meaning-test")
        if task == EMBED_TEXT
    ]


def look(world: World, text: str, *, after: float = 0) -> Meaning:
    return meaning_of(challenge=world.challenge, text=text, at=START + timedelta(seconds=after))


def test_a_text_is_asked_for_once_and_then_known_to_everybody_with_that_card(joint) -> None:
    assert [look(joint, "a cat", after=seconds).state for seconds in (0, 1, 19, 20)] == [
        State.WAITING, State.WAITING, State.WAITING, State.LATE,
    ]  # fmt: skip
    [request] = asked()
    assert (request.texts, request.card["digest"], request.reply_queue, request.priority) == (
        ("a cat",), joint.challenge.joint_classifier.digest, "web.meaning-test", INTERACTIVE,
    )  # fmt: skip
    for _ in range(2):
        record_text_vectors(result=result(joint, "a cat", [0.6, -0.8], cut=True))
    found = look(joint, "a cat")
    assert (found.state, found.vector, found.cut) == (State.FOUND, pytest.approx([0.6, -0.8], abs=1e-3), True)
    other = make_world()
    set_joint_classifier(challenge=other.challenge, classifier=joint.challenge.joint_classifier)
    assert look(other, "a cat") == found
    assert asked() == []


def test_what_is_no_vector_of_the_card_is_not_used(joint) -> None:
    useless = {"short": [1.0], "long": [0.6, 0.8, 0.0], "far": [3.0, 4.0], "no number": [float("nan"), 1.0]}
    for text, vector in useless.items():
        record_text_vectors(result=result(joint, text, vector))
    record_text_vectors(result=replace(result(joint, "none", []), vectors=("",)))
    failed = replace(result(joint, "broken", []), vectors=(), cut=(), error=UNUSABLE_CARD, detail="no file")
    record_text_vectors(result=failed)
    record_text_vectors(result=replace(failed, digest="unknown"))
    assert {look(joint, text) for text in (*useless, "none", "broken")} == {Meaning(State.FAILED)}
    assert asked() == []


def test_a_crowd_of_new_texts_does_not_drown_the_worker(joint) -> None:
    texts = [f"text {number}" for number in range(meaning.MOST_A_MINUTE + 2)]
    states = [look(joint, text).state for text in texts]
    assert states == [State.WAITING] * meaning.MOST_A_MINUTE + [State.BUSY] * 2
    assert len(asked()) == meaning.MOST_A_MINUTE
    assert look(joint, texts[-1], after=60).state is State.WAITING
    record_text_vectors(result=result(joint, "text 0", [1.0, 0.0]))
    assert look(joint, "text 0").state is State.FOUND


def test_people_without_an_account_leave_the_participants_their_searches(joint) -> None:
    texts = [f"text {number}" for number in range(meaning.MOST_OF_STRANGERS + 1)]
    states = [meaning_of(challenge=joint.challenge, text=text, at=START, stranger=True).state for text in texts]
    assert states == [State.WAITING] * meaning.MOST_OF_STRANGERS + [State.BUSY]
    assert look(joint, texts[-1]).state is State.WAITING


@pytest.mark.parametrize(
    ("written", "looked_up"),
    [
        ("  a \t cat\n", "a cat"),
        ("a\x00cat\u202e", "a cat"),
        ("cafe\u0301", "café"),
        ("\ud800 owl", "owl"),
        ("x" * 300, "x" * 200),
        ("x" * 199 + " y", "x" * 199),
        (" \x00 ", ""),
    ],
)
def test_texts_are_cleaned_before_they_are_looked_up(written, looked_up) -> None:
    assert clean_text(written) == looked_up


def test_only_a_joint_card_is_put_on_an_edition_and_it_can_be_taken_off(joint) -> None:
    with pytest.raises(EditionRefused, match="one is no joint text-image card"):
        set_joint_classifier(challenge=joint.challenge, classifier=joint.classifiers[0])
    set_joint_classifier(challenge=joint.challenge, classifier=None)
    with pytest.raises(ValueError, match="has no joint card"):
        look(joint, "a cat")


def test_a_joint_card_is_asked_about_pictures_only_where_embeddings_are_wanted_and_lacking(joint) -> None:
    classifier, [first, second, _] = joint.challenge.joint_classifier, joint.images
    digests = [one.digest for one in joint.classifiers]
    said = dict.fromkeys(digests, pack([0.0, 0.0, 0.0]))
    answer = ScoreResult(first.pk, said, embeddings={classifier.digest: pack_half([1.0, 0.0])})
    ScoringFailure.objects.create(image=first, classifier=classifier, reason="classifier_failed", created_at=START)
    failed = ScoreResult(first.pk, {}, failed={classifier.digest: "too late"})
    for one in (answer, answer, failed):
        record_scores(results=[one], at=START)
    assert list(Embedding.objects.values_list("image", "classifier")) == [(first.pk, classifier.pk)]
    assert (Prediction.objects.filter(classifier=classifier).count(), ScoringFailure.objects.count()) == (0, 0)

    for embeddings in (False, True):
        dispatch.request_scores(joint.challenge, [first.pk, second.pk], embeddings=embeddings)
    requests = [
        ScoreRequest.from_message(kwargs["request"])
        for task, kwargs in drain("scoring.meaning-test")
        if task == SCORE_IMAGES
    ]
    asked_about = [
        ([ref.image for ref in one.images], [card["digest"] for card in one.classifiers], one.embed) for one in requests
    ]
    assert asked_about == [
        ([second.pk], digests, ()),
        ([second.pk], [*digests, classifier.digest], (classifier.digest,)),
    ]
