"""Reading a file of claims: whatever people's spreadsheets write is read, or refused with what to do about it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cats4ml.submissions.queries import ClaimRow
from cats4ml.ui.spreadsheets import FORMULA_STARTS
from cats4ml.ui.words import figure

HEADERS = {
    "imageid": "image_id",
    "labelid": "label_id",
    "labelname": "label_id",
    "label": "label_id",
    "rationale": "rationale",
    # The columns that our own list of bad rows adds: a mended list can be sent as it is.
    "line": "ignored",
    "reason": "ignored",
    "howtomend": "ignored",
}
EXPECTED = "image_id,label_id,rationale"
DELIMITERS = (",", ";", "\t")
# A row is two IDs and a thousand characters. What is far beyond is refused before it is taken apart.
LONGEST_LINE = 20_000
LINES_A_ROW = 10

NOT_CSV = (
    (b"\xd0\xcf\x11\xe0", gettext_lazy("This is an Excel workbook, not a CSV. Open it and save it as “CSV UTF-8”.")),
    (b"\x1f\x8b", gettext_lazy("This file is compressed with gzip. Unpack it and send the CSV in it.")),
    (b"BZh", gettext_lazy("This file is compressed with bzip2. Unpack it and send the CSV in it.")),
    (b"\xfd7zXZ", gettext_lazy("This file is compressed with xz. Unpack it and send the CSV in it.")),
    (b"\x28\xb5\x2f\xfd", gettext_lazy("This file is compressed with zstd. Unpack it and send the CSV in it.")),
    (b"7z\xbc\xaf\x27\x1c", gettext_lazy("This is a 7z archive. Unpack it and send the CSV in it.")),
    (b"\x89PNG", gettext_lazy("This is a picture. Send a CSV that names pictures by their IDs: %(expected)s.")),
    (b"\xff\xd8\xff", gettext_lazy("This is a picture. Send a CSV that names pictures by their IDs: %(expected)s.")),
    (b"GIF8", gettext_lazy("This is a picture. Send a CSV that names pictures by their IDs: %(expected)s.")),
    (b"RIFF", gettext_lazy("This is a picture or a sound. Send a CSV that names pictures by their IDs: %(expected)s.")),
    (b"%PDF", gettext_lazy("This is a PDF, not a CSV. Send the table that it was made from, as “CSV UTF-8”.")),
    (b"PAR1", gettext_lazy("This is a Parquet file, not a CSV. Write its rows as a CSV in UTF-8.")),
)
WORKBOOKS = (
    (b"xl/", gettext_lazy("This is an Excel workbook, not a CSV. Open it and save it as “CSV UTF-8”.")),
    (b"application/vnd.oasis", gettext_lazy("This is a spreadsheet, not a CSV. Open it and save it as “CSV UTF-8”.")),
    (b"word/", gettext_lazy("This is a Word document, not a CSV. Open it and save it as “CSV UTF-8”.")),
)
BYTE_ORDER_MARKS = (  # UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n|\r|\n")
_SEPARATOR = re.compile('"?sep=([,;\t])"?[,;]*(?:\r\n|\r|\n)', re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class UnreadableUpload(Exception):
    """Why a file can't be read as claims at all, in a sentence that says how to mend it."""


def read_claims(data: bytes) -> list[ClaimRow]:
    """The rows of a CSV `image_id,label_id[,rationale]`, each with the line on which it begins.

    Takes UTF-8 with or without a byte order mark and UTF-16 or UTF-32 with one; LF, CRLF or CR; comma, semicolon or
    tab, also as Excel's first line `sep=;` names it; the header in any case and in Open Images' spelling
    (`ImageID,LabelName`). Raises `UnreadableUpload` for what is no such file; a single bad row is a row with
    `malformed` set. Time and memory are bounded by `UPLOAD_MAX_BYTES` and `UPLOAD_MAX_ROWS`, whatever the bytes are.
    """
    if len(data) > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        raise UnreadableUpload(
            _("The file is larger than %(limit)s MB. Split it into several files.") % {"limit": limit}
        )
    _refuse_other_types(data)
    text = _decoded(data)
    most_lines = LINES_A_ROW * settings.UPLOAD_MAX_ROWS
    if text.count("\n") + text.count("\r") - text.count("\r\n") > most_lines:
        raise UnreadableUpload(
            _("The file has more than %(most_lines)s lines. Remove the empty ones, or split it.")
            % {"most_lines": figure(most_lines)}
        )
    records = _records(text)
    header = next(records, None)
    if header is None:
        raise UnreadableUpload(_("The file is empty. Its first line should be %(expected)s.") % {"expected": EXPECTED})
    return _rows(records, _columns(header[1]))


def _rows(records: Iterator[tuple[int, list[str]]], columns: Sequence[str]) -> list[ClaimRow]:
    rows: list[ClaimRow] = []
    for line, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == settings.UPLOAD_MAX_ROWS:
            raise UnreadableUpload(
                _("The file has more than %(rows)s rows. Split it into several.")
                % {"rows": figure(settings.UPLOAD_MAX_ROWS)}
            )
        rows.append(_row(line, cells, columns))
    if not rows:
        raise UnreadableUpload(_("The file has a header and no rows below it."))
    return rows


