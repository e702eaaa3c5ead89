from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image

from models_zoo.card_parts import InputSpec
from models_zoo.pictures import UnreadablePictureError, decode, perceptual_hash
from models_zoo.preprocess import pixels

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


def test_a_jpeg_is_decoded_at_a_half_or_less_as_far_as_both_sides_stay_large_enough() -> None:
    draw = np.random.default_rng(0)
    smooth = Image.fromarray(draw.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((1600, 1200))
    data = encoded(smooth, "JPEG", quality=95)
    assert [decode(data, least_side=side).size for side in (0, 1000, 600, 300, 150, 10)] == [
        (1600, 1200), (1600, 1200), (800, 600), (400, 300), (200, 150), (200, 150),
    ]  # fmt: skip
    full, reduced = (np.asarray(decode(data, least_side=side).resize((224, 168))) for side in (0, 168))
    assert np.abs(full.astype(int) - reduced).mean() < 1
    png = encoded(smooth, "PNG")
    assert decode(png, least_side=150).size == (1600, 1200)


def test_a_picture_turned_by_its_note_is_turned_after_a_reduced_decode_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode(encoded(left_red_right_blue().resize((400, 200)), "JPEG", exif=exif, quality=95), least_side=100)
    assert image.size == (100, 200)
    assert close_to(image.getpixel((50, 25)), (254, 0, 0))


def test_the_perceptual_hash_is_imagehashs_and_hardly_moves_with_size_and_light() -> None:
    draw = np.random.default_rng(0)
    small = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((200, 150))
    other = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((200, 150))
    assert perceptual_hash(small) == str(imagehash.phash(small))
    assert len(perceptual_hash(small)) == 16

    def apart(picture: Image.Image) -> int:
        return int(imagehash.hex_to_hash(perceptual_hash(small)) - imagehash.hex_to_hash(perceptual_hash(picture)))

    assert apart(small.resize((1600, 1200))) <= 6
    assert apart(small.point(lambda value: value * 0.8)) <= 6
    assert apart(other) > 12


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (1, 1)])
def test_a_picture_of_an_odd_shape_is_scored_like_any_other(size: tuple[int, int]) -> None:
    image = decode(encoded(Image.new("RGB", size, (10, 200, 30)), "PNG"))
    spec = InputSpec(resize=64, size=(64, 48), interpolation="bilinear", colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)
    values = pixels(image, spec)
    assert (values.shape, values.reshape(-1, 3).max(axis=0).tolist()) == ((48, 64, 3), [10, 200, 30])
    assert len(perceptual_hash(image)) == 16
