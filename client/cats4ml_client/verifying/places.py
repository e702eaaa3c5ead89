"""Where a release lies: a folder or a zip. Nothing is unpacked, and nothing outside of it is read."""

from __future__ import annotations

import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from cats4ml_client.verifying.report import Difference, Unverifiable

MANIFEST = "MANIFEST.sha256"
BLOCK = 1024 * 1024
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


class Place(Protocol):
    """Files by name; a name has `/` between folders."""

    names: frozenset[str]

    def open(self, name: str) -> IO[bytes]: ...


@contextmanager
def opened(place: Place, name: str) -> Iterator[IO[bytes]]:
    """A file's bytes. Raises `Difference` where it is not there or can't be read."""
    if name not in place.names:
        raise Difference(name, "The file is missing.")
    try:
        with place.open(name) as file:
            yield file
    except BROKEN as error:
        raise Difference(name, f"The file can’t be read: {error}.") from None


def blocks(place: Place, name: str) -> Iterator[bytes]:
    with opened(place, name) as file:
        while block := file.read(BLOCK):
            yield block


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = frozenset(_walk(path, ""))

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


def _walk(folder: Path, before: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{before}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name
            else:
                raise Difference(name, "It is no plain file: a link could show something else each time.")


class Zip:
    """The members of a zip; where all lie in one folder of it, without that folder."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (*BROKEN, ValueError, OverflowError) as error:
            raise Difference(path.name, f"It is no zip that can be read: {error}.") from None
        members = [one for one in self._zip.infolist() if not one.filename.endswith("/")]
        tops = {one.filename.partition("/")[0] for one in members}
        inner = f"{min(tops)}/{MANIFEST}" if len(tops) == 1 else ""
        before = inner.removesuffix(MANIFEST) if any(one.filename == inner for one in members) else ""
        self._members: dict[str, zipfile.ZipInfo] = {}
        for one in members:
            name = one.filename.removeprefix(before)
            if name in self._members:
                raise Difference(name, f"{path.name} holds two files of this name.")
            self._members[name] = one
        self.names = frozenset(self._members)

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._members[name])


def place_of(path: Path) -> Place:
    """Raises `Unverifiable` where there is nothing, `Difference` for what is no plain file or no zip."""
    try:
        if path.is_dir():
            return Folder(path)
        if path.is_file():
            return Zip(path)
    except OSError as error:
        raise Unverifiable(f"{path} can’t be read: {error.strerror or error}.") from None
    raise Unverifiable(f"{path} is neither a folder nor a file. Give a release’s folder or its zip.")
