"""Bytes of a picture file to an upright RGB picture. What is wrong with a file is said in words."""

from __future__ import annotations

import io
import struct

import imagehash
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

HASH_SIDE = 128  # pixels; the hash looks at 32

MAX_PIXELS = 50_000_000  # 150 MB as RGB; a small file can unfold to any size

# Formats that browsers show, and TIFF, as far as this Pillow was built with them. Others are left out on purpose:
# EPS, for one, runs Ghostscript.
Image.init()
FORMATS = tuple(name for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF") if name in Image.OPEN)


class UnreadablePictureError(ValueError):
    """The bytes aren't a whole picture that can be scored; the text says why."""


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, least_side: int = 0) -> Image.Image:
    """The picture in `data` as 8-bit RGB, turned upright by its EXIF note, its transparent parts on white.

    Of an animation the first frame. With `least_side`, a JPEG is decoded at a half, a quarter or an eighth of its
    size as far as both sides keep that many pixels: quicker, but to other pixels (`benchmarks.decode_shift` shows how
    far that moves a classifier).
    Raises `UnreadablePictureError` for all but a whole picture in one of `FORMATS` of at most `max_pixels`.
    """
    if not data:
        raise UnreadablePictureError("the file is empty")
    try:
        image = _open(data, max_pixels)
        if least_side:
            image.draft(None, (least_side, least_side))
        image.load()
        return _rgb(_upright(image))
    except (UnreadablePictureError, MemoryError):
        raise
    except Exception as error:  # only the bytes can be at fault here, and Pillow's decoders raise anything
        raise UnreadablePictureError(f"the picture is damaged: {error or type(error).__name__}") from error


def perceptual_hash(picture: Image.Image) -> str:
    """64 bits as 16 hex digits that hardly change with size, compression and light: imagehash's `phash`.

    A large picture is first averaged down by a whole number to no less than `HASH_SIDE` pixels a side, which costs a
    tenth and moves at most a few bits.
    """
    factor = min(picture.size) // HASH_SIDE
    return str(imagehash.phash(picture.reduce(factor) if factor > 1 else picture))


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Reads the header only. Raises `UnreadablePictureError` for an unknown format or too many pixels."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadablePictureError(f"the file is no picture in a known format ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError(f"the picture has too many pixels; at most {max_pixels} are read") from error
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadablePictureError(f"the picture has {width} x {height} pixels; at most {max_pixels} are read")
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error, OverflowError):
        return image  # a broken note leaves the picture as it lies, as browsers do


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadablePictureError("the picture has floating-point values, of which none is known to be white")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow's own conversion would clip at 255, to 8 bits."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UnreadablePictureError("the picture has more than 16 bits a channel")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
