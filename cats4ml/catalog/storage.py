"""The folder of the pictures: a file is there whole or not at all."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

UNFINISHED = ".unfinished"
FORGOTTEN_SECONDS = 24 * 3600


class PictureFolder(FileSystemStorage):
    """Django's storage in a folder, but that a full disk or a sudden end leaves no half file under a file's name.

    A file is written elsewhere in the same folder and moved to its place in one step. Several may write the same one.
    """

    def _save(self, name: str, content: File[bytes]) -> str:
        part = f"{UNFINISHED}/{uuid.uuid4().hex}"
        place = Path(self.path(name))
        try:
            super()._save(part, content)  # type: ignore[misc]  # Django's documented hook, not in the stubs
            place.parent.mkdir(parents=True, exist_ok=True)
            Path(self.path(part)).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(self.path(part)).unlink()
            raise
        return name

    def remove_forgotten(self) -> None:
        """Remove what killed processes left unfinished a day or longer ago."""
        folder = Path(self.path(UNFINISHED))
        for part in folder.iterdir() if folder.is_dir() else ():
            with suppress(OSError):
                if part.stat().st_mtime < time.time() - FORGOTTEN_SECONDS:
                    part.unlink()
