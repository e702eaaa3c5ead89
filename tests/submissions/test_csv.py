"""Reading a CSV of claims: what people's spreadsheets really write."""

from __future__ import annotations

import csv
import gzip
import io
import re
import tracemalloc
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cats4ml.submissions.claim_files import LONGEST_LINE, UnreadableUpload, read_claims
from cats4ml.submissions.queries import ClaimRow

ONE = [ClaimRow(2, "0a", "/m/01", "")]


@pytest.mark.parametrize(
    "text",
    [
        b"image_id,label_id\n0a,/m/01\n",
        b"image_id,label_id\n0a,/m/01",
        b"\xef\xbb\xbfimage_id,label_id\n0a,/m/01\n",
        b"image_id,label_id\r\n0a,/m/01\r\n",
        b"image_id,label_id\r0a,/m/01\r",
        b"image_id;label_id\n0a;/m/01\n",
        b"IMAGE_ID,Label_Id\n0a,/m/01\n",
        b"ImageID,LabelName\n0a,/m/01\n",
        b"Image ID, Label\n0a, /m/01 \n",
        b"label_id,image_id\n/m/01,0a\n",
        b"image_id,label_id,rationale\n0a,/m/01\n",
        b'"image_id","label_id"\n"0a","/m/01"\n',
        b"line,image_id,label_id,rationale,reason,how_to_mend\n7,0a,/m/01,,Over your quota,Wait\n",
        b"image_id\tlabel_id\n0a\t/m/01\n",
        "image_id,label_id\n0a,/m/01\n".encode("utf-16"),
        b"\xfe\xff" + "image_id,label_id\r\n0a,/m/01\r\n".encode("utf-16-be"),
        "image_id\tlabel_id\n0a\t/m/01\n".encode("utf-32"),
        b"image_id,label_id\n0a,/m/01\n\n , \n",
    ],
)
def test_every_spelling_of_a_file_reads_the_same(text: bytes) -> None:
    assert read_claims(text) == ONE


@pytest.mark.parametrize("first", [b"sep=;\n", b"SEP=;\r\n", b'"sep=;"\r', b"\xef\xbb\xbfsep=;\n"])
def test_the_line_by_which_excel_names_its_separator_is_a_line_and_no_header(first: bytes) -> None:
    assert read_claims(first + b"image_id;label_id;rationale\n0a;/m/01;a, b\n") == [ClaimRow(3, "0a", "/m/01", "a, b")]


def test_a_mended_list_of_bad_rows_gives_back_what_was_made_harmless_in_it() -> None:
    text = b"line,image_id,label_id,rationale,reason,how_to_mend\n7,'-1,'=x,'+1 'a,Over your quota.,Wait\n"
    assert read_claims(text) == [ClaimRow(2, "-1", "=x", "+1 'a")]
    assert read_claims(b"image_id,label_id\n'-1,'=x\n") == [ClaimRow(2, "'-1", "'=x")]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = b'image_id,label_id,rationale\r\n0a,cat,"one\r\ntwo, ""three""\r\n"\r\n\r\n0b,dog\n0c,owl,x,y\n'
    assert read_claims(text) == [
        ClaimRow(2, "0a", "cat", 'one\r\ntwo, "three"'),
        ClaimRow(6, "0b", "dog", ""),
        ClaimRow(7, "0c", "owl", "x", malformed="It has 4 columns, the header 3."),
    ]


