"""Reads pictures out of the storage by a key relative to its root; what is wrong with one is said as a value."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import fsspec
from PIL import Image

from models_zoo.pictures import UnreadablePictureError, decode
from scoring.contract import MISSING_IMAGE, UNREADABLE_IMAGE, ImageRef

MAX_BYTES = 50 * 1024 * 1024
PAUSES = (0.3, 1.5)  # seconds before another try at a storage in trouble

# A storage that doesn't answer must not hold a worker for the minutes that the driver's own patience would take.
S3_PATIENCE = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 1}}}


class PictureError(Exception):
    """An expected failure of one picture: `code` out of `contract.ERRORS` and `detail` in words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class StorageTroubleError(Exception):
    """The storage itself can't be read (a time-out, no permission), also after some tries; nothing is wrong with the
    picture, so it is to be asked for again."""


class PictureStore:
    """The picture storage: a local folder, or anything that fsspec has a driver for (`s3://bucket/pictures`).

    For use by several threads at once. `pauses`: how long to wait before each further try, in seconds.
    """

    def __init__(self, images_url: str, *, max_bytes: int = MAX_BYTES, pauses: Sequence[float] = PAUSES) -> None:
        self.url = images_url
        options: dict[str, Any] = S3_PATIENCE if images_url.startswith(("s3://", "s3a://")) else {}
        self._files, root = fsspec.core.url_to_fs(images_url, **options)
        if options:
            self._files.retries = 1  # s3fs's own tries, each of which would take that time
        self._root = str(root).rstrip("/")
        self._max_bytes = max_bytes
        self._pauses = tuple(pauses)

    def picture(self, ref: ImageRef) -> Image.Image:
        """The picture of `ref` as upright RGB, decoded in full. Raises as `read` and `decoded` do."""
        return decoded(self.read(ref))

    def read(self, ref: ImageRef) -> bytes:
        """The file of `ref`.

        Raises `PictureError` if there is none, the key leads out of the storage, it is too large, or not the
        registered file; and `StorageTroubleError`.
        """
        check_key(ref.key)
        data = self._read_patiently(ref.key)
        if ref.sha256 and hashlib.sha256(data).hexdigest() != ref.sha256:
            raise PictureError(UNREADABLE_IMAGE, "the file isn't the one that was registered: its checksum differs")
        return data

    def _read_patiently(self, key: str) -> bytes:
        for pause in self._pauses:
            try:
                return self._read(key)
            except PictureError:
                raise
            except Exception:  # drivers raise anything; the last try tells
                time.sleep(pause)
        try:
            return self._read(key)
        except PictureError:
            raise
        except Exception as error:
            raise StorageTroubleError(f"{key!r} can't be read: {type(error).__name__}: {error}") from error

    def _read(self, key: str) -> bytes:
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


def decoded(data: bytes, *, least_side: int = 0) -> Image.Image:
    """`models_zoo.pictures.decode`; raises `PictureError` for what is no readable picture."""
    try:
        return decode(data, least_side=least_side)
    except UnreadablePictureError as error:
        raise PictureError(UNREADABLE_IMAGE, str(error)) from error


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
