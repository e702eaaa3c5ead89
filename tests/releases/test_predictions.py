"""Files of predictions: read whole, or refused with what is wrong."""

from __future__ import annotations

import gzip
import io
import math

import pytest

from cats4ml.releases import predictions as module
from cats4ml.releases.predictions import PredictionsRefused, Questions, read_predictions, says_yes

PAIRS = [("a", "/m/1", False), ("a", "/m/2", True), ("b", "/m/1", False), ("c,d", "/m/1", True)]
QUESTIONS = Questions(
    {(image, label): place for place, (image, label, _) in enumerate(PAIRS)}, bytearray(held for *_, held in PAIRS)
)
WHOLE = 'image_id,label_id,score\na,/m/1,0.5\na,/m/2,1\nb,/m/1,0\n"c,d",/m/1,2.5e-1\n'
HEAD = "image_id,label_id,score\n"


def read(data: str | bytes):
    return read_predictions(io.BytesIO(data.encode() if isinstance(data, str) else data), QUESTIONS)


def refused(data: str | bytes) -> PredictionsRefused:
    with pytest.raises(PredictionsRefused) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        "\ufeff" + WHOLE,
        WHOLE.replace("\n", "\r\n"),
        gzip.compress(WHOLE.encode(), mtime=0),
        WHOLE.replace("\na,/m/2", "\n\n a , /m/2"),
        'Score,IMAGE_ID,label_id\n0.5,a,/m/1\n1,a,/m/2\n0,b,/m/1\n.25,"c,d",/m/1\n',
    ],
)
def test_a_file_is_read_however_programs_write_it(data) -> None:
    found = read(data)
    assert (list(found.scores), found.whole, found.ignored) == ([0.5, 1.0, 0.0, 0.25], True, ())


def test_the_public_part_alone_will_do_and_other_columns_are_ignored() -> None:
    found = read("image_id,label_id,score,=note\na,/m/1,0.1,x\nb,/m/1,0.9,y\n")
    assert ([math.isnan(one) for one in found.scores], found.whole, found.ignored) == (
        [False, True, False, True],
        False,
        ("=note",),
    )


def test_every_bad_row_is_named_with_its_line_and_nothing_is_taken() -> None:
    error = refused(HEAD + "a,/m/1,1.01\nz,/m/1,0.5\na,/m/2,nan\na,/m/2\nb,/m/1,0.3\nb,/m/1,0.4\na,/m/2,1_0\n")
    assert str(error) == (
        "6 rows can’t be taken, 1 of pairs that are not in this release, 1 of pairs that stand in the file twice."
        " Nothing was counted. The first: line 2: The score should be a number from 0 to 1, not “1.01”."
    )
    assert [(one.line, one.message) for one in error.problems] == [
        (2, "The score should be a number from 0 to 1, not “1.01”."),
        (3, "The pair z, /m/1 is not in this release."),
        (4, "The score should be a number from 0 to 1, not “nan”."),
        (5, "It has 2 columns, the header 3."),
        (7, "The pair b, /m/1 stands in the file twice."),
        (8, "The score should be a number from 0 to 1, not “1_0”."),
    ]


def test_a_file_of_something_else_ends_soon_and_shows_a_hundred_rows() -> None:
    error = refused(HEAD + "z,/m/1,0.5\n" * 5_000)
    assert (len(error.problems), error.total) == (100, len(PAIRS) + 101)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "The file is empty. Its first line should be image_id,label_id,score."),
        ("image,label,score\n", "The first line should be image_id,label_id,score, not “image,label,score”."),
        (HEAD, "2 pairs of the public part are missing: a, /m/1, b, /m/1. Give a score for every pair."),
        (
            HEAD + "a,/m/1,1\nb,/m/1,1\na,/m/2,1\n",
            "1 held-out pair is missing: c,d, /m/1. Give a score for all 2 of them, or for none.",
        ),
        (WHOLE.encode("utf-16"), "The file is UTF-16. Save it as “CSV UTF-8”."),
        (WHOLE.encode().replace(b"0.5", b"\xff"), "Line 2 is not UTF-8. Save the file as “CSV UTF-8”."),
        (WHOLE.replace("0.5", "\x00"), "Line 2 has a NUL character. Save the file as “CSV UTF-8”."),
        (gzip.compress(WHOLE.encode(), mtime=0)[:-12], "The gzip file is damaged or cut short. Pack it again."),
        (b"\x1f\x8b\x08\x00rubbish and no gzip", "The gzip file is damaged or cut short. Pack it again."),
        (b"PK\x03\x04", "This is a zip archive or a workbook. Send the CSV in it, plain or packed with gzip."),
        (HEAD + "a" * 5_000, "Line 2 is longer than 4,000 bytes."),
        (HEAD + '"a,/m/1,1\n', "Line 2 can’t be read as CSV: unexpected end of data."),
    ],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(data, said) -> None:
    assert str(refused(data)) == said


def test_a_small_file_that_unpacks_to_a_huge_one_fills_no_memory(monkeypatch) -> None:
    empty = HEAD + "\n" * 2**21
    assert str(refused(empty)) == "The file has more than 10,016 lines. The release has fewer pairs."
    monkeypatch.setattr(module, "SPARE_LINES", 2**22)
    monkeypatch.setattr(module, "MOST_BYTES", 2**20)
    assert str(refused(gzip.compress(empty.encode()))) == "The file has more than 1 MB of text."
    monkeypatch.setattr(module, "MOST_BYTES", 2**23)
    monkeypatch.setattr(module, "MOST_SENT", 2**20)
    assert str(refused(empty)) == "The file is larger than 1 MB. Pack it with gzip."


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_score_at_the_threshold_says_yes_though_it_is_stored_in_four_bytes(threshold) -> None:
    [score, *_] = read(WHOLE.replace("0.5", str(threshold))).scores
    assert (says_yes(score, threshold), says_yes(score, threshold + 0.01)) == (True, False)
    assert says_yes(math.nan, threshold) is None
