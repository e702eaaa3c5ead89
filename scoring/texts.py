"""Texts as vectors, by the text side of a joint card."""

from __future__ import annotations

import logging

from models_zoo.errors import ClassifierError
from models_zoo.fields import FieldError
from models_zoo.joint import JointClassifier, TextEncoder
from models_zoo.spec import ClassifierSpec
from scoring.answers import packed
from scoring.classifiers import ClassifierCache
from scoring.contract import UNUSABLE_CARD, TextRequest, TextResult
from scoring.forward import unit_vectors

logger = logging.getLogger(__name__)


def embed_texts(asked: TextRequest, cache: ClassifierCache) -> TextResult:
    """A vector for each text of `asked`; or, where the card can't be used, why. Somebody waits for the answer, so that
    a card which can't be used is an answer too."""
    digest = str(asked.card.get("digest", ""))
    try:
        encoder = _encoder(asked, cache)
    except (ClassifierError, FieldError) as error:
        logger.warning("%d texts have no vector: %s", len(asked.texts), error)
        return TextResult(digest, asked.texts, error=UNUSABLE_CARD, detail=str(error))
    found = encoder.embed(asked.texts)
    vectors = unit_vectors(found.vectors)
    return TextResult(
        digest,
        asked.texts,
        vectors=tuple("" if vector is None else packed(vector, "<f2") for vector in vectors),
        cut=tuple(found.cut),
    )


def _encoder(asked: TextRequest, cache: ClassifierCache) -> TextEncoder:
    joint = cache.get(ClassifierSpec.from_dict(asked.card))
    if not isinstance(joint, JointClassifier):
        raise ClassifierError(f"classifier {joint.spec.name!r} is no joint card: it knows nothing of texts")
    return joint.texts
