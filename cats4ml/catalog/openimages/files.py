"""What kind of file it is, plain or packed, and its bytes from any point on."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CLASSES, IMAGES, LABELS, HIERARCHY = KINDS = ("classes", "images", "labels", "hierarchy")

IMAGE_COLUMNS = (
    "ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL", "Author", "Title",
    "OriginalSize", "OriginalMD5", "Thumbnail300KURL",
)  # fmt: skip
ROTATION = "Rotation"
LABEL_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
CLASS_COLUMNS = ("LabelName", "DisplayName")
MISSPELT = {"Condidence": "Confidence"}
NO_HEADER = re.compile(r"/[a-z]/[0-9a-z_]+,")

_PACKED = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_FIRST_BYTES = 1 << 16
_END_BYTES = 1 << 20
_SKIP_BYTES = 1 << 20
_AGAIN = "Whole batches of what came before stay: get the file anew and import that"


class FileRefused(Exception):
    """Why a file can't be imported, and how to mend it, in a sentence or two."""


@dataclass(frozen=True)
class Form:
    """What the first line says: the kind, the columns in their order, and where the rows begin."""

    kind: str
    columns: tuple[str, ...] = ()
    offset: int = 0
    line: int = 0


def recognise(path: Path, kind: str = "") -> Form:
    """The form of the file. Raises `FileRefused` where it is none of Open Images', or not of the `kind` given."""
    with opened(path) as (stream, _):
        first = stream.read(_FIRST_BYTES)
    _refuse_strangers(path, first)
    form = _form_of(path, first)
    if kind and kind != form.kind:
        raise FileRefused(f"{path}: this is a file of {form.kind}, not of {kind}, by its first line")
    return form


def _refuse_strangers(path: Path, first: bytes) -> None:
    if not first.removeprefix(_BOM).strip():
        raise FileRefused(f"{path}: the file is empty")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused(f"{path}: the file is in UTF-16; Open Images' files are in UTF-8")
    if first.lstrip()[:1] == b"<":
        raise FileRefused(f"{path}: this is a web page, perhaps an error of the server it came from; get the file anew")
    if b"\0" in first.partition(b"\n")[0]:
        raise FileRefused(f"{path}: this is a binary file; CSV, JSON, or one of these packed by gzip is wanted")


def _form_of(path: Path, first: bytes) -> Form:
    bare = first.removeprefix(_BOM)
    begin = len(first) - len(bare)
    if bare.lstrip().startswith(b"{"):
        return Form(HIERARCHY)
    line, end, _ = bare.partition(b"\n")
    if not end and len(first) == _FIRST_BYTES:
        raise FileRefused(f"{path}: the first line is longer than {_FIRST_BYTES:,} bytes; {_wanted()}")
    try:
        header = line.decode("utf-8")
    except UnicodeDecodeError:
        raise FileRefused(f"{path}: the first line is not UTF-8; {_wanted()}") from None
    if NO_HEADER.match(header):
        return Form(CLASSES, CLASS_COLUMNS, begin, 0)
    names = [MISSPELT.get(name, name) for name in (cell.strip().strip('"') for cell in header.split(","))]
    return Form(_kind_of(path, names), tuple(names), begin + len(line) + len(end), 1)


def _kind_of(path: Path, names: Sequence[str]) -> str:
    """By the columns that must be there, in any order; a column twice is none of these files'."""
    known = set(names)
    if len(known) == len(names):
        if [name.casefold() for name in names] in (["labelname", "displayname"], ["id", "name"]):
            return CLASSES
        if "XMin" in known:
            raise FileRefused(f"{path}: this is a file of boxes; only image-level labels are imported")
        if known.issuperset(IMAGE_COLUMNS):
            return IMAGES
        if known.issuperset(LABEL_COLUMNS):
            return LABELS
    shown = ",".join(names)
    raise FileRefused(f"{path}: the first line is {shown[:100] + '…' if len(shown) > 100 else shown!r}; {_wanted()}")


def _wanted() -> str:
    headers = (CLASS_COLUMNS, IMAGE_COLUMNS, LABEL_COLUMNS)
    return "known are the headers " + "; ".join(",".join(names) for names in headers) + "; and the hierarchy's JSON"


@contextmanager
def opened(path: Path, offset: int = 0) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The unpacked bytes from `offset` on, and the file itself, whose position says how far one is.

    Whether it is packed its content says, not its name. Raises `FileRefused` for what can't be read, also within the
    block.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileRefused(f"{path}: can't be read: {error.strerror}") from error
    try:
        with file:
            packed = file.read(2) == _PACKED
            file.seek(0)
            stream: BinaryIO = io.BufferedReader(gzip.GzipFile(fileobj=file)) if packed else file
            _skip(stream, offset, packed=packed)
            yield stream, file
    except EOFError:
        raise FileRefused(f"{path}: the packed file breaks off. {_AGAIN}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileRefused(f"{path}: the packed file is damaged ({error}). {_AGAIN}") from error


def _skip(stream: BinaryIO, offset: int, *, packed: bool) -> None:
    if not packed:
        stream.seek(offset)
        return
    while offset > 0 and (got := len(stream.read(min(offset, _SKIP_BYTES)))):
        offset -= got


def fingerprint(path: Path, *words: str) -> str:
    """Of the file as it is now, for these words: its size, its time, its beginning and its end."""
    state = path.stat()
    digest = hashlib.sha256(json.dumps([state.st_size, state.st_mtime_ns, *words]).encode())
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(0, state.st_size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.hexdigest()
