"""Where the annotated pictures lie. Standard library only."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from models_zoo.training.labels import LabelsRefused

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""In this order, in any case, where a folder has several files for one image id."""


def find_pictures(folder: Path, wanted: Collection[str]) -> dict[str, Path]:
    """The file of each wanted image id that has one: by `images.csv` (image_id,file) in the folder, else IMAGEID.jpg.

    Raises `LabelsRefused` if the folder or its `images.csv` can't be read.
    """
    if not folder.is_dir():
        raise LabelsRefused(f"{folder}: there is no such folder of pictures; name it with --pictures")
    table = folder / "images.csv"
    found = _by_table(table, folder) if table.exists() else _by_name(folder)
    ids = sorted(set(wanted))
    return {image_id: found[image_id] for image_id in ids if image_id in found}


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    for path in sorted(files, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name)):
        found.setdefault(path.stem, path)
    return found


def _by_table(table: Path, folder: Path) -> dict[str, Path]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelsRefused(f"{table}: can't be read: {error}") from error
    found = {}
    for line, row in enumerate(rows, start=2):
        image_id, place = row.get("image_id"), PurePosixPath(row.get("file") or "")
        if not image_id or not place.parts or place.is_absolute() or ".." in place.parts:
            raise LabelsRefused(f"{table} line {line}: should have an image_id, and as file a path below {folder.name}")
        path = folder / place
        if path.is_file():
            found[image_id] = path
    return found
