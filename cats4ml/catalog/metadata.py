"""Takes out of a picture's file what is not the picture: its author, its title, where it was taken.

Nothing is decoded: the compressed pixels stay as they are, to the byte.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

ORIENTATION = 0x0112
UPRIGHT = 1
_JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN, _END = 0xDA, 0xD9
# Beside the pixels a JPEG keeps its colours: the profile, and how Adobe's three or four channels are meant.
_EXIF, _PROFILE, _ADOBE, _COMMENT = 0xE1, 0xE2, 0xEE, 0xFE
_KEPT_APPS = {0xE0: b"JFIF\0", _PROFILE: b"ICC_PROFILE\0", _ADOBE: b"Adobe"}
# Within a scan, 0xFF is followed by 0 (a pixel's byte) or by a restart; anything else ends the scan.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_KEPT = frozenset(
    (
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
        b"cICP",
    )
)
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"))
_WEBP_NOTES = 0x08 | 0x04  # the flags of EXIF and XMP


class NotStrippable(ValueError):
    """This file can't be taken apart here: decode it and write it anew."""


def orientation_of(content: bytes) -> int:
    """The EXIF note of how the picture is to be turned, 1 to 8, as `models_zoo.pictures.decode` reads it; else 1."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            note = image.getexif().get(ORIENTATION, UPRIGHT)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error, OverflowError):
        return UPRIGHT  # a broken note leaves the picture as it lies, as `decode` does
    return note if note in range(1, 9) else UPRIGHT


def without_metadata(content: bytes) -> bytes:
    """The same picture without notes, texts and hidden second pictures; it lies as it lay.

    Raises `NotStrippable` for all but a whole JPEG, PNG or still WebP.
    """
    try:
        if content.startswith(_JPEG):
            return with_orientation(content, orientation_of(content))
        if content.startswith(_PNG) and orientation_of(content) == UPRIGHT:
            return _plain_png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP" and orientation_of(content) == UPRIGHT:
            return _plain_webp(content)
    except (IndexError, struct.error) as error:
        raise NotStrippable("the file breaks off") from error
    raise NotStrippable("a file of another kind")


def with_orientation(content: bytes, orientation: int) -> bytes:
    """The JPEG without metadata, but for a note that says to turn it so. Raises `NotStrippable` for what is none."""
    if not content.startswith(_JPEG):
        raise NotStrippable("not a JPEG")
    try:
        parts = [content[start:end] for marker, start, end in _segments(content) if _is_kept(marker, content, start)]
    except IndexError as error:
        raise NotStrippable("the file breaks off") from error
    first = 1 if parts and parts[0][1] == 0xE0 else 0
    return b"".join([_JPEG, *parts[:first], _note(orientation), *parts[first:]])


def _note(orientation: int) -> bytes:
    """An EXIF segment of one entry."""
    if orientation == UPRIGHT:
        return b""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)
    return struct.pack(">BBH", 0xFF, _EXIF, 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff


def _is_kept(marker: int, content: bytes, start: int) -> bool:
    if marker == _COMMENT:
        return False
    if 0xE0 <= marker <= 0xEF:
        known = _KEPT_APPS.get(marker)
        return known is not None and content.startswith(known, start + 4)
    return True


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each part of a JPEG; a scan goes with its header. What follows the end is left out."""
    place = 2
    while True:
        start = place
        if content[place] != 0xFF:
            raise NotStrippable("not a proper JPEG")
        while content[place] == 0xFF:
            place += 1
        marker = content[place]
        if marker == _END:
            yield marker, place - 1, place + 1
            return
        end = place + 1 + (content[place + 1] << 8 | content[place + 2])
        if marker == _START_OF_SCAN:
            found = _NEXT_MARKER.search(content, end)
            if found is None:  # some cameras leave the end out
                yield marker, place - 1, len(content)
                return
            end = found.start()
        if end > len(content) or end <= start:
            raise NotStrippable("not a proper JPEG")
        yield marker, place - 1, end
        place = end


def _plain_png(content: bytes) -> bytes:
    parts, place = [_PNG], len(_PNG)
    while True:
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise NotStrippable("the file breaks off")
        if name in _PNG_KEPT:
            parts.append(_without_profile_name(content[place:end]) if name == b"iCCP" else content[place:end])
        place = end
        if name == b"IEND":
            return b"".join(parts)


def _without_profile_name(chunk: bytes) -> bytes:
    """The colour profile under a name that tells nothing."""
    _, _, profile = chunk[8:-4].partition(b"\0")
    body = b"iCCP" + b"profile\0" + profile
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _plain_webp(content: bytes) -> bytes:
    parts, place = [], 12
    size = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    while place + 8 <= size:
        name, length = struct.unpack_from("<4sI", content, place)
        end = place + 8 + length + length % 2
        if name == b"ANIM":
            raise NotStrippable("an animation")
        if name in _WEBP_KEPT:
            chunk = content[place:end]
            parts.append(chunk[:8] + bytes([chunk[8] & ~_WEBP_NOTES]) + chunk[9:] if name == b"VP8X" else chunk)
        place = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body
