"""Reading predictions: a CSV with a score for each pair of a release, or of its public part. All of it, or nothing."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.ui.words import figure

COLUMNS = ("image_id", "label_id", "score")
MOST_BYTES = 256 * 1024 * 1024  # of the text, however well it is packed
MOST_SENT = 64 * 1024 * 1024
LONGEST_LINE = 4_000
# Empty lines, and texts over several, are no harm; a hundred million of them are.
LINES_A_PAIR = 4
SPARE_LINES = 10_000
SHOWN = 100
NAMED = 5
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
NAN = math.nan

Key = tuple[str, str]


@dataclass(frozen=True)
class Questions:
    """The pairs of a release: their places from 0, and by place whether a pair is held out."""

    places: Mapping[Key, int]
    heldout: bytearray

    def __len__(self) -> int:
        return len(self.heldout)


@dataclass(frozen=True)
class RowProblem:
    line: int
    message: str


class PredictionsRefused(Exception):
    """Why predictions are not taken. `problems`: the first rows that are wrong; `total`: how many are."""

    def __init__(self, message: str, problems: Sequence[RowProblem] = (), total: int = 0) -> None:
        super().__init__(message)
        self.problems = list(problems)
        self.total = total


@dataclass(frozen=True)
class Predictions:
    """`scores` by place, NaN where there is none; `whole`: of both parts, not of the public one alone."""

    scores: array[float]
    whole: bool
    ignored: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return hashlib.sha256(pack_scores(self.scores)).hexdigest()


def pack_scores(scores: array[float]) -> bytes:
    """Float32, little-endian, by place."""
    assert scores.typecode == "f"
    return scores.tobytes()


def unpack_scores(packed: bytes | memoryview) -> array[float]:
    scores = array("f")
    scores.frombytes(packed)
    return scores


def says_yes(score: float, threshold: float) -> bool | None:
    """Whether a stored score reaches the threshold, rounded as the score is; None where there is no score."""
    return None if math.isnan(score) else score >= array("f", [threshold])[0]


@dataclass
class _Problems:
    """The first problems, and how many there are of which kind."""

    rows: list[RowProblem] = field(default_factory=list)
    total: int = 0
    unknown: int = 0
    twice: int = 0

    def add(self, line: int, message: str) -> None:
        self.total += 1
        if len(self.rows) < SHOWN:
            self.rows.append(RowProblem(line, message))

    def refuse(self) -> None:
        if not self.total:
            return
        parts = [
            ngettext("%(n)s row can’t be taken", "%(n)s rows can’t be taken", self.total) % {"n": figure(self.total)}
        ]
        if self.unknown:
            parts.append(_("%(n)s of pairs that are not in this release") % {"n": figure(self.unknown)})
        if self.twice:
            parts.append(_("%(n)s of pairs that stand in the file twice") % {"n": figure(self.twice)})
        first = self.rows[0]
        words = _("%(what)s. Nothing was counted. The first: line %(line)s: %(message)s") % {
            "what": ", ".join(parts),
            "line": figure(first.line),
            "message": first.message,
        }
        raise PredictionsRefused(words, self.rows, self.total)


def read_predictions(stream: IO[bytes], questions: Questions) -> Predictions:
    """Read a CSV `image_id,label_id,score`, plain or packed with gzip, in UTF-8 with or without a byte order mark.

    Other columns are ignored. Every pair of the release must be there once, or every pair of its public part and no
    other. Raises `PredictionsRefused`, with the line of each row that is wrong. Memory and time are bounded.
    """
    reader = csv.reader(_lines(stream, most=LINES_A_PAIR * len(questions) + SPARE_LINES), strict=True)
    problems = _Problems()
    scores = array("f", [NAN]) * len(questions)
    try:
        header = next(reader, None)
        if header is None:
            raise PredictionsRefused(
                _("The file is empty. Its first line should be %(columns)s.") % {"columns": ",".join(COLUMNS)}
            )
        columns, ignored = _columns(header)
        for cells in reader:
            if cells:
                _take(cells, reader.line_num, len(header), columns, questions, scores, problems)
            if problems.total > len(questions) + SHOWN:
                break  # it is of something else altogether
    except csv.Error as error:
        raise PredictionsRefused(
            _("Line %(line_num)s can’t be read as CSV: %(error)s.")
            % {"line_num": figure(reader.line_num), "error": error}
        ) from None
    problems.refuse()
    return Predictions(scores, _refuse_missing(scores, questions), ignored)


def _columns(header: Sequence[str]) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    names = [cell.strip().lower() for cell in header]
    if any(names.count(name) != 1 for name in COLUMNS):
        shown = ",".join(header)[:80]
        raise PredictionsRefused(
            _("The first line should be %(columns)s, not “%(printable)s”.")
            % {"columns": ",".join(COLUMNS), "printable": _printable(shown)}
        )
    image, label, score = (names.index(name) for name in COLUMNS)
    return (image, label, score), tuple(_printable(name[:40]) for name in names if name not in COLUMNS)


def _take(
    cells: Sequence[str],
    line: int,
    width: int,
    columns: tuple[int, int, int],
    questions: Questions,
    scores: array[float],
    problems: _Problems,
) -> None:
    if len(cells) != width:
        problems.add(
            line,
            ngettext(
                "It has %(n)s column, the header %(width)s.", "It has %(n)s columns, the header %(width)s.", len(cells)
            )
            % {"n": figure(len(cells)), "width": width},
        )
        return
    image, label, text = (cells[place].strip() for place in columns)
    place = questions.places.get((image, label))
    if place is None:
        problems.unknown += 1
        problems.add(line, _("The pair %(named)s is not in this release.") % {"named": _named(image, label)})
        return
    score = _number(text)
    if score is None:
        problems.add(
            line,
            _("The score should be a number from 0 to 1, not “%(printable)s”.") % {"printable": _printable(text[:40])},
        )
    elif not math.isnan(scores[place]):
        problems.twice += 1
        problems.add(line, _("The pair %(named)s stands in the file twice.") % {"named": _named(image, label)})
    else:
        scores[place] = score


def _number(text: str) -> float | None:
    try:
        # Python would read 1_0 as a number; no other program does.
        score = float(text) if "_" not in text else NAN
    except ValueError:
        return None
    return score if 0.0 <= score <= 1.0 else None


def _refuse_missing(scores: array[float], questions: Questions) -> bool:
    """Whether held-out pairs are among them. Raises `PredictionsRefused` where any pair is missing."""
    lacking = [place for place, score in enumerate(scores) if math.isnan(score)]
    public = [place for place in lacking if not questions.heldout[place]]
    number = sum(questions.heldout)
    lacking_heldout = len(lacking) - len(public)
    if public:
        raise PredictionsRefused(
            ngettext(
                "%(n)s pair of the public part is missing: %(first)s. Give a score for every pair.",
                "%(n)s pairs of the public part are missing: %(first)s. Give a score for every pair.",
                len(public),
            )
            % {"n": figure(len(public)), "first": _first(public, questions)}
        )
    if 0 < lacking_heldout < number:
        raise PredictionsRefused(
            ngettext(
                "%(n)s held-out pair is missing: %(first)s. Give a score for all %(all)s of them, or for none.",
                "%(n)s held-out pairs are missing: %(first)s. Give a score for all %(all)s of them, or for none.",
                lacking_heldout,
            )
            % {"n": figure(lacking_heldout), "first": _first(lacking, questions), "all": figure(number)}
        )
    return lacking_heldout == 0 and number > 0


def _first(places: Sequence[int], questions: Questions) -> str:
    wanted = set(places[:NAMED])
    names = {place: key for key, place in questions.places.items() if place in wanted}
    shown = ", ".join(_named(*names[place]) for place in places[:NAMED])
    return shown + (" …" if len(places) > NAMED else "")


def _lines(stream: IO[bytes], *, most: int) -> Iterator[str]:
    """The lines of the text, unpacked where they are packed, within the limits."""
    beginning = stream.read(4)
    whole = _Counted(beginning, stream, MOST_SENT, _("The file is larger than %(limit)s MB. Pack it with gzip."))
    packed = beginning.startswith(GZIP)
    if not packed:
        _refuse_other_types(beginning)
    plain = io.BufferedReader(whole)
    source = gzip.GzipFile(fileobj=plain) if packed else plain
    read = number = 0
    try:
        while line := source.readline(LONGEST_LINE + 1):
            number += 1
            read += len(line)
            if len(line) > LONGEST_LINE:
                raise PredictionsRefused(
                    _("Line %(number)s is longer than %(longest_line)s bytes.")
                    % {"number": figure(number), "longest_line": figure(LONGEST_LINE)}
                )
            if number > most:
                raise PredictionsRefused(
                    _("The file has more than %(most)s lines. The release has fewer pairs.") % {"most": figure(most)}
                )
            if read > MOST_BYTES:
                raise PredictionsRefused(
                    _("The file has more than %(value)s MB of text.") % {"value": MOST_BYTES // 2**20}
                )
            yield _decoded(line.removeprefix(BOM) if number == 1 else line, number)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise PredictionsRefused(_("The gzip file is damaged or cut short. Pack it again.")) from None


def _decoded(line: bytes, number: int) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise PredictionsRefused(
            _("Line %(number)s is not UTF-8. Save the file as “CSV UTF-8”.") % {"number": figure(number)}
        ) from None
    if "\x00" in text:
        raise PredictionsRefused(
            _("Line %(number)s has a NUL character. Save the file as “CSV UTF-8”.") % {"number": figure(number)}
        )
    return text


def _refuse_other_types(beginning: bytes) -> None:
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PredictionsRefused(_("The file is UTF-16. Save it as “CSV UTF-8”."))
    if beginning.startswith(b"PK\x03\x04"):
        raise PredictionsRefused(
            _("This is a zip archive or a workbook. Send the CSV in it, plain or packed with gzip.")
        )
    if beginning.startswith(b"PAR1"):
        raise PredictionsRefused(_("This is a Parquet file. Write its rows as a CSV in UTF-8."))


class _Counted(io.RawIOBase):
    """A stream that says no when more comes than may."""

    def __init__(self, beginning: bytes, stream: IO[bytes], most: int, words: str) -> None:
        self._beginning, self._stream, self._left = beginning, stream, most
        self._words = words % {"limit": most // 2**20}

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._beginning[: len(buffer)]
        self._beginning = self._beginning[len(data) :]
        data = data or self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise PredictionsRefused(self._words)
        buffer[: len(data)] = data
        return len(data)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _named(image: str, label: str) -> str:
    return _printable(f"{image[:80]}, {label[:80]}")
