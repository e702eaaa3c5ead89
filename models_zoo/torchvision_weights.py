"""torchvision's own enums of weights: where a file is, and what goes with it."""

from __future__ import annotations

import hashlib
import sys
import urllib.error
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch

from models_zoo.card_parts import INTERPOLATIONS
from models_zoo.errors import FetchError
from models_zoo.fields import nearest
from models_zoo.vision import torchvision

# torchvision's networks of these names undo ImageNet's mean and std and put 0.5 in their place; ours are built without
# that step (see torchvision_nets.build), so the card says 0.5 at once.
_HALVES = ("googlenet", "inception_v3")
_LICENCE = "BSD-3-Clause, as torchvision's; trained on ImageNet-1k, whose own terms apply"


def _enum(architecture: str, name: str) -> Any:
    """The member of torchvision's enum. Raises `FetchError` with the known names."""
    known = list(torchvision.models.get_model_weights(architecture).__members__)
    if name not in known:
        raise FetchError(
            f"torchvision has no weights {name!r} for {architecture!r}{nearest(name, known)}; it has: "
            + ", ".join(known)
        )
    member = torchvision.models.get_model_weights(architecture)[name]
    if not member.meta.get("categories"):
        raise FetchError(f"torchvision's weights {name!r} of {architecture!r} have no last layer; take others")
    return member


def url_of(architecture: str, name: str) -> str:
    """Where torchvision has these weights. Raises `FetchError` for a name that isn't in the enum."""
    return str(_enum(architecture, name).url)


def file_name(url: str) -> str:
    return url.rpartition("/")[2]


def fetch(url: str, path: Path) -> None:
    """Downloads `url` to `path`, whole or not at all, if its sha256 begins as its name says (`…-1a2b3c4d.pth`).

    Raises `FetchError`.
    """
    wanted = _checksum_in(url)
    if not path.parent.is_dir():
        raise FetchError(f"there is no folder {str(path.parent)!r} for {path.name!r}; make it, or name another")
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=wanted, progress=sys.stderr.isatty())
    except (urllib.error.URLError, HTTPException, TimeoutError, RuntimeError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(
            f"{path.name!r} isn't in the folder of classifiers {str(path.parent)!r} and can't be fetched from {url}:"
            f" {reason}; where there is no network, fetch it elsewhere and put it there"
        ) from error


def check(url: str, path: Path) -> None:
    """Raises `FetchError` unless the sha256 of the file at `path` begins as the name of `url` says."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if not actual.startswith(_checksum_in(url)):
        raise FetchError(
            f"the file {path.name!r} isn't the one at {url}: its sha256 is {actual}; remove it, so that it is fetched"
            " again, or remove weights_enum from the table and say where the file is from"
        )


def _checksum_in(url: str) -> str:
    match = torch.hub.HASH_REGEX.search(file_name(url))
    if match is None:
        raise FetchError(f"{url} has no checksum in its name; fetch it yourself, and name the file and its sha256")
    return str(match.group(1))


def facts(architecture: str, name: str) -> dict[str, Any]:
    """What torchvision says of these weights, as a roster's table has it: all but name, family and architecture.

    The labels are ImageNet's class indices in the vocabulary `imagenet-1k`, for some of the names stand for
    two classes. Raises `FetchError`.
    """
    member = _enum(architecture, name)
    preset = member.transforms()
    interpolation = str(preset.interpolation.value)
    if interpolation not in INTERPOLATIONS:
        raise FetchError(f"{name!r} of {architecture!r} resizes by {interpolation!r}, which a card can't say")
    halves = architecture in _HALVES
    return {
        "weights": file_name(member.url),
        "weights_enum": member.name,
        "input": {
            "resize": int(preset.resize_size[0]),
            "size": [int(preset.crop_size[0])] * 2,
            "interpolation": interpolation,
            "mean": [0.5] * 3 if halves else list(preset.mean),
            "std": [0.5] * 3 if halves else list(preset.std),
        },
        "activation": "softmax",
        "labels": {"vocabulary": "imagenet-1k", "keys": [str(n) for n in range(len(member.meta["categories"]))]},
        "source": f"torchvision's {architecture} {member.name}, {member.url}",
        "licence": str(member.meta.get("license") or _LICENCE),
        "quality": {"reported by torchvision": member.meta["_metrics"]},
    }
