"""Pictures as files, and what is wrong with some of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SECRETS = (b"A title that gives it away", b"Ann Author")


def encoded(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def photo(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Smooth colours, others for each seed, brighter at the top."""
    draw = np.random.default_rng(seed)
    small = draw.integers(0, 128, (6, 8, 3), dtype=np.uint8)
    small[:2] += 120
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def jpeg(seed: int = 0, size: tuple[int, int] = (96, 64), **options: Any) -> bytes:
    return encoded(photo(seed, size), "JPEG", **{"quality": 90, **options})


def with_notes(orientation: int = 1) -> bytes:
    """A JPEG that tells its title, its author and how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRETS[0].decode()
    exif[0x013B] = SECRETS[1].decode()
    return jpeg(exif=exif, comment=SECRETS[0], xmp=b"<x:xmpmeta>" + SECRETS[1] + b"</x:xmpmeta>")


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few thousand bytes that unfolds to gigapixels of black."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9)) + chunk(b"IEND", b"")


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
