"""What the web side and the scoring worker say to each other: plain data, task names, queue names.

Standard library only, so that both sides may import it. Messages cross the broker as JSON.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SCORE_IMAGES = "scoring.tasks.score_images"
RECORD_SCORES = "cats4ml.submissions.tasks.record_scores"
EMBED_TEXT = "scoring.tasks.embed_text"
RECORD_TEXT_VECTORS = "cats4ml.submissions.tasks.record_text_vectors"
NOTE_ALIVE = "cats4ml.submissions.tasks.note_alive"

SCORING_QUEUE = "scoring"
WEB_QUEUE = "web"

# Priorities of messages. Redis hands out the lowest number first, whatever came before it.
INTERACTIVE = 0  # somebody waits for these few pictures
BULK = 3  # a CSV of claims
AHEAD = 9  # the pool, before anybody claims it

# Expected failures of one picture. Anything else is a surprise and raises in the worker.
UNREADABLE_IMAGE = "unreadable_image"
MISSING_IMAGE = "missing_image"
QUARANTINED = "quarantined"  # its worker died over it, more than once
ERRORS = (UNREADABLE_IMAGE, MISSING_IMAGE, QUARANTINED)

# Why texts got no vectors: the joint card can't be loaded as it says.
UNUSABLE_CARD = "unusable_card"


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
    names it in the answer. `embed`: the digests of those whose embeddings are wanted too. `reply_queue` is the queue
    on which the answer is expected, at the same `priority`.
    """

    images: tuple[ImageRef, ...]
    classifiers: tuple[dict[str, Any], ...]
    reply_queue: str
    embed: tuple[str, ...] = ()
    priority: int = BULK

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> ScoreRequest:
        """What `to_message` gave. Keys that an older sender leaves out or a newer one adds are tolerated."""
        return cls(
            images=tuple(ImageRef(**ref) for ref in message["images"]),
            classifiers=tuple(message["classifiers"]),
            reply_queue=message["reply_queue"],
            embed=tuple(message.get("embed", ())),
            priority=message.get("priority", BULK),
        )


@dataclass(frozen=True)
class ScoreResult:
    """What the classifiers said of one picture.

    `probabilities`: by classifier digest, one packed float32 array with one probability for each of the
    classifier's outputs; none of a joint card, which has no outputs. `embeddings`: by digest, one packed float16 array,
    of length 1 as a vector. `failed`: by digest, why that classifier gave nothing that can be used (not a finite
    number, say); the others' numbers stand. `perceptual_hash`: 16 hex digits, empty if unknown. Or an `error` out of
    `ERRORS`, which concerns the picture for every classifier, and a `detail` in words. A picture that has no result at
    all is to be asked for again.
    """

    image: int
    probabilities: dict[str, str]
    error: str = ""
    detail: str = ""
    embeddings: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    perceptual_hash: str = ""

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> ScoreResult:
        """What `to_message` gave. Keys that a newer sender adds are passed over."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in message.items() if name in known})


@dataclass(frozen=True)
class TextRequest:
    """Texts and the joint card whose text encoder is to make vectors of them. `reply_queue` as in `ScoreRequest`."""

    texts: tuple[str, ...]
    card: dict[str, Any]
    reply_queue: str
    priority: int = INTERACTIVE

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> TextRequest:
        """What `to_message` gave. Keys that an older sender leaves out or a newer one adds are tolerated."""
        return cls(
            texts=tuple(message["texts"]),
            card=message["card"],
            reply_queue=message["reply_queue"],
            priority=message.get("priority", INTERACTIVE),
        )


@dataclass(frozen=True)
class TextResult:
    """The vectors of texts, which come back unchanged, by the card of this digest.

    `vectors`: for each text one packed float16 array, of length 1 as a vector, or an empty text where the encoder gave
    no finite vector that has a length. `cut`: for each text whether its end was left out, being longer than the encoder
    takes. Or an `error` (`UNUSABLE_CARD`) with a `detail` for the organiser.
    """

    digest: str
    texts: tuple[str, ...]
    vectors: tuple[str, ...] = ()
    cut: tuple[bool, ...] = ()
    error: str = ""
    detail: str = ""

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> TextResult:
        """What `to_message` gave. Keys that a newer sender adds are passed over."""
        return cls(
            digest=message["digest"],
            texts=tuple(message["texts"]),
            vectors=tuple(message["vectors"]),
            cut=tuple(message["cut"]),
            error=message["error"],
            detail=message["detail"],
        )


def pack(values: Sequence[float]) -> str:
    """Floats as base64 of little-endian float32: a fifth of the size of a JSON list, and exact."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")


def unpack(packed: str) -> list[float]:
    """The inverse of `pack`. Raises `ValueError` if the text is not base64 of whole float32 numbers."""
    raw = base64.b64decode(packed, validate=True)
    if len(raw) % 4:
        raise ValueError(f"{len(raw)} bytes are not a whole number of float32 values")
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def pack_half(values: Sequence[float]) -> str:
    """Floats as base64 of little-endian float16: three digits, which is enough for an embedding."""
    return base64.b64encode(struct.pack(f"<{len(values)}e", *values)).decode("ascii")


def unpack_half(packed: str) -> list[float]:
    """The inverse of `pack_half`. Raises `ValueError` if the text is not base64 of whole float16 numbers."""
    raw = base64.b64decode(packed, validate=True)
    if len(raw) % 2:
        raise ValueError(f"{len(raw)} bytes are not a whole number of float16 values")
    return list(struct.unpack(f"<{len(raw) // 2}e", raw))
