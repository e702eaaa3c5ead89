"""What the web side and the scoring worker say to each other: plain data, task names, queue names.

Standard library only, so that both sides may import it. Messages cross the broker as JSON.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

SCORE_IMAGES = "scoring.tasks.score_images"
RECORD_SCORES = "cats4ml.submissions.tasks.record_scores"

SCORING_QUEUE = "scoring"
WEB_QUEUE = "web"

# Expected failures of one picture. Anything else is a surprise and raises in the worker.
UNREADABLE_IMAGE = "unreadable_image"
MISSING_IMAGE = "missing_image"
NOT_FINITE = "not_finite"
ERRORS = (UNREADABLE_IMAGE, MISSING_IMAGE, NOT_FINITE)


def queue_name(base: str, suffix: str) -> str:
    """`scoring` or `web`, or `scoring.<suffix>` for an edition that has workers of its own."""
    return f"{base}.{suffix}" if suffix else base


@dataclass(frozen=True)
class ImageRef:
    """One picture to score. `image` is the sender's own number for it and comes back unchanged; `key` is
    relative to the root of the picture storage; `sha256` is of the file's bytes, in hex, or empty if unknown."""

    image: int
    key: str
    sha256: str = ""


@dataclass(frozen=True)
class ScoreRequest:
    """A chunk of pictures and the classifiers to run on each of them.

    `classifiers` are cards as `models_zoo.spec.ClassifierSpec.to_dict` writes them; each has a `digest`, which
    names it in the answer. `reply_queue` is the queue on which the answer is expected.
    """

    images: tuple[ImageRef, ...]
    classifiers: tuple[dict[str, Any], ...]
    reply_queue: str

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> ScoreRequest:
        return cls(
            images=tuple(ImageRef(**ref) for ref in message["images"]),
            classifiers=tuple(message["classifiers"]),
            reply_queue=message["reply_queue"],
        )


@dataclass(frozen=True)
class ScoreResult:
    """What the classifiers said of one picture: by classifier digest, one packed float32 array with one
    probability for each of the classifier's outputs; or an `error` out of `ERRORS` and a `detail` in words."""

    image: int
    probabilities: dict[str, str]
    error: str = ""
    detail: str = ""

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> ScoreResult:
        return cls(**message)


def pack(values: Sequence[float]) -> str:
    """Floats as base64 of little-endian float32: a fifth of the size of a JSON list, and exact."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")


def unpack(packed: str) -> list[float]:
    """The inverse of `pack`. Raises `ValueError` if the text is not base64 of whole float32 numbers."""
    raw = base64.b64decode(packed, validate=True)
    if len(raw) % 4:
        raise ValueError(f"{len(raw)} bytes are not a whole number of float32 values")
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))
