from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models_zoo.pictures import UnreadablePictureError, decode

Colour = tuple[int, int, int]


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def close_to(pixel: Any, colour: Colour) -> bool:
    """JPEG changes colours a little."""
    return all(abs(a - b) <= 3 for a, b in zip(pixel, colour, strict=True))


def left_red_right_blue() -> Image.Image:
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    return image


def test_a_picture_is_turned_upright_by_its_exif_note() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image = decode(encoded(left_red_right_blue(), "JPEG", exif=exif, quality=95))
    assert image.size == (20, 40)
    assert close_to(image.getpixel((10, 5)), (254, 0, 0))
    assert close_to(image.getpixel((10, 35)), (0, 0, 254))


def test_a_broken_exif_note_leaves_the_picture_as_it_lies() -> None:
    image = decode(encoded(left_red_right_blue(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff", quality=95))
    assert image.size == (40, 20)


def test_cmyk_becomes_rgb() -> None:
    image = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert close_to(image.getpixel((4, 4)), (254, 0, 0))


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (0xFFFF, 255), (0x8080, 128), (257 * 3, 3)])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(value: int, grey: int, form: str) -> None:
    image = decode(encoded(Image.fromarray(np.full((4, 4), value, dtype=np.uint16)), form))
    assert (image.mode, image.getpixel((1, 1))) == ("RGB", (grey, grey, grey))


def test_floating_point_pixels_are_refused_in_words() -> None:
    data = encoded(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF")
    with pytest.raises(UnreadablePictureError, match="floating-point values"):
        decode(data)


def test_transparent_parts_are_white() -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half.paste((0, 0, 255, 255), (0, 0, 2, 4))
    image = decode(encoded(half, "PNG"))
    assert [image.getpixel((x, 0)) for x in (0, 3)] == [(0, 0, 255), (255, 255, 255)]


def test_a_palette_and_its_transparent_colour_are_resolved() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (0, 0, 2, 4))
    opaque, clear = decode(encoded(image, "PNG")), decode(encoded(image, "PNG", transparency=0))
    assert [opaque.getpixel((x, 0)) for x in (0, 3)] == [(200, 100, 50), (10, 20, 30)]
    assert [clear.getpixel((x, 0)) for x in (0, 3)] == [(200, 100, 50), (255, 255, 255)]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100, **options)
    assert decode(data).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA"])
def test_every_common_mode_becomes_rgb(mode: str) -> None:
    assert decode(encoded(Image.new(mode, (3, 3)), "PNG")).mode == "RGB"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the file is empty"),
        (b"<html>404</html>", "the file is no picture in a known format (JPEG, PNG"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:900], "the picture is damaged: "),
        (encoded(Image.effect_noise((64, 64), 50), "PNG")[:900], "the picture is damaged: "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "the file is no picture in a known format"),
    ],
    ids=["empty", "a page", "half a JPEG", "half a PNG", "EPS"],
)
def test_what_is_no_whole_picture_is_refused_in_words(data: bytes, text: str) -> None:
    with pytest.raises(UnreadablePictureError) as caught:
        decode(data)
    assert text in str(caught.value)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly any data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    ihdr = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + ihdr + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8000, 8000), (12000, 9000), (60000, 60000)])
def test_a_decompression_bomb_is_refused_before_it_unfolds(size: tuple[int, int]) -> None:
    with pytest.raises(UnreadablePictureError, match="pixels; at most 50000000 are read"):
        decode(png_header(*size))
