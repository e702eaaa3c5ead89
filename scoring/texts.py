"""Texts as vectors, by the text side of a joint card."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from pathlib import Path

from models_zoo.errors import ClassifierError
from models_zoo.fields import FieldError
from models_zoo.joint import TextEncoder, load_texts
from models_zoo.spec import ClassifierSpec
from scoring.answers import packed
from scoring.contract import UNUSABLE_CARD, TextRequest, TextResult
from scoring.forward import unit_vectors

logger = logging.getLogger(__name__)

CAPACITY = 4


class TextEncoders:
    """The text encoders that a worker has loaded, by the digest of their card; apart from the image encoders, for
    whoever searches shouldn't wait for those. For use by several threads at once."""

    def __init__(self, classifiers_dir: Path) -> None:
        self._folder = classifiers_dir
        self._loaded: OrderedDict[str, TextEncoder] = OrderedDict()
        self._guard = threading.Lock()

    def embed(self, asked: TextRequest) -> TextResult:
        """A vector for each text of `asked`; or, where the card can't be used, why: somebody waits for the answer."""
        digest = str(asked.card.get("digest", ""))
        try:
            encoder = self._get(ClassifierSpec.from_dict(asked.card))
        except (ClassifierError, FieldError) as error:
            logger.warning("%d texts have no vector: %s", len(asked.texts), error)
            return TextResult(digest, asked.texts, error=UNUSABLE_CARD, detail=str(error))
        found = encoder.embed(asked.texts)
        vectors = tuple("" if one is None else packed(one, "<f2") for one in unit_vectors(found.vectors))
        return TextResult(digest, asked.texts, vectors=vectors, cut=tuple(found.cut))

    def _get(self, spec: ClassifierSpec) -> TextEncoder:
        with self._guard:
            encoder = self._loaded.get(spec.digest) or load_texts(spec, self._folder)
            self._loaded[spec.digest] = encoder
            self._loaded.move_to_end(spec.digest)
            if len(self._loaded) > CAPACITY:
                self._loaded.popitem(last=False)
        return encoder
