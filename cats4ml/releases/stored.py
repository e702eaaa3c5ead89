"""Files of a release: what was written, their digests, the manifests and the archives."""

from __future__ import annotations

import hashlib
import hmac
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj

from cats4ml.challenges.models import Challenge
from cats4ml.releases import layout

CHUNK = 1024 * 1024
# The earliest moment that a zip can name: the same files give the same archive.
NO_TIME = (1980, 1, 1, 0, 0, 0)
PLAIN_FILE = 0o100644 << 16


@dataclass(frozen=True)
class Written:
    """A file that lies in a folder, by its path in it."""

    path: str
    size: int
    sha256: str


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def written(root: Path, path: str) -> Written:
    place = root / path
    return Written(path=path, size=place.stat().st_size, sha256=digest_of(place))


def files_below(root: Path) -> list[str]:
    """The paths of all files of a folder, in the order of their bytes."""
    return sorted((place.relative_to(root).as_posix() for place in root.rglob("*") if place.is_file()), key=str.encode)


def manifest(files: Iterable[Written]) -> str:
    """As `sha256sum --check` reads it."""
    return "".join(f"{one.sha256}  {one.path}\n" for one in sorted(files, key=lambda one: one.path.encode()))


def nonce_of(challenge: Challenge, version: str) -> str:
    """64 hexadecimal digits that nobody knows without the edition's secret seed; the same when it is built again."""
    text = f"cats4ml release nonce\n{challenge.slug}\n{version}"
    return hmac.new(challenge.split_seed.encode(), text.encode(), hashlib.sha256).hexdigest()


def pack(root: Path, name: str, paths: Iterable[str]) -> None:
    """Write an archive of these files into the same folder, a block of bytes at a time."""
    with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path, date_time=NO_TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, PLAIN_FILE, 3
            entry.file_size = (root / path).stat().st_size
            with (root / path).open("rb") as source, archive.open(entry, "w") as target:
                copyfileobj(source, target, CHUNK)


def archived(part: str, paths: Iterable[str]) -> list[str]:
    """Which files of a tree go into a part's archive."""
    if part == layout.PUBLIC:
        return [path for path in paths if layout.is_everybodys(path)]
    return [path for path in paths if not layout.is_everybodys(path)]
