"""Bytes that somebody says are a picture: whether they are, and what of them is kept.

How a picture is decoded has one home, `models_zoo.pictures`, which knows no torch: classifiers and people see the same.
"""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from os import cpu_count

from PIL import Image, UnidentifiedImageError

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.metadata import UPRIGHT, NotStrippable, orientation_of, with_orientation, without_metadata
from cats4ml.catalog.recording import signed_hash
from models_zoo.pictures import FORMATS, MAX_PIXELS, UnreadablePictureError, decode, perceptual_hash

MAX_BYTES = 50 * 1024 * 1024  # as `scoring.images` has it
THUMBNAIL_SIDE = 320
SUFFIXES = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "AVIF": ".avif"
}  # fmt: skip
# The EXIF note that says to turn a picture counterclockwise by so many degrees.
TURNING_NOTES = {90: 8, 180: 3, 270: 6}

TOO_LARGE = "too_large"
NOT_A_PICTURE = "not_a_picture"
DAMAGED = "damaged"

# A large picture takes hundreds of megabytes while it is looked at: no more of them at once than there are cores.
_looking = threading.BoundedSemaphore(cpu_count() or 1)


class PictureRefused(Exception):
    """What is wrong with a picture: `reason` is a code, `detail` says it in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Examined:
    """A picture that is whole. `content` is what is kept as its file, under `suffix`, and `sha256` is of that.

    `width` and `height` are those of the picture upright. `upright`: a version for people, where they can't be shown
    the file itself. `perceptual_hash` as `catalog_image` keeps it; `thumbnail` is upright.
    """

    content: bytes
    suffix: str
    sha256: str
    width: int
    height: int
    perceptual_hash: int
    thumbnail: bytes
    upright: bytes | None


@dataclass(frozen=True)
class Stored:
    """Where the files of a picture lie in the storage, and what is known of it."""

    file: str
    sha256: str
    width: int
    height: int
    perceptual_hash: int
    thumbnail: str
    upright: str


def examine(content: bytes, *, rotation: int = 0) -> Examined:
    """Look at a picture's bytes whole: is it one, and what does the platform keep of it?

    `rotation`: the degrees by which its pixels are to be turned counterclockwise (Open Images' `Rotation`). Where the
    file has an EXIF note of its own, that note says how it lies and `rotation` is left out: both tell of the same
    camera, and to heed both would turn it twice. The note is written into the file, so that the scoring worker, which
    gets nothing but the file, sees the picture as people do; a JPEG's pixels stay as they were published.
    Raises `PictureRefused` for all but a whole picture of a known format and size, whatever it is called.
    """
    kind, animated = _kind_of(content)
    if rotation and orientation_of(content) == UPRIGHT:
        content, kind, animated = _turned(content, kind, rotation)
    with _looking:
        picture = _decoded(content)
        lies = orientation_of(content) != UPRIGHT
        shown = lies or animated or kind not in ("JPEG", "PNG", "WEBP")
        return Examined(
            content=content,
            suffix=SUFFIXES[kind],
            sha256=hashlib.sha256(content).hexdigest(),
            width=picture.width,
            height=picture.height,
            perceptual_hash=signed_hash(perceptual_hash(picture)),
            thumbnail=_thumbnail(picture),
            upright=_encoded(picture) if shown else None,
        )


def check(content: bytes) -> None:
    """Raises `PictureRefused` as `examine` does, at half its cost."""
    _kind_of(content)
    with _looking:
        _decoded(content)


def store(examined: Examined) -> Stored:
    """Keep the files of a picture. Twice is once. Raises what the storage raises; then nothing points to them."""
    thumbnail, _ = store_picture(content=examined.thumbnail, suffix=".jpg")
    upright, _ = store_picture(content=examined.upright, suffix=".jpg") if examined.upright else ("", "")
    file, sha256 = store_picture(content=examined.content, suffix=examined.suffix)
    return Stored(
        file=file,
        sha256=sha256,
        width=examined.width,
        height=examined.height,
        perceptual_hash=examined.perceptual_hash,
        thumbnail=thumbnail,
        upright=upright,
    )


def presentable(content: bytes) -> tuple[bytes, str]:
    """A stored file as people get it: without metadata, in a format that browsers show; and its media type.

    Most files are only cut, not decoded. Raises `PictureRefused` where it is no whole picture.
    """
    kind, animated = _kind_of(content)
    if kind in ("JPEG", "PNG", "WEBP") and not animated:
        try:
            return without_metadata(content), f"image/{kind.lower()}"
        except NotStrippable:
            pass
    picture = _decoded(content)
    if kind == "JPEG":
        return _encoded(picture), "image/jpeg"
    return _as_png(picture), "image/png"


def _kind_of(content: bytes) -> tuple[str, bool]:
    """The format by the bytes themselves, and whether it is an animation. Only the header is read."""
    if len(content) > MAX_BYTES:
        raise PictureRefused(TOO_LARGE, f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            kind = "JPEG" if image.format == "MPO" else str(image.format)
            frames = getattr(image, "n_frames", 1) if kind in ("PNG", "WEBP", "GIF") else 1
    except UnidentifiedImageError as error:
        raise PictureRefused(
            NOT_A_PICTURE, f"the file is no picture in a known format ({', '.join(FORMATS)})"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureRefused(TOO_LARGE, f"the picture has too many pixels; at most {MAX_PIXELS} are read") from error
    except Exception as error:  # only the bytes can be at fault here, and Pillow's readers raise anything
        raise PictureRefused(DAMAGED, f"the picture is damaged: {error or type(error).__name__}") from error
    if width * height > MAX_PIXELS:
        raise PictureRefused(TOO_LARGE, f"the picture has {width} x {height} pixels; at most {MAX_PIXELS} are read")
    return kind, frames > 1


def _decoded(content: bytes) -> Image.Image:
    """The pixels and their colours' profile, without what else the file says: Pillow would write it out again."""
    try:
        picture = decode(content)
    except UnreadablePictureError as error:
        raise PictureRefused(DAMAGED, str(error)) from error
    profile = picture.info.get("icc_profile") or b""
    # The profile of a CMYK file says nothing of the RGB that became of it.
    picture.info = {"icc_profile": profile} if profile[16:20] == b"RGB " else {}
    return picture


def _turned(content: bytes, kind: str, rotation: int) -> tuple[bytes, str, bool]:
    """A JPEG gets a note, its pixels as they were. What has no such note that everybody heeds is turned itself."""
    if kind == "JPEG":
        try:
            return with_orientation(content, TURNING_NOTES[rotation]), kind, False
        except NotStrippable:
            pass
    with _looking:
        picture = _decoded(content).rotate(rotation, expand=True)
    return _as_png(picture), "PNG", False


def _thumbnail(picture: Image.Image) -> bytes:
    small = picture.copy()
    small.info = {}  # a profile may be larger than the thumbnail
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return _encoded(small, quality=78)


def _encoded(picture: Image.Image, *, quality: int = 92) -> bytes:
    buffer = io.BytesIO()
    profile = picture.info.get("icc_profile", b"")
    picture.save(buffer, "JPEG", quality=quality, optimize=True, icc_profile=profile)
    return buffer.getvalue()


def _as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", icc_profile=picture.info.get("icc_profile", b""))
    return buffer.getvalue()
