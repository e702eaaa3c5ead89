"""A classifier card: everything that is needed to run a classifier the same way twice. Standard library only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models_zoo.architectures import EXPORTED, FAMILIES, HEAD, JOINT, REMOTE
from models_zoo.card_parts import (
    CHANNELS,
    SHIFT,
    Backbone,
    Calibration,
    InputSpec,
    Remote,
    Weights,
    architecture,
    checksum,
    quality,
)
from models_zoo.fields import FieldError, Fields
from models_zoo.joint_card import Joint

__all__ = [
    "ACTIVATIONS",
    "CHANNELS",
    "Backbone",
    "Calibration",
    "ClassifierSpec",
    "InputSpec",
    "Remote",
    "Weights",
    "canonical_sha256",
]

ACTIVATIONS = ("softmax", "sigmoid")
NONE = "none"  # the outputs are probabilities already: for a network that isn't ours to look into

# Part of every digest: raise it when a change of the code changes the numbers that a classifier gives.
PREPROCESSING_VERSION = 1


def canonical_sha256(value: Any) -> str:
    """sha256, in hex, of the one JSON text of `value`: sorted keys, no spaces, ASCII, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class ClassifierSpec:
    """A classifier card.

    `weights` is relative to the folder of classifiers, with forward slashes; of a head it is the head's, for its
    backbone has its own. `labels` are the keys of the outputs, in their order, in the vocabulary of that name; a card
    in a message may leave them out (empty), for their number (`outputs`) and checksum (`labels_sha256`) stay.
    `activation`: softmax over all outputs, a sigmoid of each, or `none`. `source` and `licence`: where the weights
    come from, in words. `weights_enum`: torchvision's own name of the weights. `seed`: of weights that are drawn,
    where there is no file. `quality`: measured figures, in free keys. A `joint` card has no labels and no outputs: of a
    picture it gives a vector alone.
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
    weights_enum: str = ""
    seed: int | None = None
    calibration: Calibration | None = None
    backbone: Backbone | None = None
    remote: Remote | None = None
    joint: Joint | None = None
    quality: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def file(self) -> Weights:
        """The classifier's own weights, as a backbone has them too."""
        return Weights(self.weights, self.sha256, self.weights_enum, self.seed)

    @property
    def digest(self) -> str:
        """sha256 in hex of all that changes the numbers: two cards with one digest are one classifier.

        Not in it: name, paths, enum's name, source, licence, quality, a remote's batch. What a card doesn't use isn't
        in it either, so that a key that is new to the code leaves the digests of stored cards as they are.
        """
        facts: dict[str, Any] = {
            "preprocessing": PREPROCESSING_VERSION,
            "family": self.family,
            "architecture": self.architecture,
            **self.file.identity,
            "input": self.input.to_dict(),
            "activation": self.activation,
            "outputs": self.outputs,
            "labels": self.labels_sha256,
        }
        if self.calibration is not None:
            facts["calibration"] = self.calibration.to_dict()
        if self.backbone is not None:
            facts["backbone"] = self.backbone.identity
        if self.remote is not None:
            facts["remote"] = self.remote.identity
        if self.joint is not None:
            facts["joint"] = self.joint.identity
        return canonical_sha256(facts)

    def to_dict(self, *, with_labels: bool = True) -> dict[str, Any]:
        """JSON-safe, with `digest`; `from_dict` reads it back.

        Without labels it is small enough for every message, and has of the measured figures only those that `from_dict`
        asks for.
        """
        card: dict[str, Any] = {
            "name": self.name,
            "family": self.family,
            **(self.remote.to_dict() if self.remote is not None else self.file.to_dict()),
            "input": self.input.to_dict(),
            "source": self.source,
            "licence": self.licence,
            "digest": self.digest,
            **(self._answers() if self.joint is None else self.joint.to_dict()),
        }
        if self.calibration is not None:
            card["calibration"] = self.calibration.to_dict()
        if self.backbone is not None:
            card["backbone"] = self.backbone.to_dict()
        if quality := {key: value for key, value in self.quality.items() if with_labels or key.startswith(SHIFT)}:
            card["quality"] = quality
        if with_labels and self.labels:
            card["labels"] = list(self.labels)
        return card

    def _answers(self) -> dict[str, Any]:
        """What a joint card has nothing of."""
        return {
            "architecture": self.architecture,
            "activation": self.activation,
            "vocabulary": self.vocabulary,
            "outputs": self.outputs,
            "labels_sha256": self.labels_sha256,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassifierSpec:
        """A card out of `to_dict`, or one of which `outputs`, `labels_sha256` and `digest` are left out.

        Raises `FieldError` where a key is missing, unknown or unusable, or a checksum in it isn't that of its parts.
        """
        fields = Fields(data)
        family = fields.choice("family", FAMILIES)
        joint = Joint.from_fields(fields) if family == JOINT else None
        vocabulary = fields.text("vocabulary") if joint is None else ""
        labels = fields.texts("labels") if fields.has("labels") else ()
        outputs, labels_sha256 = _label_facts(fields, vocabulary, labels) if joint is None else (0, "")
        name, built = fields.text("name"), architecture(fields, family)
        remote = Remote.from_fields(fields) if family == REMOTE else None
        weights = Weights.from_fields(fields, family) if remote is None else Weights(path="", sha256="")
        picture = InputSpec.from_dict(fields.raw("input"))
        activations = (*ACTIVATIONS, NONE) if family in (REMOTE, EXPORTED) else ACTIVATIONS
        activation = fields.choice("activation", activations) if joint is None else NONE
        spec = cls(
            name=name,
            family=family,
            architecture=built,
            weights=weights.path,
            sha256=weights.sha256,
            input=picture,
            activation=activation,
            vocabulary=vocabulary,
            outputs=outputs,
            labels_sha256=labels_sha256,
            labels=labels,
            source=fields.text("source"),
            licence=fields.text("licence"),
            weights_enum=weights.enum,
            seed=weights.seed,
            calibration=_calibration(fields, activation, outputs),
            backbone=Backbone.from_dict(fields.raw("backbone")) if family == HEAD else None,
            remote=remote,
            joint=joint,
            quality=quality(fields, decode=picture.decode),
        )
        if fields.has("digest") and fields.raw("digest") != spec.digest:
            raise FieldError("digest", "isn't that of this card: it was changed, or made by another version")
        fields.finish()
        return spec


def _calibration(fields: Fields, activation: str, outputs: int) -> Calibration | None:
    if not fields.has("calibration"):
        return None
    return Calibration.from_dict(fields.raw("calibration"), activation=activation, outputs=outputs)


def _label_facts(fields: Fields, vocabulary: str, labels: tuple[str, ...]) -> tuple[int, str]:
    """(number of outputs, checksum of the labels): as given, and equal to those of `labels` where there are any."""
    if not labels:
        return fields.count("outputs"), checksum(fields, "labels_sha256")
    outputs, labels_sha256 = len(labels), canonical_sha256([vocabulary, *labels])
    if fields.has("outputs") and fields.count("outputs") != outputs:
        raise FieldError("outputs", f"there are {outputs} labels")
    if fields.has("labels_sha256") and checksum(fields, "labels_sha256") != labels_sha256:
        raise FieldError("labels_sha256", "isn't that of the labels")
    return outputs, labels_sha256