def test_rows_with_too_few_columns_are_marked_one_by_one() -> None:
    rows = read_claims(b"image_id,label_id\n0a\n0b,cat\n,\nx,y,z\n")
    assert [(row.line, row.malformed) for row in rows] == [
        (2, "It has 1 column, the header 2."),
        (3, ""),
        (5, "It has 3 columns, the header 2."),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty. Its first line should be image_id,label_id,rationale."),
        (b"image_id,label_id\n", "The file has a header and no rows below it."),
        (b"\n\nimage_id,label_id\n0a,cat\n", "The first line should be image_id,label_id,rationale, not “”."),
        (b"0a,cat\n", "The first line should be image_id,label_id,rationale, not “0a,cat”."),
        (
            b"image_id,label_id,label\n0,1,2\n",
            "The first line should be image_id,label_id,rationale, not “image_id,label_id,label”.",
        ),
        (
            b"image_id,label_id,score\n0,1,2\n",
            "The column “score” is not known. The columns are image_id,label_id,rationale.",
        ),
        (b"image_id,label_id\n0a,caf\xe9\n", "Line 2 is not UTF-8. Save the file as “CSV UTF-8”."),
        (b"\xef\xbb\xbfa\n\xff", "Line 2 is not UTF-8. Save the file as “CSV UTF-8”."),
        (b"image_id,label_id\r0a,caf\xe9\r", "Line 2 is not UTF-8. Save the file as “CSV UTF-8”."),
        (b"\xff\xfei\x00m\x00", "The first line should be image_id,label_id,rationale, not “im”."),
        (
            b"\xff\xfe\x00\xd8a",
            "The file begins like UTF-16 and does not go on like it. Save it as “CSV UTF-8”.",
        ),
        (b"i\x00m\x00", "The file looks like UTF-16 without its mark. Save it as “CSV UTF-8”."),
        (b"ab\x01c\n", "The first line should be image_id,label_id,rationale, not “ab�c”."),
        (b"sep=;\n", "The file is empty. Its first line should be image_id,label_id,rationale."),
        (
            b'image_id,label_id\n0a,"cat\n0b,dog\n',
            (
                "A quotation mark that opens on line 2 or shortly after it is never closed. "
                "Close it, or write it twice if it belongs to the text."
            ),
        ),
        (
            b'image_id,label_id\n0a,"cat" or dog\n',
            (
                "Line 2 can’t be read (',' expected after '\"'). "
                "Put quotes round a text with commas, and double the quotes in it."
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_no_list_of_claims_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableUpload) as refusal:
        read_claims(data)
    assert str(refusal.value) == words


def test_too_many_rows_and_too_many_bytes_are_refused(settings) -> None:
    settings.UPLOAD_MAX_ROWS = 3
    text = b"image_id,label_id\n" + b"0a,cat\n" * 3
    assert len(read_claims(text)) == 3
    with pytest.raises(UnreadableUpload, match=r"The file has more than 3 rows\. Split it into several\."):
        read_claims(text + b"0a,cat\n")
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    with pytest.raises(UnreadableUpload, match="larger than 1 MB"):
        read_claims(b"x" * (1024 * 1024 + 1))


def _zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            _zipped("[Content_Types].xml", "xl/workbook.xml"),
            "an Excel workbook, not a CSV. Open it and save it as “CSV",
        ),
        (_zipped("claims.csv"), "This is a zip archive. Unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook, not a CSV. Open it and save it as “CSV UTF-8”."),
        (gzip.compress(b"image_id,label_id\n0a,cat\n", mtime=0), "compressed with gzip. Unpack it"),
        (b"\x89PNG\r\n\x1a\n", "This is a picture."),
        (b"\xff\xd8\xff\xe0", "This is a picture."),
        (b"%PDF-1.7", "This is a PDF"),
        (b'[{"image_id": "0a"}]', "This is JSON"),
        (b'\xef\xbb\xbf\n {"image_id": "0a"}', "This is JSON"),
        (b"<!doctype html><table>", "This is a web page"),
    ],
)
def test_a_file_of_another_kind_is_known_by_its_content(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableUpload) as refusal:
        read_claims(data)
    assert words in str(refusal.value)


HUGE = 10 * 1024 * 1024 - 64


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"image_id,label_id\n" + b"," * 1_000_000, "Line 2 is 1,000,000 characters long."),
        (b"," * 1_000_000, "Line 1 is 1,000,000 characters long."),
        (b"image_id,label_id\n0a," + b"x" * 5_000_000, "Line 2 is 5,000,003 characters long."),
        (b'image_id,label_id\n0a,"' + b"x\n" * 100_000, "A quotation mark that opens on line 2 or shortly after it"),
        (b"image_id,label_id\n" + b"\n" * HUGE, "The file has more than 200,000 lines."),
        (b"image_id,label_id\n" + b"0,1\n" * 90_000, "The file has more than 20,000 rows."),
        (b"\x00" * HUGE, "The file looks like UTF-16 without its mark."),
        (b"image_id,label_id\n" + b"\r" * HUGE, "The file has more than 200,000 lines."),
    ],
    ids=range(8),
)
def test_a_file_that_would_take_long_or_much_is_refused_before_it_does(data: bytes, words: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableUpload) as refusal:
            read_claims(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(refusal.value).startswith(words)
    assert peak < 8 * len(data) + 32 * 1024 * 1024


def test_a_row_with_too_many_columns_is_a_bad_row_and_the_others_are_read() -> None:
    row = b"," * (LONGEST_LINE - 2)
    assert [one.malformed for one in read_claims(b"image_id,label_id\na" + row + b"\n0a,cat\n")] == [
        "It has 19,999 columns, the header 2.",
        "",
    ]


CELLS = st.text(st.sampled_from('a0,;"\n\r\x00\t= é\u2028😀\ufeff'), max_size=6)
FILES = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=6).map("\n".join)
HEADERS = st.sampled_from(["", "image_id,label_id\n", "image_id;label_id;rationale\r\n", "ImageID,LabelName\r"])


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.builds(lambda head, text: (head + text).encode(), HEADERS, FILES)))
@example(b"image_id,label_id\n\x00,\x00\n")
def test_any_bytes_are_rows_or_a_refusal(data: bytes) -> None:
    try:
        rows = read_claims(data)
    except UnreadableUpload as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - a refusal and rows are both right here
        return
    assert rows
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert lines[0] >= 2


IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.strip)
WRITTEN = st.lists(st.tuples(IDS.filter(str.strip), IDS.filter(str.strip), TEXTS), min_size=1, max_size=6)


@given(
    rows=WRITTEN,
    delimiter=st.sampled_from([",", ";", "\t"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@example(rows=[("a", "b", "x\ry"), ("c", "d", '"')], delimiter=",", quoting=csv.QUOTE_MINIMAL, encoding="utf-8")
def test_whatever_a_csv_writer_wrote_is_read_back_with_its_lines(rows, delimiter, quoting, encoding) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerow(["image_id", "label_id", "rationale"])
    expected = []
    for image, label, why in rows:
        line = len(re.findall("\r\n|\r|\n", text.getvalue())) + 1
        expected.append(ClaimRow(line, image, label, why))
        writer.writerow([image, label, why])
    assert read_claims(text.getvalue().encode(encoding)) == expected
