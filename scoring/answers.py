"""Numbers to messages."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.contract import ImageRef, ScoreResult
from scoring.forward import Numbers, Row
from scoring.images import PictureError


@dataclass(frozen=True)
class Scored:
    """A picture that was decoded and shown to classifiers."""

    perceptual_hash: str
    row: Row


def answer(
    ref: ImageRef, outcomes: Sequence[Any], digests: Sequence[str], *, embed: Collection[str] = ()
) -> ScoreResult:
    """The result of one picture out of what is known of it: `Scored`, or a `PictureError`, which concerns all of it.

    Of `digests` only, in their order.
    """
    for outcome in outcomes:
        if isinstance(outcome, PictureError):
            return ScoreResult(image=ref.image, probabilities={}, error=outcome.code, detail=outcome.detail)
    numbers: dict[str, Numbers] = {}
    failed: dict[str, str] = {}
    for outcome in outcomes:
        numbers |= outcome.row.numbers
        failed |= outcome.row.failed
    return ScoreResult(
        image=ref.image,
        probabilities={
            digest: packed(numbers[digest].probabilities, "<f4")
            for digest in digests
            if digest in numbers and numbers[digest].probabilities.size
        },
        failed={digest: failed[digest] for digest in digests if digest in failed and digest not in numbers},
        embeddings={
            digest: packed(embedding, "<f2")
            for digest in digests
            if digest in embed and digest in numbers and (embedding := numbers[digest].embedding) is not None
        },
        perceptual_hash=outcomes[-1].perceptual_hash if outcomes else "",
    )


def packed(values: npt.NDArray[Any], kind: str) -> str:
    """As `contract.pack` (`<f4`) and `contract.pack_half` (`<f2`) do, without a Python number for each."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
