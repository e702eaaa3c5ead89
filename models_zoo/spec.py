"""A classifier card: everything that is needed to run a classifier the same way twice. Standard library only."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from models_zoo.architectures import ARCHITECTURES, FAMILIES
from models_zoo.fields import FieldError, Fields, nearest

ACTIVATIONS = ("softmax", "sigmoid")
INTERPOLATIONS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
CHANNELS = {"rgb": 3, "grey": 1}

# Part of every digest: raise it when a change of the code changes the numbers that a classifier gives.
PREPROCESSING_VERSION = 1

_SHA256 = re.compile(r"[0-9a-f]{64}")


def canonical_sha256(value: Any) -> str:
    """sha256, in hex, of the one JSON text of `value`: sorted keys, no spaces, ASCII, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class InputSpec:
    """How a decoded picture becomes a classifier's input.

    `resize`: pixels of the shorter side (the shape is kept), or (width, height). `size`: (width, height) of the
    input, cut out of the middle of the resized picture. `interpolation`: a Pillow filter, which averages over
    what it makes smaller. `colour`: `rgb` or `grey`. `mean`, `std`: one number a channel, for values in [0, 1].
    """

    resize: int | tuple[int, int]
    size: tuple[int, int]
    interpolation: str
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, as `from_dict` reads it."""
        return {
            "resize": self.resize if isinstance(self.resize, int) else list(self.resize),
            "size": list(self.size),
            "interpolation": self.interpolation,
            "colour": self.colour,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_dict(cls, data: Any) -> InputSpec:
        """Raises `FieldError`, its key beginning with `input.`."""
        fields = Fields(data, prefix="input")
        spec = cls(
            resize=_resize(fields),
            size=fields.size("size"),
            interpolation=fields.choice("interpolation", INTERPOLATIONS, default="bilinear"),
            colour=fields.choice("colour", CHANNELS, default="rgb"),
            mean=fields.numbers("mean"),
            std=fields.numbers("std"),
        )
        fields.finish()
        spec._check()
        return spec

    def _check(self) -> None:
        width, height = self.size
        wide, high = (self.resize, self.resize) if isinstance(self.resize, int) else self.resize
        if wide < width or high < height:
            raise FieldError("input.resize", f"is smaller than input.size, which is {width} x {height}")
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != CHANNELS[self.colour]:
                wanted = f"{CHANNELS[self.colour]} number(s), one for each channel of {self.colour!r}"
                raise FieldError(f"input.{key}", f"should have {wanted}; has {len(values)}")
        if min(self.std) <= 0:
            raise FieldError("input.std", "should be above 0")


def _resize(fields: Fields) -> int | tuple[int, int]:
    value = fields.raw("resize")
    return fields.size("resize") if isinstance(value, list | tuple) else fields.count("resize")


@dataclass(frozen=True)
class ClassifierSpec:
    """A classifier card.

    `weights` is relative to the folder of classifiers, with forward slashes. `labels` are the keys of the outputs,
    in their order, in the vocabulary of that name; a card in a message may leave them out (empty), for their
    number (`outputs`) and checksum (`labels_sha256`) stay. `activation`: softmax over all outputs, or a
    sigmoid of each. `source` and `licence`: where the weights come from, in words.
    """

    name: str
    family: str
    architecture: str
    weights: str
    sha256: str
    input: InputSpec
    activation: str
    vocabulary: str
    outputs: int
    labels_sha256: str
    labels: tuple[str, ...]
    source: str
    licence: str

    @property
    def digest(self) -> str:
        """sha256 in hex of all that changes the numbers: two cards with one digest are one classifier.
        Not in it: name, path of the weights, source, licence."""
        return canonical_sha256(
            {
                "preprocessing": PREPROCESSING_VERSION,
                "family": self.family,
                "architecture": self.architecture,
                "weights": self.sha256,
                "input": self.input.to_dict(),
                "activation": self.activation,
                "outputs": self.outputs,
                "labels": self.labels_sha256,
            }
        )

    def to_dict(self, *, with_labels: bool = True) -> dict[str, Any]:
        """JSON-safe, with `digest`; `from_dict` reads it back. Without labels it is small enough for every message."""
        card: dict[str, Any] = {
            "name": self.name,
            "family": self.family,
            "architecture": self.architecture,
            "weights": self.weights,
            "sha256": self.sha256,
            "input": self.input.to_dict(),
            "activation": self.activation,
            "vocabulary": self.vocabulary,
            "outputs": self.outputs,
            "labels_sha256": self.labels_sha256,
            "source": self.source,
            "licence": self.licence,
            "digest": self.digest,
        }
        if with_labels and self.labels:
            card["labels"] = list(self.labels)
        return card

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassifierSpec:
        """A card out of `to_dict`, or one of which `outputs`, `labels_sha256` and `digest` are left out.

        Raises `FieldError` where a key is missing, unknown or unusable, or a checksum in it isn't that of its parts.
        """
        fields = Fields(data)
        family = fields.choice("family", FAMILIES)
        vocabulary = fields.text("vocabulary")
        labels = fields.texts("labels") if fields.has("labels") else ()
        outputs, labels_sha256 = _label_facts(fields, vocabulary, labels)
        spec = cls(
            name=fields.text("name"),
            family=family,
            architecture=_architecture(fields, family),
            weights=_weights(fields),
            sha256=_checksum(fields, "sha256"),
            input=InputSpec.from_dict(fields.raw("input")),
            activation=fields.choice("activation", ACTIVATIONS),
            vocabulary=vocabulary,
            outputs=outputs,
            labels_sha256=labels_sha256,
            labels=labels,
            source=fields.text("source"),
            licence=fields.text("licence"),
        )
        if fields.has("digest") and fields.raw("digest") != spec.digest:
            raise FieldError("digest", "isn't that of this card: it was changed, or made by another version")
        fields.finish()
        return spec


def _label_facts(fields: Fields, vocabulary: str, labels: tuple[str, ...]) -> tuple[int, str]:
    """(number of outputs, checksum of the labels): as given, and equal to those of `labels` where there are any."""
    if not labels:
        return fields.count("outputs"), _checksum(fields, "labels_sha256")
    outputs, labels_sha256 = len(labels), canonical_sha256([vocabulary, *labels])
    if fields.has("outputs") and fields.count("outputs") != outputs:
        raise FieldError("outputs", f"there are {outputs} labels")
    if fields.has("labels_sha256") and _checksum(fields, "labels_sha256") != labels_sha256:
        raise FieldError("labels_sha256", "isn't that of the labels")
    return outputs, labels_sha256


def _architecture(fields: Fields, family: str) -> str:
    """A name out of the family's list; an exported program brings its own and has none."""
    known = ARCHITECTURES[family]
    if not known:
        if fields.text("architecture", default=""):
            raise FieldError("architecture", f"a classifier of family {family!r} has none; remove the key")
        return ""
    name = fields.text("architecture")
    if name not in known:
        hint = nearest(name, known) or f"; known are: {', '.join(sorted(known))}"
        raise FieldError("architecture", f"{name!r} is unknown in family {family!r}{hint}")
    return name


def _weights(fields: Fields) -> str:
    weights = fields.text("weights")
    path = PurePosixPath(weights)
    if path.is_absolute() or ".." in path.parts or "\\" in weights or "://" in weights or str(path) != weights:
        raise FieldError(
            "weights",
            f"{weights!r} should be a plain path inside the folder of classifiers, such as 'squeezenet1_0.pth'",
        )
    return weights


def _checksum(fields: Fields, key: str) -> str:
    value = fields.text(key)
    if not _SHA256.fullmatch(value):
        raise FieldError(key, f"should be 64 hex digits in lower case, is {value!r}")
    return value
