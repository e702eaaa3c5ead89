"""What becomes of Open Images' files, good and bad, in the catalogue."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import AnnotationKind, Image, Label
from cats4ml.catalog.openimages import rows
from tests.catalog.openimages_files import (
    IMAGE_HEADER,
    KERZE,
    LABEL_HEADER,
    annotations,
    image_row,
    images,
    imported,
    labels,
    some_labels,
    write,
)
from tests.console.commands import command_json, shared_data

pytestmark = pytest.mark.django_db

NO, YES, MACHINE = (kind.value for kind in (AnnotationKind.HUMAN_NO, AnnotationKind.HUMAN_YES, AnnotationKind.MACHINE))


def reported(answer: dict[str, Any]) -> list[list[str]]:
    with Path(answer["report"]).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def some_images(*numbers: int) -> None:
    Image.objects.bulk_create([Image(collection="openimages", image_id=f"{number:016x}") for number in numbers])


# Class descriptions


def test_a_newer_release_renames_labels() -> None:
    old = shared_data("openimages", "2018_04_class-descriptions.csv")
    new = shared_data("openimages", "oidv6-class-descriptions_with-header.csv")
    assert imported(old) == (19_995, 0, 0, 0)
    assert imported(new) == (0, 385, 19_609, 0)
    assert Label.objects.get(key="/m/01dwwc").name == "Pancake"
    assert imported(new) == (0, 0, 19_994, 0)
    assert imported(old) == (0, 385, 19_610, 0)


@pytest.mark.parametrize("header", [None, "LabelName,DisplayName ", "id,name", "\ufeffLabelName,DisplayName"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_descriptions_come_with_and_without_a_header(header: str | None, end: bytes, tmp_path: Path) -> None:
    lines = ["/m/0100nhbf,Sprenger's tulip", '/m/01bl7v,"Boy, ""young"""', "/m/0cgh4,Building ", "", "/g/11x,Ö"]
    path = write(tmp_path / "classes.csv", *([header] if header else []), *lines, end=end)
    assert imported(path) == (4, 0, 0, 0)
    assert labels() == {
        "/g/11x": "Ö",
        "/m/0100nhbf": "Sprenger's tulip",
        "/m/01bl7v": 'Boy, "young"',
        "/m/0cgh4": "Building",
    }


def test_a_label_keeps_its_own_description(tmp_path: Path) -> None:
    add_labels(vocabulary="openimages", labels=[NewLabel("/m/015p6", "bird", "with feathers")])
    assert imported(write(tmp_path / "c.csv", "/m/015p6,Bird")) == (0, 1, 0, 0)
    assert Label.objects.values_list("name", "description").get() == ("Bird", "with feathers")


def test_bad_descriptions_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "/m/01,One", "two,Two", "/m/03, ", "/m/04," + "x" * 201, "/m/05,a,b", "/m/06")
    answer = command_json("import_openimages", path)
    assert [(int(line), reason) for line, reason, _ in reported(answer)] == [
        (2, "a label id that is none, such as /m/015p6"),
        (3, "no name"),
        (4, "a name of more than 200 characters"),
        (5, "wrong number of columns"),
        (6, "wrong number of columns"),
    ]
    assert labels() == {"/m/01": "One"}


# Images


def test_an_image_comes_with_all_that_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path / "images.csv", IMAGE_HEADER, KERZE)
    assert imported(path) == (1, 0, 0, 0)
    assert images() == {
        "4fa8054781a4c382": {
            "subset": "train",
            "original_url": "https://farm3.staticflickr.com/5310/5898076654_51085e157c_o.jpg",
            "landing_url": "https://www.flickr.com/photos/michael-beat/5898076654",
            "license": "https://creativecommons.org/licenses/by/2.0/",
            "author_url": "https://www.flickr.com/people/michael-beat/",
            "author": "Michael Beat",
            "title": "...die FNF-Kerze",
            "original_bytes": 4_405_052,
            "original_md5": "KFukvivpCM5QXl5SqKe41g==",
            "thumbnail_url": "https://c1.staticflickr.com/6/5310/5898076654_00643a940c_z.jpg",
            "rotation": 0,
        }
    }
    assert imported(path) == (0, 0, 1, 0)


