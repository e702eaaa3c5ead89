"""What one row of a file says, or why it says nothing. No database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cats4ml.catalog.openimages import SOURCES
from cats4ml.catalog.openimages.files import IMAGE_COLUMNS, LABEL_COLUMNS, ROTATION
from cats4ml.catalog.openimages.records import BadRow, Broken, Lines, cells_of, shown

UNKNOWN_IMAGE = "unknown image"
UNKNOWN_LABEL = "unknown label"

_MOST_BYTES_AT_ONCE = 1 << 24
_MOST_SHARES_KEPT = 4096
_HEX = b"0123456789abcdef"
_LABEL_ID = re.compile(r"/[a-z]/[0-9a-z_]{1,76}")
_SUBSET = re.compile(r"[A-Za-z0-9_-]{1,20}")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"]+")
_MD5 = re.compile(r"[A-Za-z0-9+/]{22}==")
_SIZE = re.compile(r"[0-9]{1,15}")
_SHARE = re.compile(r"(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE]-?[0-9]{1,2})?", re.ASCII)
_ROTATIONS = {"": None, **{f"{degrees}{tail}": degrees for degrees in (0, 90, 180, 270) for tail in ("", ".0")}}
# As many characters as the columns of the tables hold. A test compares them.
LONGEST = {"name": 200, "title": 500, "author": 300, "license": 200, "url": 500}


class ClassRow(NamedTuple):
    key: str
    name: str


class ImageRow(NamedTuple):
    """What the file gives of a picture, under the names of the table's columns, in the order in which it is copied."""

    image_id: str
    subset: str
    original_url: str
    landing_url: str
    license: str
    author_url: str
    author: str
    title: str
    original_bytes: str
    original_md5: str
    thumbnail_url: str
    rotation: int | None


class LabelRow(NamedTuple):
    """One annotation; `image` is still the picture's id in its collection. `line` and `text` are for a report."""

    image: bytes
    label: int
    source: int
    confidence: float
    line: int
    text: bytes


@dataclass
class Batch:
    """Rows that were read at once. `read` counts all of them, good, bad and passed over."""

    good: list[Any] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    read: int = 0


def read_rows(lines: Lines, most: int, width: int, judge: Callable[[list[str]], Any]) -> Batch:
    """The next rows, at most so many, as `judge` reads their cells. Blank lines are no rows."""
    batch = Batch()
    stop = lines.offset + _MOST_BYTES_AT_ONCE
    while batch.read < most and lines.offset < stop and (line := lines.next()):
        number = lines.number
        if line.isspace():
            continue
        batch.read += 1
        try:
            batch.good.append(judge(cells_of(lines, line, width)))
        except Broken as error:
            batch.bad.append(BadRow(number, str(error), shown(line)))
    return batch


def class_row(cells: list[str]) -> ClassRow:
    key, name = cells[0].strip(), cells[1].strip()
    if not is_label_id(key):
        raise Broken("a label id that is none, such as /m/015p6")
    if not name:
        raise Broken("no name")
    if len(name) > LONGEST["name"]:
        raise Broken(f"a name of more than {LONGEST['name']} characters")
    return ClassRow(key, name)


def image_judge(columns: Sequence[str]) -> Callable[[list[str]], ImageRow]:
    """How to read the images of a file with these columns. Titles and authors are cut to what the table holds."""
    places = [columns.index(name) for name in IMAGE_COLUMNS]
    turned = columns.index(ROTATION) if ROTATION in columns else None

    def judge(cells: list[str]) -> ImageRow:
        image, subset, url, landing, license_, profile, author, title, size, md5, thumbnail = (
            cells[place] for place in places
        )
        image = image.lower()
        rotation = cells[turned] if turned is not None else ""
        _check_image(image, subset, size, md5, rotation)
        if len(license_) > LONGEST["license"]:
            raise Broken(f"a License of more than {LONGEST['license']} characters")
        for address in (url, landing, profile, thumbnail, license_):
            if address and not (len(address) <= LONGEST["url"] and _ADDRESS.fullmatch(address)):
                raise Broken("an address that is none: http(s)://…, without spaces, at most 500 characters")
        author, title = author[: LONGEST["author"]], title[: LONGEST["title"]]
        degrees = _ROTATIONS[rotation]
        return ImageRow(image, subset, url, landing, license_, profile, author, title, size, md5, thumbnail, degrees)

    return judge


