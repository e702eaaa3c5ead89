"""The parts of a classifier card: input, calibration, backbone, remote endpoint. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from models_zoo.architectures import ARCHITECTURES, BACKBONES, TORCHVISION
from models_zoo.fields import FieldError, Fields, nearest

INTERPOLATIONS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
CHANNELS = {"rgb": 3, "grey": 1}
FULL, REDUCED = "full", "reduced"
DECODES = (FULL, REDUCED)
TEMPERATURE, PLATT = "temperature", "platt"
SHIFT = "decode_shift_"  # begins the keys of `quality` that a reduced decode needs

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENUM = re.compile(r"[A-Z][A-Z0-9_]*")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class InputSpec:
    """How a decoded picture becomes a classifier's input.

    `resize`: pixels of the shorter side (the shape is kept), or (width, height). `size`: (width, height) of the
    input, cut out of the middle of the resized picture. `interpolation`: a Pillow filter, which averages over
    what it makes smaller. `colour`: `rgb` or `grey`. `mean`, `std`: one number a channel, for values in [0, 1].
    `decode`: `full`, or `reduced` for a JPEG's own reduced decoding, which changes pixels a little.
    """

    resize: int | tuple[int, int]
    size: tuple[int, int]
    interpolation: str
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    decode: str = FULL

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, as `from_dict` reads it. `decode` is there only where it isn't `full`."""
        data: dict[str, Any] = {
            "resize": self.resize if isinstance(self.resize, int) else list(self.resize),
            "size": list(self.size),
            "interpolation": self.interpolation,
            "colour": self.colour,
            "mean": list(self.mean),
            "std": list(self.std),
        }
        return data if self.decode == FULL else data | {"decode": self.decode}

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
            decode=fields.choice("decode", DECODES, default=FULL),
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
class Calibration:
    """How logits become honest before the activation.

    `temperature`: logits / T. `platt`: scale · logit + offset, one of each for each output; its activation is a
    sigmoid. `models_zoo.calibration` has the formulas and their sources.
    """

    method: str
    temperature: float = 1.0
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        if self.method == TEMPERATURE:
            return {"method": self.method, "temperature": self.temperature}
        return {"method": self.method, "scale": list(self.scale), "offset": list(self.offset)}

    @classmethod
    def from_dict(cls, data: Any, *, activation: str, outputs: int) -> Calibration:
        """Raises `FieldError`, its key beginning with `calibration.`."""
        fields = Fields(data, prefix="calibration")
        if activation == "none":
            raise FieldError(
                "calibration", "needs logits, and with activation 'none' the outputs are probabilities; remove it"
            )
        method = fields.choice("method", (TEMPERATURE, PLATT))
        if method == TEMPERATURE:
            spec = cls(method=method, temperature=fields.positive("temperature"))
        elif activation != "sigmoid":
            raise FieldError("calibration.method", f"'platt' is for activation 'sigmoid'; here it is {activation!r}")
        else:
            spec = cls(method=method, scale=fields.numbers("scale"), offset=fields.numbers("offset"))
            for key, values in (("scale", spec.scale), ("offset", spec.offset)):
                if len(values) != outputs:
                    raise FieldError(
                        f"calibration.{key}", f"should have {outputs} number(s), one an output; has {len(values)}"
                    )
        fields.finish()
        return spec


@dataclass(frozen=True)
class Weights:
    """A network's weights: a file inside the folder of classifiers, and its checksum.

    `enum`: the name in torchvision's own enum of the architecture, from where the file can be fetched. Without a file
    (`path` empty) the network is freshly initialised by `seed`.
    """

    path: str
    sha256: str
    enum: str = ""
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"weights": self.path}
        if self.path:
            data["sha256"] = self.sha256
        if self.enum:
            data["weights_enum"] = self.enum
        return data if self.seed is None else data | {"seed": self.seed}

    @property
    def identity(self) -> dict[str, Any]:
        """What of it is part of a digest: the bytes, wherever they lie, or the seed that stands for them."""
        return {"weights": self.sha256} if self.seed is None else {"weights": "", "seed": self.seed}

    @classmethod
    def from_fields(cls, fields: Fields, family: str) -> Weights:
        """Reads `weights`, `sha256`, `weights_enum` and `seed` as far as `family` may have them."""
        enum = ""
        if family == TORCHVISION and fields.has("weights_enum"):
            enum = fields.text("weights_enum")
            if not _ENUM.fullmatch(enum):
                raise FieldError(fields.name("weights_enum"), f"should be a name such as 'IMAGENET1K_V1', is {enum!r}")
        if ARCHITECTURES[family] and fields.has("weights") and fields.raw("weights") == "":
            if enum:
                raise FieldError(fields.name("weights"), "is empty beside weights_enum; remove the key")
            return cls(path="", sha256="", seed=fields.whole("seed"))
        return cls(path=plain_path(fields, "weights"), sha256=checksum(fields, "sha256"), enum=enum)


