"""Verifying a release from its first file to its last count."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cats4ml_client.verifying import parquet
from cats4ml_client.verifying.archives import check_archives
from cats4ml_client.verifying.cards import check_cards
from cats4ml_client.verifying.descriptions import (
    check_counts,
    check_croissant,
    check_moment_and_columns,
    check_versions,
    read_about,
)
from cats4ml_client.verifying.manifests import WHOLE, Progress, Sums, check_names, check_sums, read_sums
from cats4ml_client.verifying.pair_rows import RELEASED_COLUMNS
from cats4ml_client.verifying.pairs import Found, Released, pairs_of
from cats4ml_client.verifying.places import MANIFEST, Place, place_of
from cats4ml_client.verifying.reading import Record, csv_lines
from cats4ml_client.verifying.report import Difference, Report, Unverifiable
from cats4ml_client.verifying.tables import Keys, Tables, check_images, check_same_labels, number_of, read_tables
from cats4ml_client.verifying.tombstones import check_tombstones

T = TypeVar("T")
PAIRS_AT_A_TIME = 5000
# A copy stays what it was, and this program asks nobody.
STILL_STANDS = (
    "That the release still stands: one with a picture that was taken down is withdrawn. Its page says so, and which "
    "release stands in its stead."
)


def in_silence(what: str, done: int) -> None:
    """Tells nobody how far it is."""


def verify_release(path: Path, *, root: str | None = None, progress: Progress = in_silence) -> Report:
    """Check every checksum, count every outcome again and compare the formats of the release at `path`: a folder or a
    zip, with both parts or with what is everybody's alone. `root`: its root digest, from a place that whoever changed
    the files could not change too. `progress` is told what is being done and how far it is.

    Raises `Unverifiable` where there is no release to look at.
    """
    if root is not None and not re.fullmatch("[0-9a-f]{64}", root := root.strip().lower()):
        raise Unverifiable("A root digest has 64 digits from 0 to f.")
    report = Report(path=str(path), root_given=root)
    run = _Run(report, progress)
    place = run.step(lambda: place_of(path))
    sums = run.step(lambda: read_sums(place)) if place is not None else None
    if place is not None and sums is not None:
        run.check(place, sums)
    return report


@dataclass
class _Run:
    """One verification. A step that finds something wrong ends, and the others go on where they can."""

    report: Report
    progress: Progress

    def step(self, do: Callable[[], T]) -> T | None:
        try:
            return do()
        except Difference as difference:
            self.report.differences.append(difference)
            return None

    def check(self, place: Place, sums: Sums) -> None:
        report = self.report
        report.root_digest = sums.root_digest
        report.parts = ["public", "heldout"] if sums.has_heldout else ["public"]
        self.step(lambda: self._check_root(sums))
        self.step(lambda: check_names(place, sums))
        report.differences += check_sums(place, sums, report.counts, self.progress)
        about = self.step(lambda: read_about(place))
        if about is not None:
            report.challenge, report.version = about.text("challenge"), about.text("version")
            self.step(lambda: self._check_contents(place, about))
        for part in report.parts:
            self.step(lambda part=part: check_croissant(place, part, sums))  # type: ignore[misc]  # bound now
        report.archives = self.step(lambda: check_archives(place, sums)) or []
        report.formats = ["CSV", "JSON lines", *(["Parquet"] if parquet.can_read() else [])]
        report.not_proven = [*self._not_proven_of_files(sums), *report.not_proven, STILL_STANDS]

    def _check_root(self, sums: Sums) -> None:
        given = self.report.root_given
        if given is not None and given != sums.root_digest:
            what = "It is not the release of this root digest: a file, or the manifest itself, was rewritten."
            raise Difference(MANIFEST, what, expected=given, found=sums.root_digest)

    def _check_contents(self, place: Place, about: Record) -> None:
        """Raises the first `Difference` in what the files say."""
        tables = {part: read_tables(place, part) for part in self.report.parts}
        found = {part: Found() for part in tables}
        check_same_labels(place, tables)
        self._check_pairs(place, tables, found)
        self._check_keys(place, found)
        self.report.counts.labels = len(tables["public"].labels)
        check_versions(about, tables)
        check_counts(about, found)
        check_moment_and_columns(about, found)
        for part in self.report.parts:
            self.step(lambda part=part: check_tombstones(place, part))  # type: ignore[misc]  # bound now
        self.step(lambda: check_cards(place, found, about.object("counts").object("heldout").whole("pairs")))
        self.report.not_proven = list(_not_proven_of_contents(list(found.values())))

    def _check_pairs(self, place: Place, tables: dict[str, Tables], found: dict[str, Found]) -> None:
        """Both parts at once, by position, beside the table of both."""
        counts = self.report.counts
        streams = [pairs_of(place, one, found[part], counts) for part, one in tables.items()]
        merged = heapq.merge(*streams, key=lambda pair: pair.position)
        done = 0
        for done, _ in enumerate(_beside_the_whole(place, merged) if len(streams) > 1 else merged, start=1):
            if done % PAIRS_AT_A_TIME == 0:
                self.progress("Pairs", done)
        self.progress("Pairs", done)

    def _check_keys(self, place: Place, found: dict[str, Found]) -> None:
        """Every pair is there once, and its picture is listed."""
        everything = Keys()
        for one in found.values():
            everything.extend(one.keys)
        everything.sort()
        repeated = everything.repeated()
        if repeated:
            _name_the_repeated(place, list(found), repeated)
        for part, one in found.items():
            one.images.sort(once=True)
            check_images(place, part, one.images, self.report.counts)

    def _not_proven_of_files(self, sums: Sums) -> Iterator[str]:
        if self.report.root_given is None:
            yield (
                "That these are the files that were published: whoever rewrote files and manifest together would not "
                f"be found. Compare {sums.root_digest} with the root digest at the release’s address, or give that "
                "(--root)."
            )
        if not sums.has_heldout:
            yield "Anything about the held-out part: it is not here. Its digest is in the manifest."
        if not parquet.can_read():
            yield "That Parquet holds the same as CSV and JSON: with pyarrow it is compared. Its checksums were."


def _beside_the_whole(place: Place, pairs: Iterator[Released]) -> Iterator[Released]:
    """The same pairs, compared with `pairs.csv` of both parts, in which the pair at position 1 is the first row."""
    whole = csv_lines(place, WHOLE, RELEASED_COLUMNS)
    expected = 0
    for expected, pair in enumerate(pairs, start=1):
        line = next(whole, None)
        if pair.position != expected:
            raise pair.line.differs(
                "Together the parts should have every position once.", expected=expected, found=pair.position
            )
        if line is None:
            raise Difference(WHOLE, "It has fewer rows than both parts together.", expected=",".join(pair.cells))
        if list(line.cells) != list(pair.cells):
            what = f"It should have here what {pair.line.file} has on line {pair.line.number}."
            raise line.differs(what, expected=",".join(pair.cells), found=",".join(line.cells))
        yield pair
    more = next(whole, None)
    if more is not None:
        raise more.differs("It has a row more than both parts together.", expected=expected, found=",".join(more.cells))


def _name_the_repeated(place: Place, parts: list[str], repeated: set[int]) -> None:
    """Raises `Difference` with the line of a pair that stands twice."""
    seen: set[tuple[str, str]] = set()
    for part in parts:
        for line in csv_lines(place, f"{part}/pairs.csv", RELEASED_COLUMNS):
            key = (line.cells[0], line.cells[1])
            if number_of(*key) in repeated and key in seen:
                raise line.differs("A pair should be in a release once.", found=",".join(key))
            if number_of(*key) in repeated:
                seen.add(key)


def _not_proven_of_contents(parts: list[Found]) -> Iterator[str]:
    imported = sum(one.kinds["imported"] for one in parts)
    adjudicated = sum(one.kinds["adjudicated"] for one in parts)
    without_mean = sum(one.without_mean for one in parts)
    if imported:
        yield f"The tallies of {imported:,} imported pairs: their single answers are not known."
    if adjudicated:
        yield f"The verdicts of {adjudicated:,} adjudicated pairs: they are a decision, not a count."
    if without_mean:
        yield f"What the machines said of {without_mean:,} pairs: their scores are not known, only the side."
    unweighed = sum(one.unweighed for one in parts)
    if unweighed:
        yield f"The weights of the answers to {unweighed:,} pairs: they are not told, and a plain majority was counted."
    yield (
        "The order of first claims, the draw of the parts, and that answers, their order and times, and scores are "
        "those that were given."
    )
    yield (
        "What is said in words: names, questions, attribution, the cards of classifiers; and of the datasheets "
        "agreement, dates, and people who are not in the files."
    )
