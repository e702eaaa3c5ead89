"""The lists of checksums: every file is in one, and every file is what its list says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cats4ml_client.verifying.places import MANIFEST, Place, blocks, opened
from cats4ml_client.verifying.report import Counts, Difference

HELDOUT = "heldout/"
HELDOUT_MANIFEST = f"{HELDOUT}{MANIFEST}"
WHOLE = "pairs.csv"
ARCHIVES = ("public.zip", "heldout.zip")
LONGEST_MANIFEST = 64 * 1024 * 1024
_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f]+)")

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Sum:
    """What a manifest says of a file, and where it says it."""

    sha256: str
    manifest: str
    line: int


def read_bytes(place: Place, name: str, longest: int) -> bytes:
    """A small file at once. Raises `Difference` where it is none."""
    with opened(place, name) as file:
        data = file.read(longest + 1)
    if len(data) > longest:
        raise Difference(name, f"The file has more than {longest:,} bytes.")
    return data


def read_manifest(data: bytes, name: str, *, below: str = "") -> dict[str, Sum]:
    """The sums of a manifest by path from the top of the release. `below`: the folder that its paths start from."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Difference(name, f"It is no UTF-8: {error}.") from None
    if text and not text.endswith("\n"):
        raise Difference(name, "Its last line does not end.")
    sums: dict[str, Sum] = {}
    former = ""
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise Difference(name, "A line should be a SHA-256, two spaces and a path.", line=number, found=line)
        digest, path = found.groups()
        if path <= former:
            raise Difference(name, "Its paths should be in order, each once.", line=number, found=path)
        former = path
        sums[_from_the_top(path, below, name, number)] = Sum(digest, name, number)
    return sums


def _from_the_top(path: str, below: str, name: str, line: int) -> str:
    if below and path == f"../{WHOLE}":
        return WHOLE
    if path.startswith("/") or "\\" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise Difference(name, "A path leads out of the release.", line=line, found=path)
    return f"{below}{path}"


@dataclass
class Sums:
    """All that the manifests say. `has_heldout`: whether the held-out part is here."""

    by_path: Mapping[str, Sum]
    root_digest: str
    has_heldout: bool


def read_sums(place: Place) -> Sums:
    """Both manifests. Raises `Difference` where one is missing or can't be read."""
    data = read_bytes(place, MANIFEST, LONGEST_MANIFEST)
    sums = read_manifest(data, MANIFEST)
    has_heldout = WHOLE in place.names or any(name.startswith(HELDOUT) for name in place.names)
    if has_heldout:
        inner = read_bytes(place, HELDOUT_MANIFEST, LONGEST_MANIFEST)
        sums = {**read_manifest(inner, HELDOUT_MANIFEST, below=HELDOUT), **sums}
    return Sums(sums, hashlib.sha256(data).hexdigest(), has_heldout)


def check_names(place: Place, sums: Sums) -> None:
    """Raises `Difference` for a file that no manifest lists, or one that is listed and not here."""
    expected = {path for path in sums.by_path if sums.has_heldout or path != HELDOUT_MANIFEST}
    missing = sorted(expected - place.names)
    if missing:
        one = sums.by_path[missing[0]]
        raise Difference(missing[0], f"It stands in {one.manifest}, line {one.line}, and is not here.")
    more = sorted(place.names - expected - {MANIFEST, *ARCHIVES})
    if more:
        raise Difference(more[0], "No manifest lists this file.")


def sha256_of(place: Place, name: str, counts: Counts | None = None) -> str:
    digest = hashlib.sha256()
    for block in blocks(place, name):
        digest.update(block)
        if counts is not None:
            counts.bytes += len(block)
    return digest.hexdigest()


def check_sums(place: Place, sums: Sums, counts: Counts, progress: Progress) -> list[Difference]:
    """Compare every file that is here with its sum."""
    differences = []
    for path in sorted(sums.by_path.keys() & place.names):
        one = sums.by_path[path]
        try:
            found = sha256_of(place, path, counts)
        except Difference as difference:
            differences.append(difference)
            continue
        counts.files += 1
        progress("Checksums", counts.bytes)
        if found != one.sha256:
            what = f"Its SHA-256 is not that of {one.manifest}, line {one.line}."
            differences.append(Difference(path, what, expected=one.sha256, found=found))
    return differences
