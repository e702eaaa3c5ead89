"""The hierarchy of labels, and what is no file of Open Images at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.core.management import CommandError

from cats4ml.catalog.models import Image, ImportRun, Label, LabelEdge
from tests.catalog.openimages_files import LABEL_HEADER, imported, labels, some_labels, write
from tests.console.commands import command_json, shared_data

pytestmark = pytest.mark.django_db


def refusal(path: Path, *options: object) -> str:
    with pytest.raises(CommandError) as refused:
        command_json("import_openimages", path, *options)
    assert (Image.objects.count(), Label.objects.count(), ImportRun.objects.count()) == (0, 0, 0)
    return str(refused.value)


# The hierarchy


def test_the_published_hierarchy_with_its_root(tmp_path: Path) -> None:
    path = shared_data("openimages", "bbox_labels_600_hierarchy.json")
    assert imported(path) == (0, 0, 0, 847)
    imported(shared_data("openimages", "2018_04_class-descriptions.csv"))
    assert imported(path) == (685, 0, 162, 0)
    assert imported(write(tmp_path / "h.json", path.read_bytes().replace(b"\n", b"\r\n"))) == (0, 0, 847, 0)
    assert labels()["/m/0bl9f"] == "Entity"
    assert LabelEdge.objects.filter(parent__key="/m/0bl9f", kind="subcategory").count() == 90
    below_human = LabelEdge.objects.filter(parent__name="Human body").values_list("kind", flat=True)
    assert set(below_human) == {"part"}


def test_what_is_odd_in_a_hierarchy_costs_itself_alone(tmp_path: Path) -> None:
    some_labels("/m/01", "/m/02")
    path = write(
        tmp_path / "h.json",
        '{"LabelName": "/m/00", "Part": [{"LabelName": "/m/01", "Subcategory": [{"LabelName": "/m/00"}]}, 7, '
        '{"LabelName": "/m/09"}, {"LabelName": null}], "Subcategory": {"LabelName": "/m/02"}}',
    )
    answer = command_json("import_openimages", path)
    assert (answer["new"], answer["reasons"]) == (
        2,
        {"a label below itself": 1, "no LabelName, such as /m/015p6": 2, "unknown label": 1},
    )
    edges = LabelEdge.objects.order_by("child__key").values_list("parent__name", "child__key", "kind")
    assert list(edges) == [("/m/00", "/m/01", "part"), ("/m/00", "/m/02", "subcategory")]


# What is no such file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "web page"),
        (b"\x7fELF\0\0\0", "binary"),
        (b"\xff\xfeI\0m\0", "UTF-16"),
        (b"\x89PNG\r\n", "UTF-8"),
        (b"a,b,c\n1,2,3\n", "known are the headers"),
        (b"ImageID,ImageID,Source,LabelName,Confidence\n", "known are the headers"),
        (b"," * 1_000_000, "longer than 65,536 bytes"),
        (f"{LABEL_HEADER},{','.join(map(str, range(1_000_000)))}\n".encode(), "longer than 65,536 bytes"),
        (b"ImageID,Source,LabelName,Confidence,XMin,XMax\n", "boxes"),
        (b"{", "not proper JSON"),
        (b'{"a": 1}', "no hierarchy"),
        (b'{"LabelName": "/m/01", "Part": ' * 100_000, "not proper JSON"),
        (b"\x1f\x8b\x08", "breaks off"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 50, "damaged"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(f"{LABEL_HEADER}\n".encode() * 1000, mtime=0)[:-20], "breaks off"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_file_that_is_not_there_and_one_of_another_kind(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.csv")
    assert "directory" in refusal(tmp_path)
    path = write(tmp_path / "l.csv", LABEL_HEADER)
    assert "a file of labels, not of images" in refusal(path, "--kind=images")
    for option in ("--collection=", "--vocabulary=" + "x" * 41, "--max-bytes=0", "--kind=boxes"):
        with pytest.raises(CommandError):
            command_json("import_openimages", path, option)
