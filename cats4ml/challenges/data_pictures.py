"""The pictures of a small pool in one zip, with whose they are."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage

from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.ui.spreadsheets import harmless

ATTRIBUTION = "ATTRIBUTION.csv"
COLUMNS = ("ImageID", "File", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "Title")
# The same pictures are the same bytes whenever they are packed: the earliest time that a zip can say.
PACKED_AT = (1980, 1, 1, 0, 0, 0)
PICTURES_AT_A_TIME = 500


class ZipRefused(Exception):
    """Why there is no zip of these pictures, in a sentence that says what to do instead."""


def instead_of_a_zip() -> str:
    return "Fetch the pictures by the addresses in images.csv, or Open Images’ own by its downloader and images.txt."


def write_pictures(*, challenge: Challenge, file: IO[bytes], progress: Callable[[int], None]) -> None:
    """Write the zip: `<image id>.<suffix>` as they are stored, uncompressed, and a table of authors and licences.

    A picture that isn't here is in the table alone. Raises `ZipRefused` once it gets larger than `DATA_ZIP_BYTES`.
    """
    rows: list[list[str]] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
        for done, one in enumerate(_pool(challenge), start=1):
            image = one.image
            name = _add(packed, one) if image.file else ""
            texts = [image.author, image.author_url, image.license, image.landing_url, image.title]
            rows.append([one.image_key, name, *(harmless(text) for text in texts)])
            if file.tell() > settings.DATA_ZIP_BYTES:
                limit = settings.DATA_ZIP_BYTES // (1024 * 1024)
                raise ZipRefused(f"The pictures are more than {limit:,} MB together. {instead_of_a_zip()}")
            progress(done)
        packed.writestr(_entry(ATTRIBUTION), _table([list(COLUMNS), *rows]))


def _pool(challenge: Challenge) -> Iterator[PoolImage]:
    rows = shown(PoolImage.objects.filter(challenge=challenge)).select_related("image").order_by("image_key")
    return rows.iterator(chunk_size=PICTURES_AT_A_TIME)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, PACKED_AT)
    entry.external_attr = 0o644 << 16
    return entry


def _add(packed: zipfile.ZipFile, one: PoolImage) -> str:
    """Put a picture in, and give its name there; empty where the storage lacks it."""
    stored: Any = one.image.file
    # An id is any text: quoted, it can lead nowhere out of the folder that the zip is unpacked in.
    name = quote(one.image_key, safe=" ") + PurePosixPath(stored.name).suffix
    try:
        source = default_storage.open(stored.name, "rb")
    except FileNotFoundError:
        return ""
    with source, packed.open(_entry(name), "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target)
    return name


def _table(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
