"""What a backup is made of: a folder with a dump, copies of files, a list of them, and a manifest that vouches for all.

manifest.json        when and of what it was made, counts of rows, digests of the dump and of the list
manifest.sha256      the manifest's own digest
database.dump        PostgreSQL's custom format
files.jsonl          one line for each file: the part it belongs to, its name there, its size and digest
pictures/            the picture storage with releases and data files, where it is a folder
classifiers/         the folder of the classifiers' weights
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
PREFIX = "cats4ml-"
PARTIAL = ".partial-"
MANIFEST, SEAL, DUMP, FILES = "manifest.json", "manifest.sha256", "database.dump", "files.jsonl"
PICTURES, CLASSIFIERS = "pictures", "classifiers"
CHUNK = 1024 * 1024


class BackupRefused(Exception):
    """Why a backup can't be made, believed or restored, in a sentence."""


@dataclass(frozen=True)
class Entry:
    """One file of a backup. `kept` is false where only its digest is: the bucket of an object storage isn't copied."""

    part: str
    name: str
    bytes: int
    sha256: str
    kept: bool = True

    def inside(self, folder: Path) -> Path:
        """Its place below a folder. Raises `BackupRefused` for a name that leads out of it."""
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts or self.part not in (PICTURES, CLASSIFIERS) or not path.parts:
            raise BackupRefused(f"The list of files names {self.name!r}, which is no place in a backup.")
        return folder.joinpath(*path.parts)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_below(folder: Path, *, without: Iterable[str] = ()) -> Iterator[str]:
    """The names of the files of a folder, in order, relative to it; links are followed by nobody and left out."""
    left_out = set(without)
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in left_out)
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def link_or_copy(source: Path, target: Path) -> None:
    """Files of the storage are only ever added or replaced whole: a second name for one is as good as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_list(path: Path, entries: Iterable[Entry]) -> list[Entry]:
    written = list(entries)
    with path.open("w", encoding="utf-8") as file:
        for entry in written:
            file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
    return written


def read_list(path: Path) -> list[Entry]:
    with path.open(encoding="utf-8") as file:
        return [Entry(**json.loads(line)) for line in file]


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest and its digest, the last thing before a backup gets its name."""
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / SEAL).write_text(f"{digest_of(folder / MANIFEST)}  {MANIFEST}\n", encoding="ascii")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises `BackupRefused` for a folder that is no whole backup."""
    try:
        sealed = (folder / SEAL).read_text(encoding="ascii").split()[0]
        if digest_of(folder / MANIFEST) != sealed:
            raise BackupRefused(f"{folder / MANIFEST} is not as it was written.")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BackupRefused(_what_is_missing(folder, Path(error.filename).name)) from error
    except (IndexError, ValueError) as error:
        raise BackupRefused(f"{folder} is no whole backup: its manifest can’t be read.") from error
    if manifest.get("format") != FORMAT:
        raise BackupRefused(f"{folder} was written by another version of this software (format {manifest['format']}).")
    return manifest


def _what_is_missing(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"There is no folder {folder}."
    if backups := whole_backups(folder):
        one = len(backups) == 1
        which = f"1 backup. Name it: {backups[0]}." if one else f"{len(backups)} backups. The newest is {backups[-1]}."
        return f"{folder} holds {which}"
    return f"{folder} is no whole backup: {name} is missing."


def verify(folder: Path) -> tuple[dict[str, Any], list[Entry]]:
    """Read every byte of a backup again. Raises `BackupRefused` that names the first file that is not as it was."""
    manifest = read_manifest(folder)
    for name in (DUMP, FILES):
        _check(folder / name, manifest["digests"][name])
    entries = read_list(folder / FILES)
    for entry in entries:
        path = entry.inside(folder / entry.part)
        if entry.kept:
            _check(path, entry.sha256)
    return manifest, entries


def _check(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BackupRefused(f"The backup is damaged: {path} is missing.")
    if digest_of(path) != expected:
        raise BackupRefused(f"The backup is damaged: {path} is not as it was written.")


def whole_backups(folder: Path) -> list[Path]:
    """The backups of a folder that have a manifest, oldest first; their names tell when they were begun."""
    found = (path for path in folder.glob(f"{PREFIX}*") if (path / SEAL).is_file())
    return sorted(found)


def prune(folder: Path, *, keep: int) -> list[Path]:
    """Remove all but the newest `keep` whole backups, and what broken runs left. Returns what was removed."""
    old = whole_backups(folder)[:-keep] if keep else []
    gone = [*old, *folder.glob(f"{PARTIAL}*")]
    for path in gone:
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
    return gone
