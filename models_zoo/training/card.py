"""Writes a head: its weights as a state dict, and a roster of one with its card."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models_zoo.architectures import HEAD
from models_zoo.card_parts import PLATT, Backbone
from models_zoo.card_parts import TEMPERATURE as TEMPERATURE_KEY
from models_zoo.spec import ClassifierSpec, InputSpec
from models_zoo.training.calibrating import TEMPERATURE, Correction
from models_zoo.training.fitting import Heads

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def state_bytes(heads: Heads) -> bytes:
    """The state dict {weight float32 [L, D], bias float32 [L]} as a file; the same heads give the same bytes."""
    buffer = io.BytesIO()
    state = {"weight": torch.from_numpy(heads.weight).float(), "bias": torch.from_numpy(heads.bias).float()}
    torch.save(state, buffer)
    return buffer.getvalue()


def card_of(
    *,
    name: str,
    weights: str,
    sha256: str,
    backbone: Backbone,
    picture: InputSpec,
    correction: Correction,
    vocabulary: str,
    labels: Sequence[str],
    source: str,
    licence: str,
    quality: Mapping[str, Any],
) -> ClassifierSpec:
    """The card of the head, checked as every card is. Raises `FieldError`."""
    calibration: dict[str, Any] = {
        "method": PLATT,
        "scale": correction.scale.tolist(),
        "offset": correction.offset.tolist(),
    }
    if correction.method == TEMPERATURE:
        calibration = {"method": TEMPERATURE_KEY, "temperature": float(1 / correction.scale[0])}
    return ClassifierSpec.from_dict(
        {
            "name": name,
            "family": HEAD,
            "weights": weights,
            "sha256": sha256,
            "input": picture.to_dict(),
            "activation": "sigmoid",
            "vocabulary": vocabulary,
            "labels": list(labels),
            "source": source,
            "licence": licence,
            "calibration": calibration,
            "backbone": backbone.to_dict(),
            "quality": dict(quality),
        }
    )


def roster_text(spec: ClassifierSpec) -> str:
    """A roster with this one head, as `models_zoo.roster` reads it back."""
    card = spec.to_dict()
    labels = {"vocabulary": card.pop("vocabulary"), "keys": card.pop("labels")}
    for derived in ("architecture", "outputs", "labels_sha256", "digest"):
        card.pop(derived)
    if not card["backbone"]["architecture"]:
        del card["backbone"]["architecture"]
    quality = card.pop("quality", {})
    return "".join(_lines("classifier", {**card, "labels": labels, "quality": quality}, head="[[classifier]]"))


def _lines(path: str, table: Mapping[str, Any], *, head: str) -> list[str]:
    """A TOML table: its own keys first, then the tables in it."""
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{head}\n", *(f"{_key(key)} = {_value(table[key])}\n" for key in table if key not in inner), "\n"]
    for key, value in inner.items():
        below = f"{path}.{_key(key)}"
        lines += _lines(below, value, head=f"[{below}]")
    return lines


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    """JSON's texts, numbers and lists are TOML's too, but for one character that TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def write_whole(path: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def copy_beside(weights: str, sha256: str, source: Path, target: Path) -> bool:
    """Has the backbone's weights in `target` too, where that is another folder; says whether they were copied.

    Raises `FileExistsError` if another file of that name is there.
    """
    there = target / weights
    if not weights or (source / weights).resolve() == there.resolve():
        return False
    if there.exists():
        with there.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise FileExistsError(f"{there}: another file than the backbone's weights; name another --out-dir")
        return False
    there.parent.mkdir(parents=True, exist_ok=True)
    partial = there.with_name(f".{there.name}.partial")
    shutil.copyfile(source / weights, partial)
    partial.replace(there)
    return True
