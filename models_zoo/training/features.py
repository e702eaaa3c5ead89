"""What a frozen backbone makes of each picture, kept on disk so that nothing is computed twice.

A folder of chunks, each a `.npz` that appears whole or not at all: a run that is killed loses the chunk that it was
working on. The folder's name holds the backbone's digest: another backbone, or other preprocessing, never meets
these numbers.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from models_zoo.pictures import UnreadablePictureError
from models_zoo.preprocess import Pixels

Array = npt.NDArray[np.float32]
Item = TypeVar("Item")
CHUNK = 256
BATCH = 32
READERS = 2
_COLUMNS = ("path", "size", "mtime", "sha256", "features", "probabilities")


@dataclass(frozen=True)
class Seen:
    """One picture as the backbone sees it."""

    sha256: str
    features: Array
    probabilities: Array


@dataclass(frozen=True)
class Extracted:
    """`rows` of the arrays by image id; `features` float32 [N, D] and the backbone's own `probabilities` float32
    [N, outputs]; `sha256` of each row's picture; `unreadable`: the reason by image id; `computed`: how many were
    not kept before."""

    rows: dict[str, int]
    features: Array
    probabilities: Array
    sha256: list[str]
    unreadable: dict[str, str]
    computed: int


class Backbone(Protocol):
    """What `extract` needs to know of a backbone: its digest, how it reads a picture, and how it sees a batch."""

    @property
    def digest(self) -> str: ...

    def read(self, data: bytes) -> Pixels:
        """The input for the bytes of a file. Raises `UnreadablePictureError`."""

    def see(self, batch: Sequence[Pixels]) -> tuple[Array, Array]:
        """float32 features [N, D] and probabilities [N, outputs]."""


def extract(
    backbone: Backbone, pictures: Mapping[str, Path], folder: Path, *, tick: Callable[[int], object] = lambda _: None
) -> Extracted:
    """Features of all `pictures` (path by image id), out of `folder` where they are kept. `tick` counts pictures.

    A picture is known again by its path, size and time of change, or else by the checksum of its bytes.
    """
    store = _Store(folder / f"features-{backbone.digest[:16]}")
    missing = {image_id: path for image_id, path in pictures.items() if not store.knows(path)}
    tick(len(pictures) - len(missing))
    unreadable: dict[str, str] = {}
    computed = 0
    with ThreadPoolExecutor(READERS) as readers:
        for some in in_batches(missing.items(), CHUNK):
            computed += _chunk(backbone, store, some, readers, unreadable, tick)
    return _gathered(store, pictures, unreadable, computed)


def _chunk(
    backbone: Backbone,
    store: _Store,
    some: Iterable[tuple[str, Path]],
    readers: ThreadPoolExecutor,
    unreadable: dict[str, str],
    tick: Callable[[int], object],
) -> int:
    """Reads, sees and keeps one chunk of pictures; says for how many the backbone had to look."""
    rows: list[tuple[Path, Seen]] = []
    seen: dict[str, Seen] = {}
    for batch in _read_ahead(backbone, store, some, readers):
        fresh: dict[str, Pixels] = {}
        for one in batch:
            if one.problem:
                unreadable[one.image_id] = one.problem
            elif one.pixels is not None and one.sha256 not in seen:
                fresh.setdefault(one.sha256, one.pixels)
        if fresh:
            features, probabilities = backbone.see(list(fresh.values()))
            seen |= {key: Seen(key, features[n], probabilities[n]) for n, key in enumerate(fresh)}
        rows += [(one.path, seen.get(one.sha256) or store.by_content(one.sha256)) for one in batch if one.sha256]
        tick(len(batch))
    store.keep(rows)
    return len(seen)


@dataclass(frozen=True)
class _Read:
    """A file that was read: its checksum, and its pixels unless its features are known; or what is wrong with it."""

    image_id: str
    path: Path
    sha256: str = ""
    pixels: Pixels | None = None
    problem: str = ""


def _read_ahead(
    backbone: Backbone, store: _Store, some: Iterable[tuple[str, Path]], readers: ThreadPoolExecutor
) -> Iterator[list[_Read]]:
    """Batches of read pictures; the next is being decoded while the caller looks at this one."""

    def read(item: tuple[str, Path]) -> _Read:
        image_id, path = item
        try:
            data = path.read_bytes()
            key = hashlib.sha256(data).hexdigest()
            return _Read(image_id, path, key, None if store.has_content(key) else backbone.read(data))
        except OSError as error:
            return _Read(image_id, path, problem=f"can't be read: {error.strerror}")
        except UnreadablePictureError as error:
            return _Read(image_id, path, problem=str(error))

    batches = in_batches(some, BATCH)
    ahead = [[readers.submit(read, item) for item in batch] for batch in islice(batches, 2)]
    while ahead:
        done = [future.result() for future in ahead.pop(0)]
        ahead += [[readers.submit(read, item) for item in batch] for batch in islice(batches, 1)]
        yield done


class _Store:
    """The chunks of one backbone. Where two hold the same picture, they hold the same numbers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.partial"):  # of a run that was killed
            left.unlink(missing_ok=True)
        self._chunks: list[dict[str, Any]] = []
        self._by_file: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._by_content: dict[str, tuple[int, int]] = {}
        for path in sorted(folder.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as file:
                    self._add({name: file[name] for name in _COLUMNS})
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)  # damaged by the disk: its pictures are looked at again

    def knows(self, path: Path) -> bool:
        return _stamp(path) in self._by_file

    def has_content(self, sha256: str) -> bool:
        return sha256 in self._by_content

    def by_content(self, sha256: str) -> Seen:
        return self._seen(*self._by_content[sha256])

    def by_file(self, path: Path) -> Seen | None:
        place = self._by_file.get(_stamp(path))
        return None if place is None else self._seen(*place)

    def keep(self, rows: Sequence[tuple[Path, Seen]]) -> None:
        """Writes a chunk; it has its name only once it is whole and on the disk."""
        if not rows:
            return
        stamps = [_stamp(path) for path, _ in rows]
        chunk = {
            "path": np.array([path for path, _, _ in stamps]),
            "size": np.array([size for _, size, _ in stamps], dtype=np.int64),
            "mtime": np.array([mtime for _, _, mtime in stamps], dtype=np.int64),
            "sha256": np.array([seen.sha256 for _, seen in rows]),
            "features": np.stack([seen.features for _, seen in rows]),
            "probabilities": np.stack([seen.probabilities for _, seen in rows]),
        }
        name = hashlib.sha256("".join(map(str, stamps)).encode()).hexdigest()[:24]
        partial = self._folder / f"{name}.partial"
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **chunk)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._folder / f"{name}.npz")
        self._add(chunk)

    def _add(self, chunk: dict[str, Any]) -> None:
        number = len(self._chunks)
        self._chunks.append(chunk)
        stamps = zip(chunk["path"].tolist(), chunk["size"].tolist(), chunk["mtime"].tolist(), strict=True)
        for row, (stamp, sha256) in enumerate(zip(stamps, chunk["sha256"].tolist(), strict=True)):
            self._by_file[stamp] = self._by_content[sha256] = (number, row)

    def _seen(self, number: int, row: int) -> Seen:
        chunk = self._chunks[number]
        return Seen(str(chunk["sha256"][row]), chunk["features"][row], chunk["probabilities"][row])


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one with what is left."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _stamp(path: Path) -> tuple[str, int, int]:
    """A file's path, size and time of change; one that is gone is no file that was ever kept."""
    try:
        stat = path.stat()
    except OSError:
        return str(path.absolute()), -1, -1
    return str(path.absolute()), stat.st_size, stat.st_mtime_ns


def _gathered(store: _Store, pictures: Mapping[str, Path], unreadable: dict[str, str], computed: int) -> Extracted:
    found = {image_id: store.by_file(path) for image_id, path in sorted(pictures.items())}
    seen = {image_id: one for image_id, one in found.items() if one is not None}
    for image_id in found.keys() - seen.keys() - unreadable.keys():
        unreadable[image_id] = "changed while it was read"
    none = np.zeros((0, 0), dtype=np.float32)
    return Extracted(
        rows={image_id: row for row, image_id in enumerate(seen)},
        features=np.stack([one.features for one in seen.values()]) if seen else none,
        probabilities=np.stack([one.probabilities for one in seen.values()]) if seen else none,
        sha256=[one.sha256 for one in seen.values()],
        unreadable=dict(sorted(unreadable.items())),
        computed=computed,
    )
