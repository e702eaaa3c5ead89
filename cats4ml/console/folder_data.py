"""A folder of pictures with its tables, read and checked whole before anything is written."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cats4ml.catalog.actions import NewLabel
from cats4ml.catalog.models import AnnotationSource, Image, Label
from cats4ml.catalog.openimages import SOURCES
from cats4ml.catalog.pictures import MAX_BYTES, PictureRefused, check
from cats4ml.console.tables import Problems, Table, longest_of

IMAGES, LABELS, ANNOTATIONS = "images.csv", "labels.csv", "annotations.csv"
TEXTS = ("author", "license", "title", "landing_url", "author_url", "original_url", "subset")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AT_ONCE = 256


class BadRow(NamedTuple):
    file: str
    line: int
    reason: str


class FolderImage(NamedTuple):
    """A row of `images.csv`. `texts` are the columns of `TEXTS`."""

    line: int
    image_id: str
    path: Path
    texts: dict[str, str]


class FolderAnnotation(NamedTuple):
    image_id: str
    label_id: str
    confidence: float
    source: AnnotationSource


@dataclass
class FolderData:
    """What a folder holds, of the rows that are good. `bad`: the others, in the order of the files and lines."""

    labels: list[NewLabel] = field(default_factory=list)
    images: list[FolderImage] = field(default_factory=list)
    annotations: list[FolderAnnotation] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


class _Wrong(Exception):
    """What is wrong with a row, in words."""


class Gone(NamedTuple):
    """What was taken down: ids of this collection, and the SHA-256 of whatever it was."""

    ids: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()


def read_folder(
    folder: Path,
    *,
    known: Callable[[list[str]], Mapping[str, str]],
    tell: Callable[[int, int], None],
    gone: Gone = Gone(),  # noqa: B008 - a tuple of nothing
) -> FolderData:
    """Read and check a folder; every picture is decoded.

    `known`: of image ids, the SHA-256 of those that the catalogue has already; such a picture isn't decoded again.
    `tell` hears how many pictures of how many are checked. A picture of `gone` doesn't come back: its row is bad.
    Raises `TableRefused` for what is no table.
    """
    data = FolderData()
    data.labels = list(_labels(folder, data.bad))
    rows = list(_images(folder, data.bad))
    data.images = list(_whole(rows, known, tell, data.bad, gone))
    if (folder / ANNOTATIONS).exists():
        data.annotations = list(_annotations(folder, data))
    data.bad.sort(key=lambda row: ((LABELS, IMAGES, ANNOTATIONS).index(row.file), row.line))
    return data


def _problems(path: Path, bad: list[BadRow]) -> Problems:
    return Problems(path, lambda line, text: bad.append(BadRow(path.name, line, text)))


def _labels(folder: Path, bad: list[BadRow]) -> Iterator[NewLabel]:
    path, seen = folder / LABELS, dict[str, int]()
    problems = _problems(path, bad)
    for line, (key, name, description) in Table(
        path, ["label_id", "label_name"], problems, optional=["description"]
    ).rows():
        try:
            _check_text("label_id", key, longest_of(Label, "key"), needed=True)
            _check_text("label_name", name, longest_of(Label, "name"), needed=True)
            _check_once("label", key, line, seen)
        except _Wrong as wrong:
            problems.add(line, str(wrong))
        else:
            yield NewLabel(key, name, description)


def _images(folder: Path, bad: list[BadRow]) -> Iterator[FolderImage]:
    path, seen = folder / IMAGES, dict[str, int]()
    problems = _problems(path, bad)
    for line, (image_id, name, *texts) in Table(path, ["image_id", "file"], problems, optional=TEXTS).rows():
        try:
            _check_text("image_id", image_id, longest_of(Image, "image_id"), needed=True)
            for column, text in zip(TEXTS, texts, strict=True):
                _check_text(column, text, longest_of(Image, column))
                _check_address(column, text)
            place = _file(folder, name)
            _check_once("image", image_id, line, seen)
        except _Wrong as wrong:
            problems.add(line, str(wrong))
        else:
            yield FolderImage(line, image_id, place, dict(zip(TEXTS, texts, strict=True)))


def _annotations(folder: Path, data: FolderData) -> Iterator[FolderAnnotation]:
    path, seen = folder / ANNOTATIONS, dict[str, int]()
    problems = _problems(path, data.bad)
    images, labels = {one.image_id for one in data.images}, {one.key for one in data.labels}
    table = Table(path, ["image_id", "label_id", "confidence"], problems, optional=["source"])
    for line, (image_id, label_id, confidence, source) in table.rows():
        try:
            _check_known("image", image_id, images, IMAGES)
            _check_known("label", label_id, labels, LABELS)
            who = _source(source)
            value = _confidence(confidence, who)
            _check_once("annotation", f"{image_id} {label_id} {who.label}", line, seen)
            yield FolderAnnotation(image_id, label_id, value, who)
        except _Wrong as wrong:
            problems.add(line, str(wrong))


def _source(text: str) -> AnnotationSource:
    found = SOURCES.get(text or "verification")
    if found is None:
        raise _Wrong(f"source should be one of {', '.join(SOURCES)}, or empty for the first, not {text[:40]!r}")
    return found


def _confidence(text: str, source: AnnotationSource) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise _Wrong(f"confidence should be a number from 0 to 1, not {text[:40]!r}")
    if source != AnnotationSource.MACHINE and value not in (0, 1):
        raise _Wrong(f"people say 1 for yes or 0 for no, not {text[:40]!r}")
    return value


def _check_text(column: str, text: str, longest: int, *, needed: bool = False) -> None:
    if needed and not text.strip():
        raise _Wrong(f"{column} is empty")
    if len(text) > longest:
        raise _Wrong(f"{column} has {len(text):,} characters; at most {longest} are kept")
    if _CONTROL.search(text) or (needed and text != text.strip()):
        raise _Wrong(f"{column} has control characters, or spaces around it: {text[:40]!r}")


def _check_address(column: str, text: str) -> None:
    """It becomes a link on a page."""
    if column.endswith("_url") and text and not text.startswith(("http://", "https://")):
        raise _Wrong(f"{column} should begin with http:// or https://, not {text[:40]!r}")


def _check_known(what: str, key: str, known: set[str], file: str) -> None:
    if key not in known:
        raise _Wrong(f"{what} {key[:80]!r} is not among the good rows of {file}")


def _check_once(what: str, key: str, line: int, seen: dict[str, int]) -> None:
    if key in seen:
        raise _Wrong(f"{what} {key!r} stands on line {seen[key]} already")
    seen[key] = line


def _file(folder: Path, name: str) -> Path:
    """The file of this name in the folder, itself and no link. Raises `_Wrong`."""
    parts = PurePosixPath(name).parts
    if not parts:
        raise _Wrong("file is empty")
    if name.startswith(("/", "~")) or ".." in parts or "\\" in name:
        raise _Wrong(f"file {name[:80]!r} leads out of the folder, or has backslashes: write it like a/b.jpg")
    place = folder
    try:
        for part in parts:
            place /= part
            if place.is_symlink():
                raise _Wrong(f"file {name[:80]!r} goes over a link: put the file itself into the folder")
        if not place.is_file():
            raise _Wrong(f"there is no file {name[:80]!r}")
        if place.stat().st_size > MAX_BYTES:
            raise _Wrong(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
    except (OSError, ValueError) as error:
        raise _Wrong(f"file {name[:80]!r} can't be read: {error}") from error
    return place


def _whole(
    rows: list[FolderImage],
    known: Callable[[list[str]], Mapping[str, str]],
    tell: Callable[[int, int], None],
    bad: list[BadRow],
    gone: Gone,
) -> Iterator[FolderImage]:
    """The rows whose file is a whole picture, and the one that the catalogue has, if it has one."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            digests = known([one.image_id for one in some])
            wrongs = pool.map(lambda one: _wrong_with(one, digests.get(one.image_id, ""), gone), some)  # noqa: B023
            for one, wrong in zip(some, wrongs, strict=True):
                if wrong:
                    bad.append(BadRow(IMAGES, one.line, wrong))
                else:
                    yield one
            tell(start + len(some), len(rows))


def _wrong_with(row: FolderImage, digest: str, gone: Gone) -> str:
    try:
        content = row.path.read_bytes()
        if row.image_id in gone.ids or (gone.digests and hashlib.sha256(content).hexdigest() in gone.digests):
            return f"image {row.image_id!r} was taken down here: leave it out"
        if digest and hashlib.sha256(content).hexdigest() != digest:
            return f"image {row.image_id!r} was imported with another file: give this one another id"
        if not digest:
            check(content)
    except PictureRefused as refusal:
        return f"{refusal.reason}: {refusal.detail}"
    except OSError as error:
        return f"the file can't be read: {error.strerror}"
    return ""