def test_quotes_commas_and_lines_within_a_field(tmp_path: Path) -> None:
    path = write(
        tmp_path / "images.csv",
        IMAGE_HEADER,
        image_row(1, Title='"a, ""b"""', Author='"two\r\nlines"'),
        image_row(2, Title='5" disk'),
        image_row(3, Title='"ends'),
        image_row(4, Title='"begins"'),
        image_row(5, Title="\\N\\.\t"),
        end=b"\r\n",
    )
    answer = command_json("import_openimages", path)
    assert [(row["author"], row["title"]) for row in images().values()] == [
        ("two\r\nlines", 'a, "b"'),
        ("", '5" disk'),
        ("", "begins"),
        ("", "\\N\\.\t"),
    ]
    assert [row[:2] for row in reported(answer)] == [["5", "quotes that don't match"]]


@pytest.mark.parametrize(
    ("text", "degrees"), [("0.0", 0), ("0", 0), ("90.0", 90), ("180", 180), ("270.0", 270), ("", None)]
)
def test_rotations_are_read_as_published(text: str, degrees: int | None, tmp_path: Path) -> None:
    assert imported(write(tmp_path / "i.csv", IMAGE_HEADER, image_row(1, Rotation=text))) == (1, 0, 0, 0)
    assert images()[f"{1:016x}"]["rotation"] == degrees


def test_a_file_without_rotations_leaves_the_known_ones(tmp_path: Path) -> None:
    imported(write(tmp_path / "v6.csv", IMAGE_HEADER, image_row(1, Rotation="90.0", Title="old")))
    old = write(
        tmp_path / "v3.csv",
        IMAGE_HEADER.removesuffix(",Rotation"),
        image_row(1, Title="new").removesuffix(","),
        image_row(2).removesuffix(","),
    )
    assert imported(old) == (1, 1, 0, 0)
    assert [(row["title"], row["rotation"]) for row in images().values()] == [("new", 90), ("", None)]


def test_what_is_known_of_the_picture_itself_stays(tmp_path: Path) -> None:
    Image.objects.create(collection="openimages", image_id=f"{1:016x}", file="ab/cd.jpg", sha256="ab", width=5)
    before = Image.objects.values("uuid", "file", "sha256", "width", "created_at").get()
    assert imported(write(tmp_path / "i.csv", IMAGE_HEADER, image_row(1, Title="t"))) == (0, 1, 0, 0)
    assert Image.objects.values("uuid", "file", "sha256", "width", "created_at").get() == before


def test_long_titles_are_cut_and_the_longest_are_those_of_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "i.csv", IMAGE_HEADER, image_row(1, Title="é" * 501, Author="b" * 301))
    assert imported(path) == (1, 0, 0, 0)
    assert [(row["title"], row["author"]) for row in images().values()] == [("é" * 500, "b" * 300)]
    kept = {name: Image._meta.get_field(name).max_length for name in ("title", "author", "license")}
    urls = {Image._meta.get_field(f"{name}_url").max_length for name in ("original", "landing", "thumbnail", "author")}
    assert {**kept, "url": urls.pop(), "name": Label._meta.get_field("name").max_length} == rows.LONGEST