def _check_image(image: str, subset: str, size: str, md5: str, rotation: str) -> None:
    if not is_image_id(image.encode()):
        raise Broken("an image id that is not 16 hex digits")
    if not _SUBSET.fullmatch(subset):
        raise Broken("a Subset that is none, such as train")
    if size and not _SIZE.fullmatch(size):
        raise Broken("an OriginalSize that is no whole number")
    if md5 and not _MD5.fullmatch(md5):
        raise Broken("an OriginalMD5 that is none, in base64")
    if rotation not in _ROTATIONS:
        raise Broken("a Rotation that is not 0, 90, 180 or 270")


def is_label_id(key: object) -> bool:
    return isinstance(key, str) and _LABEL_ID.fullmatch(key) is not None


def is_image_id(text: bytes) -> bool:
    return len(text) == 16 and not text.translate(None, _HEX)


def _image_id(text: bytes) -> bytes:
    if not is_image_id(text):
        raise KeyError(text)
    return text


class Shares(dict[bytes, float]):
    """Confidences by their text, with or without an end of line. `KeyError` for what is no number from 0 to 1."""

    def __missing__(self, text: bytes) -> float:
        number = text.strip().decode("ascii", "replace")
        share = float(number) if _SHARE.fullmatch(number) else 2.0
        if share > 1:
            raise KeyError(text)
        if len(self) < _MOST_SHARES_KEPT:
            self[text] = share
        return share


def read_labels(lines: Lines, most: int, columns: Sequence[str], labels: Mapping[bytes, int], shares: Shares) -> Batch:
    """The next annotations, at most `most` rows; `labels` has the row ids of the labels by their keys.

    Nearly all rows are four plain cells that the three tables know, and go the short way. No cell that one of the
    tables knows is in another, so that a row with its columns in another order can't go it.
    """
    batch = Batch()
    add = batch.good.append
    sources = {name.encode(): number for name, number in SOURCES.items()}
    judge = _label_judge(columns, labels, shares)
    stop = lines.offset + _MOST_BYTES_AT_ONCE
    seen = b""
    while batch.read < most and lines.offset < stop and (line := lines.next()):
        try:
            image, source, label, share = line.split(b",")
            if image != seen:
                seen = _image_id(image)
            add(LabelRow(image, labels[label], sources[source], shares[share], lines.number, line))
        except (ValueError, KeyError):
            if line.isspace():
                continue
            number = lines.number
            try:
                add(LabelRow(*judge(cells_of(lines, line, len(columns))), number, line))
            except Broken as error:
                batch.bad.append(BadRow(number, str(error), shown(line)))
        batch.read += 1
    return batch


def _label_judge(
    columns: Sequence[str], labels: Mapping[bytes, int], shares: Shares
) -> Callable[[list[str]], tuple[bytes, int, int, float]]:
    places = [columns.index(name) for name in LABEL_COLUMNS]

    def judge(cells: list[str]) -> tuple[bytes, int, int, float]:
        image, source, label, confidence = (cells[place].strip() for place in places)
        key = image.lower().encode()
        if not is_image_id(key):
            raise Broken("an image id that is not 16 hex digits")
        if source not in SOURCES:
            raise Broken(f"a Source that is none of {', '.join(SOURCES)}")
        if not is_label_id(label):
            raise Broken("a label id that is none, such as /m/015p6")
        try:
            share = shares[confidence.encode()]
        except KeyError:
            raise Broken("a Confidence that is no number from 0 to 1") from None
        if label.encode() not in labels:
            raise Broken(UNKNOWN_LABEL)
        return key, labels[label.encode()], SOURCES[source], share

    return judge
