"""Which outputs of a classifier of ImageNet count for which label of Open Images."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from models_zoo import label_map
from models_zoo.fields import FieldError
from models_zoo.label_map import COUNTED, PRESETS, RELATIONS, knows_nothing_about, label_map_for, table

SHARED = Path(os.environ.get("CATS4ML_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
INDICES = [str(index) for index in range(1000)]
THE_23 = PRESETS["cats4ml-2021"]
LABRADOR, LYNX, LABEL_OF = 208, 287, {"bird": "/m/015p6", "dog": "/m/0bt9lr", "cat": "/m/01yrx", "selfie": "/m/0sgh53y"}
ROWS = table("imagenet-1k", "openimages")


def places(key: str) -> list[int]:
    found = label_map_for("imagenet-1k", INDICES, "openimages", [key])
    assert found is not None
    return found.get(key, [])


def shared(*parts: str) -> list[dict[str, str]]:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)}: set CATS4ML_SHARED_DATA to the folder that has it")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return [{key.strip(): value for key, value in row.items()} for row in rows]


def test_a_classifier_of_imagenet_knows_four_of_the_23_labels_of_the_first_challenge() -> None:
    assert label_map_for("imagenet-1k", INDICES, "openimages", THE_23) == {
        "/m/015p6": [*range(7, 25), *range(80, 101), *range(127, 147)],  # Bird
        "/m/06c7f7": [629],  # Lipstick
        "/m/0ph39": [472],  # Canoe
        "/m/0663v": [963],  # Pizza
    }


def test_no_classifier_of_imagenet_knows_anything_about_selfies_athletes_or_coaches() -> None:
    known = {"/m/015p6", "/m/06c7f7", "/m/0ph39", "/m/0663v"}
    ignored = knows_nothing_about("imagenet-1k", INDICES, "openimages", THE_23)
    assert ignored == tuple(key for key in THE_23 if key not in known)
    assert LABEL_OF["selfie"] in ignored


def test_a_labrador_is_a_dog_a_labrador_retriever_and_for_none_of_the_23() -> None:
    counts = {row.label_name for row in ROWS if row.class_index == str(LABRADOR) and row.relation in COUNTED}
    assert counts == {"Animal", "Carnivore", "Dog", "Labrador retriever", "Mammal"}
    found = label_map_for("imagenet-1k", INDICES, "openimages", THE_23) or {}
    assert [key for key, chosen in found.items() if LABRADOR in chosen] == []


def test_dogs_are_the_domestic_breeds_and_cats_the_domestic_cats() -> None:
    assert places(LABEL_OF["dog"]) == list(range(151, 269))  # no wolf, coyote, dingo, dhole, hyena
    assert places(LABEL_OF["cat"]) == list(range(281, 286))
    assert LYNX not in places(LABEL_OF["cat"])


@pytest.mark.parametrize(
    ("key", "label", "classes"),
    [
        ("/m/01c43w", "Crane (Bird)", [134]),
        ("/m/01v50j", "Crane (Machine)", [517]),
        ("/m/01cjsf", "Kite (Bird)", [21]),
        ("/m/02zt3", "Kite", []),  # the toy
        ("/m/01b_l2", "Cardigan", [474]),  # the garment, not the corgi 264
        ("/m/02kgrx", "Cardigan welsh corgi", [264]),
        ("/m/020lf", "Computer mouse", [673]),
        ("/m/04rmv", "Mouse", []),
        ("/m/01j51", "Balloon", []),  # a toy there; ImageNet's carries people
        ("/m/04h7h", "Lighthouse", [437]),  # ImageNet's "beacon"
        ("/m/03bj1", "Panda", [388]),
        ("/m/050gv4", "Plate", []),  # ImageNet's is a course of a meal
        ("/m/0dftk", "Swan", []),  # a black swan is a swan, but hardly any swan is black
    ],
)
def test_words_with_two_meanings_are_told_apart(key: str, label: str, classes: list[int]) -> None:
    assert {row.label_name for row in ROWS if row.label_id == key} == {label}
    assert places(key) == classes


def test_places_follow_the_order_of_the_classifier_s_own_outputs() -> None:
    backwards = INDICES[::-1]
    found = label_map_for("imagenet-1k", backwards, "openimages", ["/m/0663v", LABEL_OF["cat"], "/m/nothing"])
    assert found == {"/m/0663v": [999 - 963], LABEL_OF["cat"]: [714, 715, 716, 717, 718]}


def test_a_classifier_of_the_edition_s_own_vocabulary_needs_no_map() -> None:
    assert label_map_for("openimages", ["/m/015p6"], "openimages", ["/m/015p6"]) is None
    assert knows_nothing_about("openimages", ["/m/015p6"], "openimages", ["/m/015p6", "/m/0663v"]) == ("/m/0663v",)


def test_without_a_table_the_error_says_which_tables_there_are() -> None:
    with pytest.raises(FieldError) as caught:
        label_map_for("digits", ["0"], "openimages", ["/m/015p6"])
    assert str(caught.value) == (
        "labels.vocabulary: there is no table from 'digits' to 'openimages', only from 'imagenet-1k' to 'openimages'."
        " Take a classifier that speaks 'openimages', or correct the name of the vocabulary"
    )


def test_every_row_says_one_thing_and_each_class_stands_at_most_once_for_a_label() -> None:
    assert {row.relation for row in ROWS} == set(RELATIONS)
    pairs = Counter((row.class_index, row.label_id) for row in ROWS if row.class_index and row.label_id)
    assert set(pairs.values()) == {1}  # so that no sum of a softmax exceeds one
    assert all((row.relation == "none") == (not row.class_index or not row.label_id) for row in ROWS)
    alone = {row.label_id for row in ROWS if not row.class_index} & {row.label_id for row in ROWS if row.class_index}
    assert alone == set()  # no label both with a class and without
    few = {row.label_id for row in ROWS if row.relation == "few"}
    assert few & {row.label_id for row in ROWS if row.relation in COUNTED} == set()


def test_every_class_of_imagenet_was_decided_about() -> None:
    facts = {(row.class_index, row.wordnet_id, row.imagenet_name) for row in ROWS if row.class_index}
    assert sorted(int(index) for index, _, _ in facts) == list(range(1000))
    assert len({wordnet for _, wordnet, _ in facts}) == 1000
    assert all(re.fullmatch(r"n\d{8}", wordnet) for _, wordnet, _ in facts)


def test_classes_and_labels_are_called_as_in_their_own_lists() -> None:
    classes = {(row["class_index"], row["wnid"], row["name"]) for row in shared("imagenet", "classes.csv")}
    descriptions = shared("openimages", "oidv6-class-descriptions_with-header.csv")
    labels = {(row["LabelName"], row["DisplayName"].strip()) for row in descriptions}
    assert {(row.class_index, row.wordnet_id, row.imagenet_name) for row in ROWS if row.class_index} == classes
    assert {(row.label_id, row.label_name) for row in ROWS if row.label_id} - labels == set()


def test_every_boxable_label_and_every_label_of_the_first_challenge_was_decided_about() -> None:
    decided = {row.label_id for row in ROWS}
    assert set(THE_23) - decided == set()
    path = SHARED / "openimages" / "bbox_labels_600_hierarchy.json"
    if not path.exists():
        pytest.skip("no openimages/bbox_labels_600_hierarchy.json")
    boxable = set(re.findall(r'"LabelName": "([^"]+)"', path.read_text(encoding="utf-8")))
    assert boxable - decided == {"/m/0bl9f"}  # Entity, the root


def test_the_command_tells_what_is_known_and_why_the_rest_isn_t(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = tmp_path / "labels.csv"
    wanted.write_text("LabelName,DisplayName\n/m/0663v,Pizza\n/m/01445t,Athlete\n/m/0sgh53y,Selfie\n/m/no,\n")
    assert label_map.main(["--labels", str(wanted)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "/m/0663v    Pizza    knows it by 1 class: pizza",
        "/m/01445t   Athlete  knows nothing about it: knows too few of its kinds: ballplayer",
        "/m/0sgh53y  Selfie   knows nothing about it: no class is a kind of it",
        "/m/no       ?        knows nothing about it: the table doesn't have this label",
        "A classifier of imagenet-1k knows 1 of 4 labels.",
    ]
    assert label_map.main(["--preset", "cats4ml-2021", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["labels"]
    assert [one["key"] for one in told] == list(THE_23)
    assert told[3] == {"key": "/m/0ph39", "name": "Canoe", "outputs": ["canoe"], "reason": ""}


def test_the_command_refuses_a_file_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "labels.csv"
    empty.write_text("Bird\n")
    assert label_map.main(["--labels", str(empty)]) == 1
    assert capsys.readouterr().err == (f"--labels: '{empty}' has no line that begins with a MID such as /m/015p6\n")