def _refuse_other_types(data: bytes) -> None:
    """Refuse by content, whatever the file is called."""
    for beginning, words in NOT_CSV:
        if data.startswith(beginning):
            raise UnreadableUpload(words % {"expected": EXPECTED})
    if data.startswith(b"PK\x03\x04"):
        for part, words in WORKBOOKS:
            if part in data:
                raise UnreadableUpload(str(words))
        raise UnreadableUpload(_("This is a zip archive. Unpack it and send the CSV in it."))
    first = data[:200].removeprefix(codecs.BOM_UTF8).lstrip()
    if first.startswith((b"{", b"[")):
        raise UnreadableUpload(
            _("This is JSON, not a CSV. Write its rows as a CSV: %(expected)s. The API takes JSON.")
            % {"expected": EXPECTED}
        )
    if first.startswith(b"<"):
        raise UnreadableUpload(
            _("This is a web page or XML, not a CSV. Open it in a spreadsheet and save it as “CSV UTF-8”.")
        )


def _decoded(data: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise UnreadableUpload(
                    _("The file begins like %(encoding)s and does not go on like it. Save it as “CSV UTF-8”.")
                    % {"encoding": encoding.upper()}
                ) from None
    if b"\x00" in data[:2] or b"\x00" in data[3:4]:
        raise UnreadableUpload(_("The file looks like UTF-16 without its mark. Save it as “CSV UTF-8”."))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("latin-1")
        line = len(_LINE_END.findall(before)) + 1
        raise UnreadableUpload(
            _("Line %(line)s is not UTF-8. Save the file as “CSV UTF-8”.") % {"line": line}
        ) from None


def _lines(text: str, skip: int) -> Iterator[str]:
    lines = iter(io.StringIO(text, newline=""))
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise UnreadableUpload(
                _("Line %(number)s is %(line)s characters long. A row is a picture ID, a label and a rationale.")
                % {"number": figure(number), "line": figure(len(line))}
            )
        if number > skip:
            yield line


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins (a quoted text may span several)."""
    named = _SEPARATOR.match(text)
    if named:
        delimiter, skip = named[1], 1
    else:
        first_line = next(iter(io.StringIO(text[: LONGEST_LINE + 1], newline="")), "")
        delimiter = next((one for one in DELIMITERS if one in first_line), ",")
        skip = 0
    reader = csv.reader(_lines(text, skip), delimiter=delimiter, strict=True)
    begins = 1 + skip
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableUpload(_in_words(str(error), begins)) from None
        yield begins, cells
        begins = reader.line_num + 1 + skip


def _in_words(error: str, line: int) -> str:
    if "unexpected end" in error or "field limit" in error:
        return _(
            "A quotation mark that opens on line %(line)s or shortly after it is never closed. Close it, or "
            "write it twice if it belongs to the text."
        ) % {"line": figure(line)}
    return _(
        "Line %(line)s can’t be read (%(error)s). Put quotes round a text with commas, and double the quotes in it."
    ) % {"line": figure(line), "error": error}


def _printable(text: str, most: int) -> str:
    return _UNPRINTABLE.sub("�", text[:most])


def _columns(header: Sequence[str]) -> list[str]:
    names = [HEADERS.get(cell.strip().lower().replace("_", "").replace(" ", ""), "") for cell in header]
    if names.count("image_id") != 1 or names.count("label_id") != 1 or names.count("rationale") > 1:
        shown = _printable(",".join(header), 80)
        raise UnreadableUpload(
            _("The first line should be %(expected)s, not “%(shown)s”.") % {"expected": EXPECTED, "shown": shown}
        )
    if "" in names:
        shown = _printable(header[names.index("")], 40)
        raise UnreadableUpload(
            _("The column “%(shown)s” is not known. The columns are %(expected)s.")
            % {"shown": shown, "expected": EXPECTED}
        )
    return names


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> ClaimRow:
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    malformed = ""
    short_but_whole = len(cells) == 2 and list(columns) == ["image_id", "label_id", "rationale"]
    if len(cells) != len(columns) and not short_but_whole:
        malformed = ngettext(
            "It has %(n)s column, the header %(header)s.", "It has %(n)s columns, the header %(header)s.", len(cells)
        ) % {"n": figure(len(cells)), "header": figure(len(columns))}
    if "ignored" in columns:  # our own list of bad rows, which made formulas harmless
        values = {name: _as_it_was(text) for name, text in values.items()}
    return ClaimRow(
        line=line,
        image_id=values.get("image_id", ""),
        label_id=values.get("label_id", ""),
        rationale=values.get("rationale", ""),
        malformed=malformed,
    )


def _as_it_was(text: str) -> str:
    return text[1:] if text.startswith(tuple(f"'{start}" for start in FORMULA_STARTS)) else text
