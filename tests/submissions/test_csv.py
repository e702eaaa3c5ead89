"""Reading a CSV of claims: what people's spreadsheets really write."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cats4ml.submissions.forms import UnreadableUpload, read_claims
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
        b"image_id,label_id\n0a,/m/01\n\n , \n",
    ],
)
def test_every_spelling_of_a_file_reads_the_same(text: bytes) -> None:
    assert read_claims(text) == ONE


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
        (2, "It has 1 columns, the header 2."),
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
        (b"\xff\xfei\x00m\x00", "Line 1 is not UTF-8. Save the file as “CSV UTF-8”."),
        (
            b'image_id,label_id\n0a,"cat\n0b,dog\n',
            (
                "Line 2 can’t be read (unexpected end of data). "
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
    with pytest.raises(UnreadableUpload, match=r"The file has 4 rows; one file may have 3\. Split it\."):
        read_claims(text + b"0a,cat\n")
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    with pytest.raises(UnreadableUpload, match="larger than 1 MB"):
        read_claims(b"x" * (1024 * 1024 + 1))


def test_a_huge_field_is_refused_and_not_a_surprise() -> None:
    with pytest.raises(UnreadableUpload, match="Line 2 can’t be read"):
        read_claims(b'image_id,label_id\n0a,"' + b"x" * 200_000 + b'"\n')


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
