"""Where releases lie in the storage: a folder or a bucket, by the same calls."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage

from cats4ml.challenges.models import Challenge
from cats4ml.releases.models import Release, ReleaseFile
from cats4ml.releases.stored import CHUNK

logger = logging.getLogger(__name__)


class CopyRefused(Exception):
    """Why a release can't be written into a folder, in a sentence."""


def prefix_of(challenge: Challenge, version: str) -> str:
    return f"releases/{challenge.slug}/{version}"


def keep(root: Path, path: str, *, prefix: str) -> str:
    """Put one file of a tree into the storage; gives its name there."""
    with (root / path).open("rb") as file:
        return default_storage.save(f"{prefix}/{path}", File(file))


def remove(prefix: str) -> None:
    """Remove all that lies under a prefix. What can't be removed is logged."""
    try:
        for name in _names_below(prefix):
            default_storage.delete(name)
        _remove_folders(prefix)
    except OSError as error:
        logger.warning("%s was not removed whole: %s", prefix, error)


def _names_below(prefix: str) -> list[str]:
    try:
        folders, files = default_storage.listdir(prefix)
    except FileNotFoundError:
        return []
    found = [f"{prefix}/{name}" for name in files if name]
    for folder in folders:
        if folder:
            found += _names_below(f"{prefix}/{folder}")
    return found


def _remove_folders(prefix: str) -> None:
    """Empty folders, where the storage is one; a bucket has none."""
    try:
        root = Path(default_storage.path(prefix))
    except NotImplementedError:
        return
    for folder in sorted((one for one in root.rglob("*") if one.is_dir()), reverse=True):
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        root.rmdir()


def check_out(out: Path) -> None:
    """Raises `CopyRefused` unless a release can be written to this folder: it is absent, or empty."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise CopyRefused(f"{out} is no folder. Name one that is empty, or that isn’t there yet.")
    if out.is_dir() and any(out.iterdir()):
        raise CopyRefused(f"{out} is not empty. Name a folder that is empty, or that isn’t there yet.")


def copy_to(release: Release, out: Path) -> None:
    """Write every file of a release that is ready into an empty folder, and compare its digest on the way.

    Raises `CopyRefused` where the folder is not empty, or where a file is missing or not as it was written.
    """
    check_out(out)
    files: Iterable[ReleaseFile] = release.files.order_by("path")
    for one in files:
        target = out / one.path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with default_storage.open(str(one.file), "rb") as source, target.open("wb") as copy:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
        except FileNotFoundError:
            raise CopyRefused(f"{one.path} of {release} is missing in the storage.") from None
        if digest.hexdigest() != one.sha256:
            raise CopyRefused(f"{one.path} of {release} is not as it was written. The copy in {out} is not whole.")
