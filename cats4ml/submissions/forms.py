"""What participants send: one pair by form, many by CSV. A row that is well-formed here is checked by `queries`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from cats4ml.challenges.models import TargetLabel
from cats4ml.submissions.problems import MAX_RATIONALE
from cats4ml.submissions.queries import ClaimRow

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


class UnreadableUpload(Exception):
    """Why a file can't be read as claims at all, in a sentence that says how to mend it."""


def read_claims(data: bytes) -> list[ClaimRow]:
    """The rows of a CSV `image_id,label_id[,rationale]`, each with the line on which it begins.

    Takes UTF-8 with or without a byte order mark, LF or CRLF, comma or semicolon, the header in any case and in Open
    Images' spelling (`ImageID,LabelName`). Raises `UnreadableUpload` for what is no such file; a single bad row is a
    row with `malformed` set.
    """
    if len(data) > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        raise UnreadableUpload(f"The file is larger than {limit} MB. Split it into several files.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UnreadableUpload(f"Line {line} is not UTF-8. Save the file as “CSV UTF-8”.") from None
    lines = _records(text)
    header = next(lines, None)
    if header is None:
        raise UnreadableUpload(f"The file is empty. Its first line should be {EXPECTED}.")
    columns = _columns(header[1])
    rows = [_row(line, cells, columns) for line, cells in lines if any(cell.strip() for cell in cells)]
    if not rows:
        raise UnreadableUpload("The file has a header and no rows below it.")
    if len(rows) > settings.UPLOAD_MAX_ROWS:
        raise UnreadableUpload(
            f"The file has {len(rows):,} rows; one file may have {settings.UPLOAD_MAX_ROWS:,}. Split it."
        )
    return rows


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins (a quoted text may span several)."""
    first_line = text.partition("\n")[0]
    delimiter = ";" if ";" in first_line and "," not in first_line else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableUpload(
                f"Line {begins} can’t be read ({error}). "
                "Put quotes round a text with commas, and double the quotes in it."
            ) from None
        yield begins, cells
        begins = reader.line_num + 1


def _columns(header: Sequence[str]) -> list[str]:
    names = [HEADERS.get(cell.strip().lower().replace("_", "").replace(" ", ""), "") for cell in header]
    if names.count("image_id") != 1 or names.count("label_id") != 1:
        shown = ",".join(header)[:80]
        raise UnreadableUpload(f"The first line should be {EXPECTED}, not “{shown}”.")
    if "" in names:
        shown = header[names.index("")][:40]
        raise UnreadableUpload(f"The column “{shown}” is not known. The columns are {EXPECTED}.")
    return names


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> ClaimRow:
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    malformed = ""
    short_but_whole = len(cells) == 2 and list(columns) == ["image_id", "label_id", "rationale"]
    if len(cells) != len(columns) and not short_but_whole:
        malformed = f"It has {len(cells)} columns, the header {len(columns)}."
    return ClaimRow(
        line=line,
        image_id=values.get("image_id", ""),
        label_id=values.get("label_id", ""),
        rationale=values.get("rationale", ""),
        malformed=malformed,
    )


class ClaimForm(forms.Form):
    image_id = forms.CharField(
        label="Picture ID",
        max_length=80,
        error_messages={"required": "Fill in the picture’s ID."},
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "id"}),
    )
    label_id = forms.ChoiceField(label="Label", error_messages={"required": "Choose a label."})
    rationale = forms.CharField(
        label="Why might the machines get it wrong?",
        required=False,
        max_length=MAX_RATIONALE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: object, labels: Sequence[TargetLabel], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choices = [("", "Choose a label"), *((target.label.key, target.label.name) for target in labels)]
        self.fields["label_id"].choices = choices  # type: ignore[attr-defined]

    def row(self) -> ClaimRow:
        data = self.cleaned_data
        return ClaimRow(line=1, image_id=data["image_id"], label_id=data["label_id"], rationale=data["rationale"])


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> UploadedFile[Any]:
        """The file, with its rows in `self.rows`."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        try:
            self.rows = read_claims(file.read(settings.UPLOAD_MAX_BYTES + 1))
        except UnreadableUpload as error:
            raise forms.ValidationError(str(error)) from None
        return file
