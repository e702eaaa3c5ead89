"""What a release says of itself, beside what it is: `release.json`, the Croissant files and the cards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cats4ml_client.verifying.manifests import Sums
from cats4ml_client.verifying.pair_rows import RELEASED_COLUMNS
from cats4ml_client.verifying.pairs import SCORE_COLUMNS, Found
from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.ratings import RATING_COLUMNS
from cats4ml_client.verifying.reading import Record, document
from cats4ml_client.verifying.report import Difference
from cats4ml_client.verifying.tables import IMAGE_COLUMNS, LABEL_COLUMNS, Tables

ABOUT = "release.json"
FORMAT = 1
COLUMNS = {
    "pairs.csv": RELEASED_COLUMNS,
    "ratings.csv": RATING_COLUMNS,
    "images.csv": IMAGE_COLUMNS,
    "labels.csv": LABEL_COLUMNS,
}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_about(place: Place) -> Record:
    """`release.json`. Raises `Difference` where it is of another format, or not one that can be."""
    about = document(place, ABOUT)
    if about.whole("format") != FORMAT or about.text("hash") != "sha256":
        raise about.differs("It is of another format than this program reads.", expected=FORMAT)
    about.text("challenge"), about.text("version"), about.text("frozen_at")
    columns = about.object("columns")
    for name, expected in COLUMNS.items():
        if columns.list(name) != list(expected):
            raise about.differs(f"The columns of {name} are others.", expected=list(expected), found=columns.list(name))
    if columns.list("scores.csv")[: len(SCORE_COLUMNS)] != list(SCORE_COLUMNS):
        raise about.differs("The columns of scores.csv are others.", found=columns.list("scores.csv"))
    if not _DIGEST.fullmatch(about.object("split").text("seed_sha256")):
        raise about.differs("seed_sha256 is no SHA-256.")
    return about


def check_counts(about: Record, found: Mapping[str, Found], workers: set[str]) -> None:
    """Raises `Difference` where a count of `release.json` is not what was counted. What needs the held-out part is
    compared only where that is here."""
    counts = about.object("counts")
    public = found["public"]
    expected = {**public.kinds, "pairs": public.pairs, "ratings": public.ratings, "counted": public.counted}
    _same(counts.object("public"), {**expected, "images": len(public.images)}, "public")
    heldout = found.get("heldout")
    _same(counts, {"pairs": public.pairs + counts.object("heldout").whole("pairs")}, "all")
    if heldout is not None:
        _same(counts.object("heldout"), {"pairs": heldout.pairs}, "heldout")
        _same(counts, {"ratings": public.ratings + heldout.ratings, "raters": len(workers)}, "all")


def _same(counts: Record, expected: Mapping[str, int], part: str) -> None:
    for name, number in expected.items():
        if counts.whole(name) != number:
            raise counts.differs(f"{name} ({part}) is not what was counted.", expected=number, found=counts.whole(name))


def check_versions(about: Record, tables: Mapping[str, Tables]) -> None:
    """Each part has the policies and rosters of its pairs, no others; `release.json` has those of both."""
    for name, attribute in (("policies", "policies"), ("rosters", "rosters")):
        said = about.list(name)
        used: set[int] = set()
        for part, one in tables.items():
            there, here = set(getattr(one, attribute)), getattr(one, f"used_{attribute}")
            file = f"{part}/{'policies' if name == 'policies' else 'classifiers'}.json"
            if there != here:
                raise Difference(
                    file, "It should have the versions of the part’s pairs.", expected=sorted(here), found=sorted(there)
                )
            used |= here
        if not used <= set(said) or (len(tables) > 1 and sorted(used) != said):
            raise about.differs(f"{name} are not those that occur.", expected=sorted(used), found=said)


def check_croissant(place: Place, part: str, sums: Sums) -> int:
    """Every file that the part's Croissant description names is there and has the digest that it says, and every table
    is named. Returns how many it names."""
    name = f"{part}/croissant.json"
    named = set()
    for url, digest in _file_objects(document(place, name).values):
        path = _path_of(url, part)
        if path not in sums.by_path:
            raise Difference(name, "It names a file that is not part of the release.", found=url)
        if digest != sums.by_path[path].sha256:
            raise Difference(
                name, f"It has another SHA-256 for {path}.", expected=sums.by_path[path].sha256, found=digest
            )
        named.add(path)
    tables = {path for path in sums.by_path if path.startswith(f"{part}/") and path.endswith((".csv", ".jsonl"))}
    missing = sorted(tables - named)
    if missing:
        raise Difference(name, "It does not name every table.", expected=missing[0])
    return len(named)


def _file_objects(value: Any) -> Iterator[tuple[str, str]]:
    """Addresses and digests, wherever they stand."""
    if isinstance(value, list):
        for one in value:
            yield from _file_objects(one)
    elif isinstance(value, dict):
        url, digest = value.get("contentUrl"), value.get("sha256")
        if isinstance(url, str) and isinstance(digest, str):
            yield url, digest
        for one in value.values():
            yield from _file_objects(one)


def _path_of(url: str, part: str) -> str:
    """The path in the release of an address that a part's description gives."""
    if "://" in url:
        return f"{part}/{url.rpartition(f'/files/{part}/')[2]}"
    return f"{part}/{url.removeprefix('./')}"
