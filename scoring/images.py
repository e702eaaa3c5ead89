"""Reads pictures out of the storage by a key relative to its root; what is wrong with one is said as a value."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import fsspec
from PIL import Image

from models_zoo.pictures import UnreadablePictureError, decode
from scoring.contract import MISSING_IMAGE, UNREADABLE_IMAGE, ImageRef

MAX_BYTES = 50 * 1024 * 1024


class PictureError(Exception):
    """An expected failure of one picture: `code` out of `contract.ERRORS` and `detail` in words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class PictureStore:
    """The picture storage: a local folder, or anything that fsspec has a driver for (`s3://bucket/pictures`)."""

    def __init__(self, images_url: str, *, max_bytes: int = MAX_BYTES) -> None:
        self._files, root = fsspec.core.url_to_fs(images_url)
        self._root = str(root).rstrip("/")
        self._max_bytes = max_bytes

    def picture(self, ref: ImageRef) -> Image.Image:
        """The picture of `ref` as upright RGB.

        Raises `PictureError` if there is none, the key leads out of the storage, it is too large, not the
        registered file or no readable picture. Trouble with the storage itself (a time-out, no permission) is a
        surprise and raises what the driver raises.
        """
        data = self._read(ref.key)
        if ref.sha256 and hashlib.sha256(data).hexdigest() != ref.sha256:
            raise PictureError(UNREADABLE_IMAGE, "the file isn't the one that was registered: its checksum differs")
        try:
            return decode(data)
        except UnreadablePictureError as error:
            raise PictureError(UNREADABLE_IMAGE, str(error)) from error

    def _read(self, key: str) -> bytes:
        check_key(key)
        try:
            with self._files.open(f"{self._root}/{key}", "rb") as file:
                data: bytes = file.read(self._max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise PictureError(MISSING_IMAGE, f"there is no file {key!r} in the picture storage") from error
        except IsADirectoryError as error:
            raise PictureError(MISSING_IMAGE, f"{key!r} is a folder in the picture storage, not a file") from error
        if len(data) > self._max_bytes:
            limit = self._max_bytes / 1024 / 1024
            raise PictureError(UNREADABLE_IMAGE, f"the file is larger than {limit:g} MB")
        return data


def check_key(key: str) -> None:
    """Raises `PictureError` unless `key` is a plain relative path with forward slashes that stays below its root."""
    parts = PurePosixPath(key).parts
    if (
        not parts
        or key.startswith(("/", "~"))
        or ".." in parts
        or "://" in key
        or "::" in key
        or "\\" in key
        or "\0" in key
    ):
        raise PictureError(MISSING_IMAGE, f"{key!r} is no plain path below the root of the picture storage")