def test_bad_images_are_reported_and_the_others_come(tmp_path: Path) -> None:
    path = write(
        tmp_path / "i.csv",
        IMAGE_HEADER,
        image_row(1),
        image_row(2, ImageID="4fa8054781a4c38"),
        image_row(3, ImageID="4fa8054781a4c38g"),
        image_row(4, Subset="../train"),
        image_row(5, OriginalURL="javascript:alert(1)"),
        image_row(6, AuthorProfileURL="https://e.org/" + "x" * 500),
        image_row(7, OriginalSize="1e9"),
        image_row(8, OriginalMD5="abc"),
        image_row(9, Rotation="45"),
        image_row(10, Title="=1+1,"),
        image_row(11, Title="\0"),
        image_row(12).encode() + b"\xff",
        image_row(13, Title="x" * 3_000_000),
        "," * 60_000,
        image_row(14, License="https://e.org/" + "x" * 200),
        image_row(15, Title="last"),
    )
    answer = command_json("import_openimages", path)
    assert [row[:2] for row in reported(answer)] == [
        ["3", "an image id that is not 16 hex digits"],
        ["4", "an image id that is not 16 hex digits"],
        ["5", "a Subset that is none, such as train"],
        ["6", "an address that is none: http(s)://…, without spaces, at most 500 characters"],
        ["7", "an address that is none: http(s)://…, without spaces, at most 500 characters"],
        ["8", "an OriginalSize that is no whole number"],
        ["9", "an OriginalMD5 that is none, in base64"],
        ["10", "a Rotation that is not 0, 90, 180 or 270"],
        ["11", "wrong number of columns"],
        ["12", "a NUL byte"],
        ["13", "not UTF-8"],
        ["14", "longer than 65,536 bytes"],
        ["15", "wrong number of columns"],
        ["16", "a License of more than 200 characters"],
    ]
    assert list(images()) == [f"{1:016x}", f"{15:016x}"]
    assert Path(answer["report"]).stat().st_size < 10_000


# Labels


