"""Rows of earlier releases whose picture was taken down: well-formed, and none of their pictures is here."""

from __future__ import annotations

import hashlib
import re

from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.reading import csv_lines
from cats4ml_client.verifying.tables import IMAGE_COLUMNS

TOMBSTONES = "tombstones.csv"
TOMBSTONE_COLUMNS = ("release", "position", "image_sha256", "row_sha256", "kind", "taken_down_at")
_DIGEST = re.compile("[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def check_tombstones(place: Place, part: str) -> int:
    """Returns how many there are; a release need have none. Raises `Difference`."""
    name = f"{part}/{TOMBSTONES}"
    if name not in place.names:
        return 0
    buried = {}
    for line in csv_lines(place, name, TOMBSTONE_COLUMNS):
        _version, position, image, row, _kind, day = line.cells
        if not position.isascii() or not position.isdecimal() or not _DIGEST.fullmatch(image):
            raise line.differs("A tombstone should have a position and the SHA-256 of an id.", found=position)
        if (row and not _DIGEST.fullmatch(row)) or not _DAY.fullmatch(day):
            raise line.differs("A tombstone should have the SHA-256 of a row, or none, and a day.", found=day)
        buried[image] = line
    for one in csv_lines(place, f"{part}/images.csv", IMAGE_COLUMNS):
        digest = hashlib.sha256(one.cells[0].encode()).hexdigest()
        if digest in buried:
            raise buried[digest].differs("A picture that was taken down is in the release.", found=one.cells[0])
    return len(buried)
