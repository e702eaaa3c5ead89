"""Inputs on which two ways to run one classifier are compared: noise, ramps, flat, photographs where there are some."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from models_zoo.card_parts import CHANNELS, InputSpec
from models_zoo.preprocess import Pixels, pixels

_SEED = 20210211


def sample_inputs(spec: InputSpec) -> Pixels:
    """uint8 [N, height, width, channels], N from 5 to 11, the same at every call."""
    width, height = spec.size
    channels = CHANNELS[spec.colour]
    draw = np.random.default_rng(_SEED)
    ramp = np.linspace(0, 255, width, dtype=np.uint8)[np.newaxis, :, np.newaxis]
    made = [
        draw.integers(0, 256, (height, width, channels), dtype=np.uint8),
        draw.integers(100, 156, (height, width, channels), dtype=np.uint8),
        np.broadcast_to(ramp, (height, width, channels)),
        np.zeros((height, width, channels), dtype=np.uint8),
        np.full((height, width, channels), 255, dtype=np.uint8),
    ]
    return np.stack([*made, *(pixels(photograph, spec) for photograph in _photographs())])


@functools.cache
def _photographs() -> tuple[Image.Image, ...]:
    """Thirds of the two photographs that scikit-learn ships; none where it isn't installed."""
    found = importlib.util.find_spec("sklearn")
    folders = (
        [Path(place) / "datasets" / "images" for place in (found.submodule_search_locations or ())] if found else []
    )
    thirds: list[Image.Image] = []
    for path in sorted(path for folder in folders for path in folder.glob("*.jpg")):
        with Image.open(path) as image:
            picture = image.convert("RGB")
        step = picture.width // 3
        thirds += [picture.crop((step * part, 0, step * (part + 1), picture.height)) for part in range(3)]
    return tuple(thirds)
