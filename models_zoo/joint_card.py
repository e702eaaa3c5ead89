"""What a joint text-image card has beside its image encoder: the text side, and the space that both share.

Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models_zoo.card_parts import checksum, plain_path
from models_zoo.fields import FieldError, Fields

MOST_DIMENSIONS = 4_000  # pgvector's largest for an index on halfvec
MOST_CONTEXT = 4_096
# What a card of another family has and a joint one can't, for it names no labels.
_NOT_HERE = ("activation", "vocabulary", "labels", "outputs", "labels_sha256", "calibration", "architecture")


@dataclass(frozen=True)
class Joint:
    """The text encoder, its tokenizer, and how many dimensions the shared space has.

    `text` and `tokenizer` are files inside the folder of classifiers. `context`: how many tokens the text encoder
    takes; a longer text is cut. `pad`: the token id that fills up a shorter one.
    """

    dimensions: int
    text: str
    text_sha256: str
    tokenizer: str
    tokenizer_sha256: str
    context: int
    pad: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "dimensions": self.dimensions,
            "text": {
                "weights": self.text,
                "sha256": self.text_sha256,
                "tokenizer": self.tokenizer,
                "tokenizer_sha256": self.tokenizer_sha256,
                "context": self.context,
                "pad": self.pad,
            },
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What of it is part of a digest."""
        return {
            "dimensions": self.dimensions,
            "text": self.text_sha256,
            "tokenizer": self.tokenizer_sha256,
            "context": self.context,
            "pad": self.pad,
        }

    @classmethod
    def from_fields(cls, card: Fields) -> Joint:
        """Raises `FieldError`, the keys of the text side beginning with `text.`."""
        for key in _NOT_HERE:
            if card.has(key):
                raise FieldError(card.name(key), "a joint card has none: it gives vectors, no labels; remove the key")
        fields = Fields(card.raw("text"), prefix="text")
        joint = cls(
            dimensions=_at_most(card, "dimensions", MOST_DIMENSIONS),
            text=plain_path(fields, "weights"),
            text_sha256=checksum(fields, "sha256"),
            tokenizer=plain_path(fields, "tokenizer"),
            tokenizer_sha256=checksum(fields, "tokenizer_sha256"),
            context=_at_most(fields, "context", MOST_CONTEXT),
            pad=fields.whole("pad") if fields.has("pad") else 0,
        )
        fields.finish()
        return joint


def _at_most(fields: Fields, key: str, most: int) -> int:
    value = fields.count(key)
    if value > most:
        raise FieldError(fields.name(key), f"should be at most {most}, is {value}")
    return value
