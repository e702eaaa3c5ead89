"""Pictures and texts by a joint card, in the scoring worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from celery import Celery
from PIL import Image

from models_zoo.joint import load_texts
from models_zoo.loading import Compute
from models_zoo.roster import read_joint
from models_zoo.spec import ClassifierSpec
from scoring.broker import celery_broker_url
from scoring.classifiers import ClassifierCache
from scoring.contract import (
    EMBED_TEXT,
    RECORD_TEXT_VECTORS,
    SCORING_QUEUE,
    UNUSABLE_CARD,
    ImageRef,
    ScoreRequest,
    TextRequest,
    TextResult,
    unpack_half,
)
from scoring.engine import Engine
from scoring.images import PictureStore
from scoring.texts import TextEncoders
from tests.models_zoo.cards import write_perceptron
from tests.models_zoo.joint_model import DIMENSIONS, write_joint
from tests.scoring.test_worker import REPLIES, running


@pytest.fixture
def spec(tmp_path: Path) -> ClassifierSpec:
    return read_joint(write_joint(tmp_path), tmp_path)


def request(spec: ClassifierSpec, *texts: str) -> TextRequest:
    return TextRequest(texts, spec.to_dict(with_labels=False), REPLIES)


def test_a_joint_card_gives_a_picture_an_embedding_beside_the_others_probabilities(
    tmp_path: Path, spec: ClassifierSpec
) -> None:
    Image.new("RGB", (30, 30), "grey").save(tmp_path / "grey.png")
    other = write_perceptron(tmp_path)
    cards = (other.to_dict(with_labels=False), spec.to_dict(with_labels=False))
    asked = ScoreRequest((ImageRef(1, "grey.png"),), cards, REPLIES, embed=(spec.digest,))
    cache = ClassifierCache(tmp_path, Compute(torch.device("cpu")))
    with Engine(PictureStore(str(tmp_path)), cache, threads=1) as engine:
        [result] = engine.score(asked)
    assert (list(result.probabilities), list(result.embeddings), result.failed) == ([other.digest], [spec.digest], {})
    vector = unpack_half(result.embeddings[spec.digest])
    assert (len(vector), round(float(np.linalg.norm(vector)), 2)) == (DIMENSIONS, 1.0)


def test_each_text_gets_a_vector_of_length_one(tmp_path: Path, spec: ClassifierSpec) -> None:
    texts = ("seven", "a picture of the number seven and nine")
    result = TextEncoders(tmp_path).embed(request(spec, *texts))
    assert (result.digest, result.texts, result.cut, result.error) == (spec.digest, texts, (False, True), "")
    plain = load_texts(spec, tmp_path).embed(texts).vectors
    expected = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose([unpack_half(one) for one in result.vectors], expected, atol=1e-3)


def test_a_card_that_cannot_be_used_is_an_answer(tmp_path: Path, spec: ClassifierSpec) -> None:
    encoders = TextEncoders(tmp_path)
    asked = request(spec, "seven")
    cards = {
        "it knows nothing of texts": write_perceptron(tmp_path).to_dict(with_labels=False),
        "isn't that of this card": asked.card | {"dimensions": 15},
    }
    (tmp_path / "tokenizer.json").unlink()
    for why, card in (cards | {"can't be read from the folder": asked.card}).items():
        result = encoders.embed(replace(asked, card=card))
        assert (result.texts, result.vectors, result.error) == (("seven",), (), UNUSABLE_CARD)
        assert why in result.detail


@pytest.mark.slow
def test_a_real_worker_answers_a_text(redis_url: str, tmp_path: Path, spec: ClassifierSpec) -> None:
    app = Celery(broker=celery_broker_url(redis_url), set_as_current=False)
    asked = request(spec, "seven", "digit nine")
    with running(redis_url, tmp_path):
        kwargs = {"request": asked.to_message(), "a_later_keyword": 1}
        app.send_task(EMBED_TEXT, kwargs=kwargs, queue=SCORING_QUEUE, priority=asked.priority)
        with app.connection_for_read() as connection, connection.SimpleQueue(REPLIES) as queue:
            message = queue.get(timeout=200)
            message.ack()
    assert message.headers["task"] == RECORD_TEXT_VECTORS
    answered = TextResult.from_message(message.payload[1]["result"])
    assert answered == TextEncoders(tmp_path).embed(asked)
