"""One forward pass of several classifiers over a batch. What goes wrong with one of them, or a picture, stays there."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models_zoo.batch import Batch
from models_zoo.classifier import Outputs, Pending, Runnable
from models_zoo.errors import ClassifierError
from models_zoo.halving import Halving, is_out_of_memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Numbers:
    """What one classifier said of one picture: float32 [outputs], and its features as float16 [D] of length 1."""

    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float16] | None


@dataclass
class Row:
    """What the classifiers said of one picture, by digest: numbers, or why there are none that can be used.

    `trouble`: what kept a classifier from being asked (no memory, no network), so that the picture is to be asked
    for again.
    """

    numbers: dict[str, Numbers] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True)
class Begun:
    """A forward pass under way: for each classifier its parts, or the exception in place of them."""

    batch: Batch
    passes: list[tuple[str, Runnable, list[Pending] | Exception]]


class Forward:
    """Remembers for each classifier how many pictures fit into memory. For use by one thread."""

    def __init__(self) -> None:
        self._fitting: defaultdict[str, Halving] = defaultdict(Halving)

    def begin(self, batch: Batch, classifiers: Mapping[str, Runnable]) -> Begun:
        """Begins a pass. CUDA goes on with it by itself; on a processor it is done when this returns.

        `classifiers` by digest.
        """
        return Begun(batch, [(digest, one, self._begin_one(batch, digest, one)) for digest, one in classifiers.items()])

    def finish(self, begun: Begun) -> list[Row]:
        """Waits for the pass; one row for each picture of the batch, in its order."""
        rows = [Row() for _ in range(len(begun.batch))]
        for digest, classifier, parts in begun.passes:
            try:
                done = _finished(parts)
            except ClassifierError as error:  # a server that doesn't answer; the pictures can't be at fault
                for row in rows:
                    row.trouble = str(error)
            except Exception as error:  # a network may raise anything
                logger.warning("%s: %s; asking picture by picture", classifier.spec.name, error)
                self._one_by_one(begun.batch, digest, classifier, rows)
            else:
                _fill(rows, digest, classifier, done)
        return rows

    def _begin_one(self, batch: Batch, digest: str, classifier: Runnable) -> list[Pending] | Exception:
        def work(start: int, stop: int) -> Pending:
            return classifier.start(batch if stop - start == len(batch) else batch.part(start, stop))

        try:
            return self._fitting[digest].run(work, len(batch))
        except Exception as error:  # kept for `finish`
            return error

    def _one_by_one(self, batch: Batch, digest: str, classifier: Runnable, rows: Sequence[Row]) -> None:
        for place, row in enumerate(rows):
            try:
                outputs = classifier.start(batch.part(place, place + 1))()
            except Exception as error:  # a network may raise anything
                reason = f"{classifier.spec.name}: {type(error).__name__}: {error}"
                if is_out_of_memory(error) or isinstance(error, ClassifierError):
                    row.trouble = reason
                else:
                    row.failed[digest] = reason
            else:
                _fill([row], digest, classifier, [outputs])


def _finished(parts: list[Pending] | Exception) -> list[Outputs]:
    if isinstance(parts, Exception):
        raise parts
    return [part() for part in parts]


def _fill(rows: Sequence[Row], digest: str, classifier: Runnable, parts: Sequence[Outputs]) -> None:
    values = np.concatenate([part.probabilities for part in parts])
    features = [part.features for part in parts if part.features is not None]
    embeddings = unit_vectors(np.concatenate(features)) if features else [None] * len(rows)
    finite = np.isfinite(values).all(axis=1)
    if values.shape[1] == 0:  # a joint card has nothing but its vectors
        finite &= [embedding is not None for embedding in embeddings]
    for row, good, probabilities, embedding in zip(rows, finite, values, embeddings, strict=True):
        if good:
            row.numbers[digest] = Numbers(probabilities, embedding)
        else:
            row.failed[digest] = f"No finite number from {classifier.spec.name}."


def unit_vectors(features: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float16] | None]:
    """Each row at length 1; none where it has no finite length."""
    lengths = np.linalg.norm(features.astype(np.float64), axis=1)
    return [
        (row / length).astype(np.float16) if np.isfinite(length) and length > 0 else None
        for row, length in zip(features, lengths, strict=True)
    ]
