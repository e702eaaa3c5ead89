"""What a release says of itself, beside what it is: `release.json`, the Croissant files and the cards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cats4ml_client.verifying.manifests import Sums
from cats4ml_client.verifying.pair_rows import MOMENT, RELEASED_COLUMNS
from cats4ml_client.verifying.pairs import SCORE_COLUMNS, Found
from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.ratings import RATING_COLUMNS
from cats4ml_client.verifying.reading import Record, document
from cats4ml_client.verifying.report import Difference
from cats4ml_client.verifying.tables import IMAGE_COLUMNS, LABEL_COLUMNS, Tables

ABOUT = "release.json"
FORMAT = 1
KEYS = (
    "format", "challenge", "title", "vocabulary", "version", "frozen_at", "counts", "policies", "rosters", "split",
    "columns", "former", "hash",
)  # fmt: skip
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
    _check_terms(about)
    columns = about.object("columns")
    for name, expected in COLUMNS.items():
        if columns.list(name) != list(expected):
            raise about.differs(f"The columns of {name} are others.", expected=list(expected), found=columns.list(name))
    scores = columns.list("scores.csv")
    if scores[: len(SCORE_COLUMNS)] != list(SCORE_COLUMNS) or len(columns.values) != len(COLUMNS) + 1:
        raise about.differs("The columns of scores.csv are others.", found=scores)
    return about


def _check_terms(about: Record) -> None:
    """Raises `Difference` for a value that is none of its kind."""
    if tuple(about.values) != KEYS:
        raise about.differs("Its keys are others.", expected=",".join(KEYS), found=",".join(about.values))
    for name in ("challenge", "title", "vocabulary", "version"):
        about.text(name)
    if not MOMENT.fullmatch(about.text("frozen_at")):
        raise about.differs("frozen_at is no time in UTC.", found=about.text("frozen_at"))
    if about.values["former"] is not None:
        former = about.object("former")
        former.text("version")
        if not _DIGEST.fullmatch(former.text("root_digest")):
            raise about.differs("The root digest of the release before it is none.", found=former.text("root_digest"))
    if about.object("split").whole("heldout_percent") > 100:
        raise about.differs("heldout_percent is more than 100.", found=about.object("split").whole("heldout_percent"))
    if not _DIGEST.fullmatch(about.object("split").text("seed_sha256")):
        raise about.differs("seed_sha256 is no SHA-256.")


def check_counts(about: Record, found: Mapping[str, Found]) -> None:
    """Raises `Difference` where a count of `release.json` is not what was counted. The size of the held-out part is
    compared only where that is here."""
    counts = about.object("counts")
    public = found["public"]
    expected = {**public.kinds, "pairs": public.pairs, "ratings": public.ratings, "counted": public.counted}
    _same(counts.object("public"), {**expected, "images": len(public.images)}, "public")
    heldout = found.get("heldout")
    _same(counts, {"pairs": public.pairs + counts.object("heldout").whole("pairs")}, "all")
    _same(counts, {"ratings": public.ratings, "raters": len(public.workers)}, "public")
    counts.whole("finders")
    if heldout is not None:
        _same(counts.object("heldout"), {"pairs": heldout.pairs}, "heldout")


def check_moment_and_columns(about: Record, found: Mapping[str, Found]) -> None:
    """Nothing was settled after the release was frozen, and `scores.csv` has the columns of `release.json`."""
    columns = about.object("columns").list("scores.csv")[len(SCORE_COLUMNS) :]
    for part, one in found.items():
        if one.last_settled > about.text("frozen_at"):
            raise about.differs("A pair was settled after it was frozen.", expected=one.last_settled)
        if list(one.classifiers) != columns:
            raise about.differs(
                f"The columns of {part}/scores.csv are others.", expected=list(one.classifiers), found=columns
            )


def _same(counts: Record, expected: Mapping[str, int], part: str) -> None:
    for name, number in expected.items():
        if counts.whole(name) != number:
            raise counts.differs(f"{name} ({part}) is not what was counted.", expected=number, found=counts.whole(name))


def check_versions(about: Record, tables: Mapping[str, Tables]) -> None:
    """Each part has the policies and rosters of its pairs, no others; `release.json` has those of both."""
    for name, attribute in (("policies", "policies"), ("rosters", "rosters")):
        said = about.wholes(name)
        used: set[int] = set()
        for part, one in tables.items():
            there, here = set(getattr(one, attribute)), getattr(one, f"used_{attribute}")
            file = f"{part}/{'policies' if name == 'policies' else 'classifiers'}.json"
            if there != here:
                raise Difference(
                    file, "It should have the versions of the part’s pairs.", expected=sorted(here), found=sorted(there)
                )
            used |= here
        if not used <= set(said) or (len(tables) > 1 and sorted(used) != list(said)):
            raise about.differs(f"{name} are not those that occur.", expected=sorted(used), found=list(said))


def check_croissant(place: Place, part: str, sums: Sums) -> int:
    """Every file that the part's Croissant description names is there and has the digest that it says, and every table
    is named. Returns how many it names."""
    name = f"{part}/croissant.json"
    named = set()
    try:
        objects = list(_file_objects(document(place, name).values))
    except RecursionError:
        raise Difference(name, "It is nested too deeply.") from None
    for url, digest in objects:
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
