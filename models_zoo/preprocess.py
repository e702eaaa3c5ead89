"""A decoded picture to a classifier's input, as its card says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from models_zoo.card_parts import REDUCED, InputSpec

Pixels = npt.NDArray[np.uint8]

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_MODES = {"rgb": "RGB", "grey": "L"}

Geometry = tuple[int | tuple[int, int], tuple[int, int], str, str, int]


def geometry(spec: InputSpec) -> Geometry:
    """What `pixels` depends on: classifiers that have this in common can share its result."""
    return (spec.resize, spec.size, spec.interpolation, spec.colour, least_side(spec))


def least_side(spec: InputSpec) -> int:
    """For `pictures.decode`: how many pixels both sides must keep in a reduced decode; 0 for the full one.

    As many as the resized picture has, so that resizing still only makes smaller.
    """
    if spec.decode != REDUCED:
        return 0
    return spec.resize if isinstance(spec.resize, int) else max(spec.resize)


def pixels(picture: Image.Image, spec: InputSpec) -> Pixels:
    """An RGB picture resized and cut: [height, width, channels] of 0 to 255.

    Resizes only what the cut keeps, in one step: the same pixels as to resize first, but a picture of one pixel by
    a million can't unfold into a huge one.
    """
    box = kept_box(picture.size, spec)
    resized = picture.convert(_MODES[spec.colour]).resize(spec.size, _FILTERS[spec.interpolation], box=box)
    values = np.asarray(resized, dtype=np.uint8)
    return values[:, :, np.newaxis] if values.ndim == 2 else values


def kept_box(size: tuple[int, int], spec: InputSpec) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the part of a picture of `size` that the classifier sees, in its pixels.

    The middle of the resized picture, on that picture's whole pixels, rounded to the left and the top.
    """
    width, height = size
    if isinstance(spec.resize, int):
        shorter = min(width, height)
        resized = (spec.resize * width // shorter, spec.resize * height // shorter)
    else:
        resized = spec.resize
    scale = (width / resized[0], height / resized[1])
    left, top = (resized[0] - spec.size[0]) // 2, (resized[1] - spec.size[1]) // 2
    right, bottom = left + spec.size[0], top + spec.size[1]
    return left * scale[0], top * scale[1], min(right * scale[0], width), min(bottom * scale[1], height)


def normalise(batch: Tensor, spec: InputSpec, memory_format: torch.memory_format) -> Tensor:
    """uint8 [N, height, width, channels] to float32 [N, channels, height, width], on the same device."""
    mean = torch.tensor(spec.mean, device=batch.device)[:, None, None]
    std = torch.tensor(spec.std, device=batch.device)[:, None, None]
    scaled = batch.permute(0, 3, 1, 2).to(torch.float32, memory_format=memory_format) / 255
    return (scaled - mean) / std
