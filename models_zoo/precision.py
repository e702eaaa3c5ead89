"""Reduced precision on a GPU, where a check against float32 allows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch

from models_zoo.batch import Batch
from models_zoo.classifier import Classifier
from models_zoo.preprocess import geometry
from models_zoo.samples import sample_inputs

logger = logging.getLogger(__name__)

LIMIT = 0.002  # of a probability
CANDIDATES = (torch.float16, torch.bfloat16)  # the first has three more bits of fraction, the second can't overflow


def shift(classifier: Classifier, dtype: torch.dtype) -> float:
    """The largest change of a probability over the sample inputs under an autocast to `dtype`; NaN for no number."""
    spec = classifier.spec
    batch = Batch({geometry(spec.input): sample_inputs(spec.input)})
    full = classifier.start(batch)().probabilities
    reduced = classifier.with_dtype(dtype).start(batch)().probabilities
    return float(np.abs(full - reduced).max())


def reduced(
    classifier: Classifier, *, candidates: Sequence[torch.dtype] = CANDIDATES, limit: float = LIMIT
) -> Classifier:
    """`classifier` in the first of `candidates` that moves no probability by more than `limit`, else as it is."""
    for dtype in candidates:
        moved = shift(classifier, dtype)
        if moved <= limit:
            logger.info("%s runs in %s: it moves probabilities by %.2g at most", classifier.spec.name, dtype, moved)
            return classifier.with_dtype(dtype)
        logger.info("%s doesn't run in %s: it moves probabilities by %.2g", classifier.spec.name, dtype, moved)
    return classifier
