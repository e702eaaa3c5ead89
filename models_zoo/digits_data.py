"""The demo's pictures: scikit-learn's 1,797 real scans of handwritten digits, 8 x 8 pixels, made large enough to read.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI machine learning repository (1998),
CC BY 4.0; the test part, as scikit-learn ships it.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

Scans = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]

CELLS = 10  # a scan's 8 x 8 cells, and a margin of one
CELL = 26  # pixels a cell: 260 x 260, large enough for a person and a multiple of what the classifiers take
INK = 16.0  # a scan's values run from 0 (paper) to 16 (ink)


def load_scans() -> tuple[Scans, list[int]]:
    """float32 [1797, 8, 8] of 0 to 16, and the digit that each was written as."""
    data = load_digits()
    return data.images.astype(np.float32), [int(digit) for digit in data.target]


def split_in_halves(digits: list[int], *, seed: int) -> tuple[list[int], list[int]]:
    """Indexes of two halves with the same share of every digit, drawn by `seed`: (training, target)."""
    draw = np.random.default_rng(seed)
    training: list[int] = []
    target: list[int] = []
    for digit in sorted(set(digits)):
        drawn = draw.permutation([index for index, other in enumerate(digits) if other == digit]).tolist()
        training += drawn[: len(drawn) // 2]
        target += drawn[len(drawn) // 2 :]
    return training, target


def image_id(index: int, *, seed: int) -> str:
    """16 hex digits that say nothing of the digit nor of the scan's place in the set, as Open Images' ids do."""
    return hmac.digest(f"digits {seed}".encode(), str(index).encode(), hashlib.sha256).hex()[:16]


def render(scan: Scans) -> Image.Image:
    """A scan as a person can read it: 260 x 260 RGB, dark ink on white.

    Lanczos makes it large, an unsharp mask of one cell's width brings back the small holes of a 6 or an 8, and a
    smooth step makes the strokes' edges crisp. Nothing is drawn that the scan doesn't have.
    """
    ink = np.pad(scan / INK, 1).astype(np.float32)
    large = np.asarray(Image.fromarray(ink).resize((CELLS * CELL, CELLS * CELL), Image.Resampling.LANCZOS))
    grey = _smooth_step(2 * large - _blurred(large), low=0.05, high=1.0)
    return Image.fromarray(np.rint(255 * (1 - grey)).astype(np.uint8)).convert("RGB")


def _blurred(ink: Floats) -> Floats:
    bytes_ = Image.fromarray(np.rint(255 * ink.clip(0, 1)).astype(np.uint8))
    return np.asarray(bytes_.filter(ImageFilter.GaussianBlur(CELL)), dtype=np.float32) / np.float32(255)


def _smooth_step(values: Floats, *, low: float, high: float) -> Floats:
    """0 at `low` and below, 1 at `high` and above, level at both ends."""
    share: Floats = ((values - low) / (high - low)).clip(0, 1)
    return share * share * (3 - 2 * share)
