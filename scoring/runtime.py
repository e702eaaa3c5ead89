"""Scores a chunk of pictures: each is read and decoded once, for all classifiers."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models_zoo.classifier import Classifier, Probabilities, load_classifier
from models_zoo.preprocess import Geometry, Pixels, geometry, pixels
from models_zoo.spec import ClassifierSpec
from scoring.contract import ImageRef, ScoreRequest, ScoreResult, pack
from scoring.images import PictureError, PictureStore

logger = logging.getLogger(__name__)


class ClassifierCache:
    """The classifiers that are loaded, by digest; beyond `capacity` the longest unused one is let go."""

    def __init__(self, classifiers_dir: Path, device: torch.device, *, capacity: int = 8) -> None:
        self._folder = classifiers_dir
        self._device = device
        self._capacity = capacity
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()

    def get(self, spec: ClassifierSpec) -> Classifier:
        """Raises `models_zoo.classifier.ClassifierError` if it can't be loaded as its card says."""
        classifier = self._loaded.get(spec.digest)
        if classifier is None:
            classifier = load_classifier(spec, self._folder, self._device)
            logger.info("loaded classifier %s (%s) on %s", spec.name, spec.digest[:12], self._device)
            self._loaded[spec.digest] = classifier
            if len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(spec.digest)
        return classifier


@dataclass(frozen=True)
class _Ready:
    """A picture in each of the shapes that the classifiers want."""

    ref: ImageRef
    shapes: dict[Geometry, Pixels]


class Runtime:
    """What a worker process keeps from chunk to chunk. Not for use by several threads at once."""

    def __init__(self, store: PictureStore, cache: ClassifierCache, *, threads: int, batch: int) -> None:
        self._store = store
        self._cache = cache
        self._batch = batch
        self._decoders = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")

    def score(self, request: ScoreRequest) -> list[ScoreResult]:
        """One result for each picture of `request`, in its order.

        What is wrong with a single picture is in its result. Raises `FieldError` for a card that isn't well-formed,
        `ClassifierError` for a classifier that can't be run, and what the storage raises if it is in trouble.
        """
        classifiers = [self._cache.get(ClassifierSpec.from_dict(card)) for card in request.classifiers]
        results: list[ScoreResult] = []
        for refs in _chunks(request.images, self._batch):
            results += self._score_batch(refs, classifiers)
        return results

    def _score_batch(self, refs: Sequence[ImageRef], classifiers: Sequence[Classifier]) -> list[ScoreResult]:
        prepared = list(self._decoders.map(self._preparer(classifiers), refs))
        ready = [one for one in prepared if isinstance(one, _Ready)]
        outputs = {
            classifier.spec: classifier.probabilities([one.shapes[geometry(classifier.spec.input)] for one in ready])
            for classifier in classifiers
        }
        scored = iter([_result(one.ref, row, outputs) for row, one in enumerate(ready)])
        return [next(scored) if isinstance(one, _Ready) else one for one in prepared]

    def _preparer(self, classifiers: Sequence[Classifier]) -> Callable[[ImageRef], _Ready | ScoreResult]:
        inputs = {geometry(classifier.spec.input): classifier.spec.input for classifier in classifiers}

        def prepare(ref: ImageRef) -> _Ready | ScoreResult:
            try:
                picture = self._store.picture(ref)
            except PictureError as error:
                return ScoreResult(image=ref.image, probabilities={}, error=error.code, detail=error.detail)
            return _Ready(ref, {shape: pixels(picture, spec) for shape, spec in inputs.items()})

        return prepare


def _result(ref: ImageRef, row: int, outputs: dict[ClassifierSpec, Probabilities]) -> ScoreResult:
    good = {spec: values[row] for spec, values in outputs.items() if np.isfinite(values[row]).all()}
    failed = {spec.digest: f"No finite number from {spec.name}." for spec in outputs.keys() - good.keys()}
    packed = {spec.digest: pack(values.tolist()) for spec, values in good.items()}
    return ScoreResult(image=ref.image, probabilities=packed, failed=failed)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
