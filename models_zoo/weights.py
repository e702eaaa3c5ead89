"""The bytes of a card's weights: out of the folder of classifiers, or fetched into it by torchvision's own address."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path

from models_zoo.architectures import REMOTE
from models_zoo.card_parts import Weights
from models_zoo.errors import ClassifierError, FetchError
from models_zoo.spec import ClassifierSpec


@dataclass(frozen=True)
class HeadWeights:
    """The files of a head: its own, and its backbone's (`None` where that is drawn by a seed)."""

    head: bytes
    backbone: bytes | None


WeightsData = bytes | HeadWeights | None
"""What `models_zoo.networks.build_network` takes: a file's bytes, or a head's two, or nothing for drawn weights."""


def read_weights(spec: ClassifierSpec, classifiers_dir: Path) -> WeightsData:
    """The weights that `spec` names, after their checksums were compared.

    A missing file of a card that names torchvision's enum is fetched. `None` for weights that are drawn by a seed,
    and for a remote classifier; of a joint card the image encoder's. Raises `ClassifierError` if a file is missing or
    another one.
    """
    if spec.family == REMOTE:
        return None
    own = _read(spec.name, spec.architecture, spec.file, classifiers_dir)
    if spec.backbone is None:
        return own
    if own is None:
        raise ClassifierError(f"classifier {spec.name!r}: a head needs weights; name their file on its card")
    backbone = _read(spec.name, spec.backbone.architecture, spec.backbone.weights, classifiers_dir)
    return HeadWeights(head=own, backbone=backbone)


def _read(name: str, architecture: str, weights: Weights, classifiers_dir: Path) -> bytes | None:
    if weights.seed is not None:
        return None
    path = classifiers_dir / weights.path
    try:
        if weights.enum and not path.exists():
            torchvision = importlib.import_module("models_zoo.torchvision_weights")  # as in models_zoo.networks
            torchvision.fetch(torchvision.url_of(architecture, weights.enum), path)
    except FetchError as error:
        raise ClassifierError(f"classifier {name!r}: {error}") from error
    return read_file(name, weights.path, weights.sha256, classifiers_dir)


def read_file(name: str, path: str, sha256: str, classifiers_dir: Path) -> bytes:
    """A file that the card `name` names, after its checksum was compared. Raises `ClassifierError`."""
    try:
        data = (classifiers_dir / path).read_bytes()
    except OSError as error:
        raise ClassifierError(
            f"classifier {name!r}: {path!r} can't be read from the folder of classifiers"
            f" {str(classifiers_dir)!r}: {error.strerror}; put the file there, or set CLASSIFIERS_DIR to another folder"
        ) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ClassifierError(
            f"classifier {name!r}: the file {path!r} has the checksum {actual}, its card says"
            f" {sha256}; put the right file there, or load the roster again"
        )
    return data
