"""A folder of pictures becomes a draft challenge, or nothing of it does."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management.base import CommandError, OutputWrapper

from cats4ml.catalog.models import Annotation, AnnotationKind, Image
from cats4ml.challenges.data_files import ask_for, build
from cats4ml.challenges.editions import EditionRefused, set_status
from cats4ml.challenges.models import (
    Challenge,
    ChallengeStatus,
    DataFileKind,
    DataFileState,
    PoolImage,
    TargetLabel,
)
from cats4ml.console import folder_import
from cats4ml.console.folder_data import read_folder
from cats4ml.console.progress import Log, Progress
from tests.catalog.picture_files import bomb, encoded, jpeg, photo, with_notes
from tests.console.commands import command_json
from tests.factories import START

LABELS = "label_id,label_name,description\n/m/1,Cat,A pet\n/m/2,Dog,\n"
IMAGES = (
    "image_id,file,author,license,title,landing_url\n"
    'one,a.jpg,Ann,CC BY 4.0,"A cat, sleeping",https://example.org/a\n'
    "two,deep/b.jpg,,,,\n"
    "again,a.jpg,,,,\n"
)
ANNOTATIONS = "image_id,label_id,confidence,source\none,/m/1,1,\none,/m/2,0.7,machine\ntwo,/m/1,0,verification\n"


@pytest.fixture
def folder(tmp_path, settings) -> Path:
    storage = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "pictures"}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    folder = tmp_path / "zoo"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(jpeg(1))
    (folder / "deep" / "b.jpg").write_bytes(with_notes(orientation=6))
    (folder / "labels.csv").write_text(LABELS)
    (folder / "images.csv").write_text(IMAGES)
    (folder / "annotations.csv").write_text(ANNOTATIONS)
    return folder


def add_rows(folder: Path, *rows: str, to: str = "images.csv") -> None:
    with (folder / to).open("a") as file:
        file.writelines(f"{row}\n" for row in rows)


def do(folder: Path, *options: object) -> dict[str, object]:
    return command_json("import_folder", folder, "--challenge", "zoo", *options)


@pytest.mark.django_db
def test_a_folder_becomes_a_draft_with_labels_pool_pictures_and_annotations(folder) -> None:
    assert do(folder, "--title", "A zoo") == {
        "challenge": "zoo", "labels": 2, "images": 3, "new": 3, "annotations": 3, "bad": 0,
    }  # fmt: skip
    challenge = Challenge.objects.get()
    assert (challenge.title, challenge.status, challenge.vocabulary) == ("A zoo", ChallengeStatus.DRAFT, "zoo")
    targets = TargetLabel.objects.order_by("position").values_list("label__key", "label__name", "label__description")
    assert list(targets) == [("/m/1", "Cat", "A pet"), ("/m/2", "Dog", "")]
    assert list(PoolImage.objects.order_by("pk").values_list("image_key", flat=True)) == ["one", "two", "again"]
    one, two, again = (Image.objects.get(image_id=name) for name in ("one", "two", "again"))
    assert (one.author, one.license, one.title, one.landing_url) == (
        "Ann", "CC BY 4.0", "A cat, sleeping", "https://example.org/a",
    )  # fmt: skip
    assert default_storage.open(one.file.name).read() == jpeg(1)
    assert (again.file, again.sha256) == (one.file, one.sha256)
    assert (two.width, two.height, bool(two.upright), bool(two.thumbnail)) == (64, 96, True, True)
    said = Annotation.objects.order_by("image", "label").values_list("image__image_id", "label__key", "kind")
    assert list(said) == [
        ("one", "/m/1", AnnotationKind.HUMAN_YES),
        ("one", "/m/2", AnnotationKind.MACHINE),
        ("two", "/m/1", AnnotationKind.HUMAN_NO),
    ]


@pytest.mark.django_db
def test_a_second_import_changes_nothing_and_a_longer_folder_adds_to_the_draft(folder) -> None:
    do(folder)
    before = list(Image.objects.order_by("pk").values())
    assert do(folder)["new"] == 0
    assert list(Image.objects.order_by("pk").values()) == before
    (folder / "c.png").write_bytes(encoded(photo(3), "PNG"))
    add_rows(folder, "three,c.png,,,,")
    assert (do(folder)["new"], PoolImage.objects.count()) == (1, 4)


@pytest.mark.django_db
def test_the_data_files_of_a_large_folder_are_built_anew_after_an_import(folder, settings) -> None:
    settings.DATA_AT_ONCE_PICTURES = 0
    do(folder)
    challenge = Challenge.objects.get()
    row = ask_for(challenge=challenge, kind=DataFileKind.ANNOTATIONS, at=START)
    build(data_file=row.pk, at=START)
    assert ask_for(challenge=challenge, kind=DataFileKind.ANNOTATIONS, at=START).state == DataFileState.READY
    add_rows(folder, "two,/m/2,1,", to="annotations.csv")
    do(folder)
    assert ask_for(challenge=challenge, kind=DataFileKind.ANNOTATIONS, at=START).state == DataFileState.WAITING


@pytest.mark.django_db
def test_every_bad_row_has_its_line_and_reason_and_nothing_is_written(folder, tmp_path) -> None:
    (folder / "torn.jpg").write_bytes(jpeg()[:-300])
    (folder / "page.jpg").write_text("<html>")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "empty.jpg").touch()
    (tmp_path / "outside.jpg").write_bytes(jpeg(9))
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "linked").symlink_to(tmp_path)
    add_rows(
        folder,
        "one,deep/b.jpg,,,,", "up,../outside.jpg,,,,", f"root,{tmp_path}/outside.jpg,,,,", "back,deep\\b.jpg,,,,",
        "link,link.jpg,,,,", "linked,linked/outside.jpg,,,,", "none,none.jpg,,,,", "dir,deep,,,,", "nofile,,,,,",
        ",a.jpg,,,,", f"{'x' * 81},a.jpg,,,,", "js,a.jpg,,,,javascript:alert(1)", "short,a.jpg",
        "torn,torn.jpg,,,,", "page,page.jpg,,,,", "bomb,bomb.png,,,,", "empty,empty.jpg,,,,",
        f"long,{'y' * 300}.jpg,,,,",
    )  # fmt: skip
    add_rows(folder, ",Owl,", "/m/1,Cat again,", "/m/3,,", to="labels.csv")
    add_rows(
        folder, "nobody,/m/1,1,", "one,/m/9,1,", "two,/m/2,maybe,", "two,/m/2,nan,", "two,/m/2,0.5,",
        "two,/m/2,1,crowd", "one,/m/1,0,", "torn,/m/1,1,", to="annotations.csv",
    )  # fmt: skip
    report = tmp_path / "bad.csv"
    with pytest.raises(CommandError, match="29 bad rows, so that nothing was written"):
        do(folder, "--report", report)
    rows = list(csv.reader(report.open(encoding="utf-8")))
    expected = [
        ("labels.csv", 4, "label_id is empty"),
        ("labels.csv", 5, "label '/m/1' stands on line 2 already"),
        ("labels.csv", 6, "label_name is empty"),
        ("images.csv", 5, "image 'one' stands on line 2 already"),
        ("images.csv", 6, "leads out of the folder"),
        ("images.csv", 7, "leads out of the folder"),
        ("images.csv", 8, "has backslashes"),
        ("images.csv", 9, "goes over a link"),
        ("images.csv", 10, "goes over a link"),
        ("images.csv", 11, "there is no file 'none.jpg'"),
        ("images.csv", 12, "there is no file 'deep'"),
        ("images.csv", 13, "file is empty"),
        ("images.csv", 14, "image_id is empty"),
        ("images.csv", 15, "image_id has 81 characters; at most 80 are kept"),
        ("images.csv", 16, "landing_url should begin with http:// or https://"),
        ("images.csv", 17, "has 2 fields, the header 6"),
        ("images.csv", 18, "damaged: the picture is damaged"),
        ("images.csv", 19, "not_a_picture: the file is no picture in a known format"),
        ("images.csv", 20, "too_large: the picture has too many pixels"),
        ("images.csv", 21, "not_a_picture: the file is no picture in a known format"),
        ("images.csv", 22, "can't be read: [Errno 36] File name too long"),
        ("annotations.csv", 5, "image 'nobody' is not among the good rows of images.csv"),
        ("annotations.csv", 6, "label '/m/9' is not among the good rows of labels.csv"),
        ("annotations.csv", 7, "confidence should be a number from 0 to 1, not 'maybe'"),
        ("annotations.csv", 8, "confidence should be a number from 0 to 1, not 'nan'"),
        ("annotations.csv", 9, "people say 1 for yes or 0 for no, not '0.5'"),
        ("annotations.csv", 10, "source should be one of verification, crowdsource-verification, machine"),
        ("annotations.csv", 11, "annotation 'one /m/1 Annotators' stands on line 2 already"),
        ("annotations.csv", 12, "image 'torn' is not among the good rows of images.csv"),
    ]
    assert [(file, int(line)) for file, line, _ in rows[1:]] == [(file, line) for file, line, _ in expected]
    missing = [(reason, row) for row, (_, _, reason) in zip(rows[1:], expected, strict=True) if reason not in row[2]]
    assert missing == []
    assert (Challenge.objects.count(), Image.objects.count(), default_storage.exists("")) == (0, 0, False)
    assert do(folder, "--skip-bad")["images"] == 3


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("images.csv", b"image_id,path\none,a.jpg\n", "no column file"),
        ("images.csv", b"", "the file is empty"),
        ("labels.csv", b"\xff\xfel\0a\0b\0e\0l\0", "is not UTF-8"),
        ("labels.csv", b"label_id,label_name\n", "There is no good row of a picture or none of a label"),
        ("annotations.csv", b"x" * 2_000_000, "longer than a megabyte; this is no table"),
    ],
)
@pytest.mark.django_db
def test_what_is_no_table_is_refused_even_where_bad_rows_may_be_skipped(folder, file, content, words) -> None:
    (folder / file).write_bytes(content)
    with pytest.raises(CommandError, match=words):
        do(folder, "--skip-bad")
    assert Challenge.objects.count() == 0


@pytest.mark.django_db
def test_a_folder_needs_no_annotations_and_no_more_than_two_columns(folder) -> None:
    (folder / "annotations.csv").unlink()
    (folder / "images.csv").write_text("file,image_id\na.jpg,one\n")
    assert do(folder, "--vocabulary", "openimages")["images"] == 1
    assert Challenge.objects.get().vocabulary == "openimages"


@pytest.mark.django_db
def test_an_edition_that_has_left_the_draft_and_one_of_other_labels_are_not_filled(folder) -> None:
    do(folder)
    with pytest.raises(CommandError, match="zoo takes its labels from 'zoo'"):
        do(folder, "--vocabulary", "other")
    set_status(challenge=Challenge.objects.get(), status=ChallengeStatus.OPEN)
    with pytest.raises(CommandError, match="zoo is no draft any more"):
        do(folder)


@pytest.mark.django_db
def test_an_id_that_was_imported_with_another_picture_is_a_bad_row(folder) -> None:
    do(folder)
    (folder / "a.jpg").write_bytes(jpeg(7))
    with pytest.raises(CommandError, match=r"images.csv line 2: image 'one' was imported with another file"):
        do(folder)


@pytest.mark.django_db
def test_an_import_that_was_cut_short_goes_on(folder, monkeypatch) -> None:
    for place in range(10):
        (folder / f"{place}.jpg").write_bytes(jpeg(10 + place))
    add_rows(folder, *[f"p{place},{place}.jpg,,,," for place in range(10)])
    monkeypatch.setattr(folder_import, "BATCH", 4)
    full = Path(default_storage.location)
    full.mkdir()
    blocked = [full / f"{number:02x}" for number in range(256)]
    for path in blocked:
        path.touch()  # no folder can be made here
    with pytest.raises(CommandError, match="What was imported is kept: run the command again to go on"):
        do(folder)
    assert (Image.objects.count(), PoolImage.objects.count()) == (0, 0)
    for path in blocked:
        path.unlink()
    assert do(folder)["new"] == 13
    Image.objects.filter(image_id__in=["p7", "p8", "p9"]).update(file="")
    assert (do(folder)["new"], Image.objects.filter(file="").count()) == (3, 0)


class Opening(Progress):
    """Somebody opens the edition when the first pictures are in it."""

    def add(self, number: int = 1) -> None:
        set_status(challenge=Challenge.objects.get(), status=ChallengeStatus.OPEN)


@pytest.mark.django_db
def test_an_edition_that_is_opened_while_it_is_filled_gets_no_more_pictures(folder, monkeypatch) -> None:
    monkeypatch.setattr(folder_import, "BATCH", 1)
    data = read_folder(folder, known=lambda _: {}, tell=lambda _done, _total: None)
    bar = Opening(0, "", Log(OutputWrapper(io.StringIO())))
    with pytest.raises(EditionRefused, match="zoo left the draft while it was filled"):
        folder_import.write_folder(data, slug="zoo", title="Zoo", vocabulary="zoo", bar=bar)
    assert list(PoolImage.objects.values_list("image_key", flat=True)) == ["one"]