def test_labels_say_yes_no_and_nothing(tmp_path: Path) -> None:
    some_labels("/m/01", "/m/02", "/m/03")
    some_images(1, 2)
    path = write(
        tmp_path / "l.csv",
        LABEL_HEADER,
        f"{1:016x},verification,/m/01,1",
        f"{1:016x},verification,/m/02,0",
        f"{1:016x},machine,/m/01,0.9",
        f"{2:016x},crowdsource-verification,/m/01,0.0",
        f"{2:016x},machine,/m/01,0.5",
    )
    assert imported(path) == (5, 0, 0, 0)
    nine = 0.8999999761581421  # 0.9 in four bytes
    expected = [
        (f"{1:016x}", "/m/01", 1, 1.0, YES),
        (f"{1:016x}", "/m/01", 3, pytest.approx(nine), MACHINE),
        (f"{1:016x}", "/m/02", 1, 0.0, NO),
        (f"{2:016x}", "/m/01", 2, 0.0, NO),
        (f"{2:016x}", "/m/01", 3, 0.5, MACHINE),
    ]
    assert annotations() == expected
    assert imported(path) == (0, 0, 5, 0)
    newer = write(tmp_path / "newer.csv", LABEL_HEADER, f"{1:016x},verification,/m/02,1")
    assert imported(newer) == (0, 1, 0, 0)
    assert annotations()[2] == (f"{1:016x}", "/m/02", 1, 1.0, YES)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("ImageID,Source,LabelName,Condidence", "{image},machine,/m/01,0.5"),
        ("\ufeffImageID,Source,LabelName,Confidence ", "{image},machine,/m/01,.5"),
        ("LabelName,Confidence,ImageID,Source", "/m/01,5e-1,{image},machine"),
        ("ImageID,Source,LabelName,Confidence,More", '{image},"machine",/m/01,0.5,"x\ny"'),
        ("ImageID,Source,LabelName,Confidence", "{image}, machine,/m/01 , 0.50"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_label_files_as_they_are_found(header: str, row: str, end: bytes, tmp_path: Path) -> None:
    some_labels("/m/01")
    some_images(10)
    assert imported(write(tmp_path / "l.csv", header, row.format(image=f"{10:016X}"), end=end)) == (1, 0, 0, 0)
    assert annotations() == [(f"{10:016x}", "/m/01", 3, 0.5, MACHINE)]


def test_the_last_row_of_one_label_holds(tmp_path: Path) -> None:
    some_labels("/m/01")
    some_images(1)
    rows_of_one = [f"{1:016x},verification,/m/01,{confidence}" for confidence in (1, 0, 1, 0)]
    assert imported(write(tmp_path / "l.csv", LABEL_HEADER, *rows_of_one)) == (1, 0, 3, 0)
    assert annotations() == [(f"{1:016x}", "/m/01", 1, 0.0, NO)]


def test_bad_labels_are_reported_and_the_others_come(tmp_path: Path) -> None:
    some_labels("/m/01")
    some_images(1)
    image = f"{1:016x}"
    bad = ["nan", "inf", "-0", "1.1", "", "0,5", "1_0", "٠", "0x1", "yes", "1e-", "9" * 400]
    path = write(
        tmp_path / "l.csv",
        LABEL_HEADER,
        *(f"{image},machine,/m/01,{confidence}" for confidence in bad),
        f"{image},Machine,/m/01,1",
        f"{image},machine,bird,1",
        f"{image[1:]},machine,/m/01,1",
        f"{image},machine,/m/01,1",
    )
    answer = command_json("import_openimages", path)
    assert answer["reasons"] == {
        "a Confidence that is no number from 0 to 1": 11,
        "wrong number of columns": 1,
        "a Source that is none of verification, crowdsource-verification, machine": 1,
        "a label id that is none, such as /m/015p6": 1,
        "an image id that is not 16 hex digits": 1,
    }
    assert annotations() == [(image, "/m/01", 3, 1.0, MACHINE)]


def test_labels_of_what_is_not_here_are_counted_and_the_first_of_them_reported(tmp_path: Path) -> None:
    some_labels("/m/01")
    some_images(1)
    path = write(
        tmp_path / "l.csv",
        LABEL_HEADER,
        *(f"{number:016x},machine,/m/01,1" for number in range(1, 2_501)),
        f"{1:016x},machine,/m/02,1",
    )
    answer = command_json("import_openimages", path)
    assert (answer["new"], answer["bad"], answer["reasons"]) == (1, 2_500, {"unknown image": 2_499, "unknown label": 1})
    assert reported(answer) == [
        *([str(line), "unknown image", f"{line - 1:016x},machine,/m/01,1"] for line in range(3, 1_003)),
        ["2502", "unknown label", f"{1:016x},machine,/m/02,1"],
    ]
    answer = command_json("import_openimages", path, "--only-known")
    assert [answer[name] for name in ("rows", "unchanged", "bad", "passed_over", "report")] == [
        2_501,
        1,
        0,
        2_500,
        None,
    ]


def test_a_reports_row_is_no_formula(tmp_path: Path) -> None:
    answer = command_json("import_openimages", write(tmp_path / "l.csv", LABEL_HEADER, "=cmd|' /C calc'!A0"))
    assert reported(answer) == [["2", "wrong number of columns", "'=cmd|' /C calc'!A0"]]


def test_another_collection_and_vocabulary(tmp_path: Path) -> None:
    options = ("--collection=mine", "--vocabulary=own")
    imported(write(tmp_path / "c.csv", "/m/01,One"), *options)
    imported(write(tmp_path / "i.csv", IMAGE_HEADER, image_row(1)), *options)
    path = write(tmp_path / "l.csv", LABEL_HEADER, f"{1:016x},machine,/m/01,1")
    assert imported(path) == (0, 0, 0, 1)
    assert imported(path, *options) == (1, 0, 0, 0)
    assert (Image.objects.get().collection, Label.objects.get().vocabulary) == ("mine", "own")


def test_packed_files_are_known_by_their_content(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_bytes(gzip.compress(b"/m/01,One\n") + gzip.compress(b"/m/02,Two\n"))
    assert imported(path) == (2, 0, 0, 0)
    assert imported(write(tmp_path / "classes.csv.gz", "/m/01,One")) == (0, 0, 1, 0)


def test_the_words_for_people_say_what_to_do(tmp_path: Path) -> None:
    some_images(1)
    path = write(tmp_path / "l.csv", LABEL_HEADER, f"{1:016x},machine,/m/01,1")
    out = io.StringIO()
    call_command("import_openimages", str(path), stdout=out, stderr=io.StringIO())
    assert "1  unknown label (import the class descriptions first, or say --only-known)" in out.getvalue()
