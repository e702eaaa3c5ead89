"""What counts as a verified yes or no."""

from __future__ import annotations

from pathlib import Path

import pytest

from models_zoo.training.files import find_pictures
from models_zoo.training.labels import LabelsRefused, merged, read_open_images, read_ratings, read_targets

HEADER = "ImageID,Source,LabelName,Confidence"


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_only_what_people_verified_is_a_yes_or_a_no(tmp_path: Path) -> None:
    file = written(
        tmp_path / "labels.csv",
        HEADER,
        "one,verification,/m/cat,1",
        "one,crowdsource-verification,/m/dog,0",
        "two,machine,/m/cat,0.9",
        "two,machine,/m/dog,0.3",
        "two,verification,/m/owl,1.0",
    )
    found = read_open_images([file])
    assert found.cells == {("one", "/m/cat"): True, ("one", "/m/dog"): False, ("two", "/m/owl"): True}
    assert found.notes == ("2 rows of source 'machine' are no verified yes or no and were left out",)
    assert read_open_images([file], wanted=["/m/dog"]).cells == {("one", "/m/dog"): False}


def test_a_machines_yes_counts_only_where_asked_for_and_no_person_spoke(tmp_path: Path) -> None:
    file = written(
        tmp_path / "labels.csv",
        HEADER,
        "one,machine,/m/cat,0.9",
        "one,verification,/m/cat,0",
        "two,machine,/m/cat,0.9",
        "three,machine,/m/cat,0.7",
    )
    found = read_open_images([file], machine_at=0.8)
    assert found.cells == {("one", "/m/cat"): False, ("two", "/m/cat"): True}
    assert found.notes == (
        "1 rows of source 'machine' are no verified yes or no and were left out",
        "1 cells are a machine's yes (confidence 0.8 or more), which no person verified",
    )


def test_a_cell_on_which_files_contradict_each_other_is_dropped_and_counted(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", HEADER, "one,verification,/m/cat,1", "two,verification,/m/cat,1")
    second = written(tmp_path / "b.csv", "LabelName,ImageID,Confidence,Source", "/m/cat,one,0,crowdsource-verification")
    found = read_open_images([first, second])
    assert found.cells == {("two", "/m/cat"): True}
    assert found.notes == ("1 cells that people verified both as yes and as no were dropped",)
    both = merged([read_open_images([first]), read_open_images([second])])
    assert (both.cells, both.notes) == (
        {("two", "/m/cat"): True},
        ("1 cells on which the sources of labels contradict each other were dropped",),
    )


def test_a_rated_pair_needs_three_answers_of_one_kind(tmp_path: Path) -> None:
    votes = {("a", "1"): "yyynn", ("a", "2"): "nnnyd", ("b", "1"): "yyddd", ("b", "2"): "yyynnn"}
    words = {"y": "yes", "n": "no", "d": "dont_know"}
    rows = [f"{i},{k},{n},{words[c]}" for (i, k), answers in votes.items() for n, c in enumerate(answers)]
    written(tmp_path / "ratings.csv", "image_id,class_index,rater,answer", *rows)
    found = read_ratings(tmp_path)
    assert found.cells == {("a", "1"): True, ("a", "2"): False}
    assert found.notes == ("2 of 4 rated pairs have no 3 answers of one kind and were dropped",)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["ImageID,LabelName"], "has no column Source, Confidence; its first line should be ImageID,Source,"),
        ([HEADER, "one,verification,/m/cat,sure"], "line 2: Confidence should be a number from 0 to 1, is 'sure'"),
        ([HEADER, "one,verification,/m/cat"], "line 2: has 3 fields, the header has 4"),
    ],
)
def test_a_bad_file_of_labels_is_refused_with_its_line(tmp_path: Path, lines: list[str], reason: str) -> None:
    file = written(tmp_path / "labels.csv", *lines)
    with pytest.raises(LabelsRefused) as caught:
        read_open_images([file])
    assert str(caught.value).startswith(str(file))
    assert reason in str(caught.value)


def test_target_labels_are_keys_with_or_without_names(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.txt", "/m/cat", "", "/m/dog")
    named = written(tmp_path / "named.csv", "LabelName,DisplayName ", "/m/cat,Cat", "/m/dog,")
    assert read_targets(plain) == {"/m/cat": "/m/cat", "/m/dog": "/m/dog"}
    assert read_targets(named) == {"/m/cat": "Cat", "/m/dog": "/m/dog"}


def test_pictures_are_found_by_name_or_by_a_table(tmp_path: Path) -> None:
    for name in ("one.jpg", "one.png", "two.JPEG", "three.txt"):
        (tmp_path / name).write_bytes(b"")
    wanted = {"one", "two", "three", "four"}
    assert find_pictures(tmp_path, wanted) == {"one": tmp_path / "one.jpg", "two": tmp_path / "two.JPEG"}
    written(tmp_path / "images.csv", "image_id,file", "four,two.JPEG", "one,gone.png")
    assert find_pictures(tmp_path, wanted) == {"four": tmp_path / "two.JPEG"}
    written(tmp_path / "images.csv", "image_id,file", "four,../two.JPEG")
    with pytest.raises(LabelsRefused, match="line 2: should have an image_id"):
        find_pictures(tmp_path, wanted)