def plain_path(fields: Fields, key: str) -> str:
    """A path inside the folder of classifiers. Raises `FieldError` for one that leads out of it."""
    name = fields.text(key)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "://" in name or str(path) != name:
        raise FieldError(
            fields.name(key),
            f"{name!r} should be a plain path inside the folder of classifiers, such as 'squeezenet1_0.pth'",
        )
    return name


@dataclass(frozen=True)
class Backbone:
    """The frozen network under a head: one whose pooled features can be had."""

    family: str
    architecture: str
    weights: Weights

    def to_dict(self) -> dict[str, Any]:
        return {"family": self.family, "architecture": self.architecture, **self.weights.to_dict()}

    @property
    def identity(self) -> dict[str, Any]:
        """What of it is part of a digest."""
        return {"family": self.family, "architecture": self.architecture, **self.weights.identity}

    @classmethod
    def from_dict(cls, data: Any) -> Backbone:
        """Raises `FieldError`, its key beginning with `backbone.`."""
        fields = Fields(data, prefix="backbone")
        family = fields.choice("family", BACKBONES)
        backbone = cls(
            family=family, architecture=architecture(fields, family), weights=Weights.from_fields(fields, family)
        )
        fields.finish()
        return backbone


@dataclass(frozen=True)
class Remote:
    """A model behind a server that speaks the Open Inference Protocol (KServe v2) over HTTP.

    `endpoint` is an alias: which address it stands for is the worker's to know. `version` may be empty for the
    server's own choice. `max_batch`: the most pictures in one request.
    """

    endpoint: str
    model: str
    version: str
    input_name: str
    output_name: str
    max_batch: int

    def to_dict(self) -> dict[str, Any]:
        return self.identity | {"max_batch": self.max_batch}

    @property
    def identity(self) -> dict[str, Any]:
        """What of it is part of a digest."""
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "version": self.version,
            "input_name": self.input_name,
            "output_name": self.output_name,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Remote:
        for key in ("weights", "sha256"):
            if fields.has(key):
                raise FieldError(fields.name(key), "a remote classifier's weights can't be verified; remove the key")
        endpoint = fields.text("endpoint")
        if not _ALIAS.fullmatch(endpoint):
            raise FieldError(
                fields.name("endpoint"),
                f"{endpoint!r} should be an alias, such as 'triton'; its address stands in the worker's"
                " REMOTE_CLASSIFIERS",
            )
        return cls(
            endpoint=endpoint,
            model=fields.text("model"),
            version=fields.text("version", default=""),
            input_name=fields.text("input_name"),
            output_name=fields.text("output_name"),
            max_batch=fields.count("max_batch") if fields.has("max_batch") else 16,
        )


def architecture(fields: Fields, family: str) -> str:
    """A name out of the family's list; where a family has none (an exported program brings its own), empty."""
    known = ARCHITECTURES[family]
    if not known:
        if fields.text("architecture", default=""):
            raise FieldError(fields.name("architecture"), f"a classifier of family {family!r} has none; remove the key")
        return ""
    name = fields.text("architecture")
    if name not in known:
        hint = nearest(name, known) or f"; known are: {', '.join(sorted(known))}"
        raise FieldError(fields.name("architecture"), f"{name!r} is unknown in family {family!r}{hint}")
    return name


def checksum(fields: Fields, key: str) -> str:
    """64 hex digits. Raises `FieldError` for anything else."""
    value = fields.text(key)
    if not _SHA256.fullmatch(value):
        raise FieldError(fields.name(key), f"should be 64 hex digits in lower case, is {value!r}")
    return value


def quality(fields: Fields, *, decode: str) -> dict[str, Any]:
    """The table `quality` as it stands: measured figures in free keys, each a text, number, list or table.

    Raises `FieldError` for what JSON can't hold, and where a reduced decode comes without its measured shift.
    """
    table = fields.raw("quality") if fields.has("quality") else {}
    if not isinstance(table, Mapping):
        raise FieldError("quality", f"should be a table of keys and values, is {table!r}")
    _check_plain(table, "quality")
    if decode == REDUCED:
        for key in (f"{SHIFT}mean", f"{SHIFT}max"):
            value = table.get(key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise FieldError(
                    f"quality.{key}",
                    "is missing: a reduced decode changes pixels, so its card says how far it moves probabilities"
                    " (a number from 0 to 1, measured against the full decode); measure it, or use decode = 'full'",
                )
    return dict(table)


def _check_plain(value: Any, key: str) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_plain(inner, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_plain(inner, key)
    elif not (isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))):
        raise FieldError(key, f"should be a text, a finite number, a list or a table, is {value!r}")
