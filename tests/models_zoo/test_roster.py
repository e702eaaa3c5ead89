from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from models_zoo.roster import RosterError, main, read_roster

WEIGHTS = b"weights of a network"
CHECKSUM = hashlib.sha256(WEIGHTS).hexdigest()
TABLE = """
[[classifier]]
name = "a"
family = "torchvision"
architecture = "squeezenet1_0"
weights = "a.pth"
activation = "softmax"
source = "made for a test"
licence = "Apache-2.0"
[classifier.input]
resize = 256
size = [224, 224]
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
[classifier.labels]
vocabulary = "pets"
keys = ["cat", "dog"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pth").write_bytes(WEIGHTS)
    (tmp_path / "b.pth").write_bytes(WEIGHTS + b"!")
    (tmp_path / "classes.csv").write_text("class_index,name\n0,tench\n1,goldfish\n")
    return tmp_path


def problems(folder: Path, text: str) -> list[str]:
    """The problems of a roster of this text, the folder's name taken out."""
    (folder / "roster.toml").write_text(text)
    with pytest.raises(RosterError) as caught:
        read_roster(folder / "roster.toml", folder)
    return [line.replace(str(folder), "FOLDER") for line in str(caught.value).splitlines()]


def test_a_roster_gives_cards_with_the_checksums_of_their_weights(folder: Path) -> None:
    second = TABLE.replace('"a"', '"b"').replace("a.pth", "b.pth")
    (folder / "roster.toml").write_text(TABLE + second)
    specs = read_roster(folder / "roster.toml", folder)
    assert [(spec.name, spec.sha256, spec.labels) for spec in specs] == [
        ("a", CHECKSUM, ("cat", "dog")),
        ("b", hashlib.sha256(WEIGHTS + b"!").hexdigest(), ("cat", "dog")),
    ]


def test_labels_come_out_of_a_column_of_the_classes(folder: Path) -> None:
    text = TABLE.replace('keys = ["cat", "dog"]', 'column = "class_index"\nclasses = "classes.csv"')
    (folder / "roster.toml").write_text(text)
    assert read_roster(folder / "roster.toml", folder)[0].labels == ("0", "1")
    (folder / "roster.toml").write_text(text.replace('classes = "classes.csv"', ""))
    assert read_roster(folder / "roster.toml", folder, classes=folder / "classes.csv")[0].labels == ("0", "1")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("a.pth", "c.pth"), "weights: 'c.pth' can't be read from the folder of classifiers 'FOLDER': No such file"),
        (('name = "a"', 'sha256 = "' + "0" * 64 + '"\nname = "a"'), f"sha256: the file 'a.pth' has {CHECKSUM}, the"),
        (("squeezenet1_0", "squeezenet"), "'squeezenet' is unknown in family 'torchvision' (did you mean"),
        (("licence", "license"), "licence: is missing"),
        (('name = "a"', 'name = "a"\nweight = 0'), "weight: should be a number above 0, is 0"),
        (("[classifier.labels]", "[classifier.lables]"), "labels: is missing"),
        (('"a.pth"', '""'), "seed: is missing"),
        (("mean", "avarage"), "input.mean: is missing"),
        (("[classifier.input]", "[classifier.input]\ncrop = 3"), "input.crop: is an unknown key"),
        (('keys = ["cat", "dog"]', ""), "labels: needs 'keys' (a list), or 'column' (of the CSV of classes)"),
        (("keys", 'column = "x"\nkeys'), "labels: has both 'keys' and 'column'"),
        (('keys = ["cat", "dog"]', 'column = "class_index"'), "labels.classes: is missing: name the CSV of classes"),
        (
            ('keys = ["cat", "dog"]', 'column = "wnid"\nclasses = "classes.csv"'),
            "labels.column: 'wnid' isn't in FOLDER/classes.csv, which has: class_index, name",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_an_error_names_file_table_key_and_how_to_mend_it(folder: Path, change: tuple[str, str], text: str) -> None:
    [line] = problems(folder, TABLE.replace(*change))
    assert line.startswith("FOLDER/roster.toml: [[classifier]] 1 (")
    assert text in line


def test_every_table_that_is_wrong_is_named_at_once(folder: Path) -> None:
    wrong = TABLE.replace("a.pth", "c.pth")
    assert len(problems(folder, wrong + TABLE + wrong)) == 2


def test_one_name_for_two_classifiers_is_refused(folder: Path) -> None:
    [line] = problems(folder, TABLE + TABLE.replace("a.pth", "b.pth"))
    assert line == "FOLDER/roster.toml: name: two classifiers are called 'a'; give one of them another name"


def test_one_classifier_under_two_names_is_refused(folder: Path) -> None:
    [line] = problems(folder, TABLE + TABLE.replace('"a"', '"b"'))
    assert "'b' is the same classifier as 'a'" in line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "classifier: is missing; a roster has only [[classifier]] tables"),
        ("name =", "isn't TOML"),
        ("[classifier]\nname = 'a'", "has no [[classifier]] table (mind the double brackets)"),
        ("rooster = 1" + TABLE, "rooster: is an unknown key"),
        ("classifier = [3]", "[[classifier]] 1: classifier: should be a table of keys and values"),
    ],
    ids=["empty", "no TOML", "single brackets", "unknown key", "no table"],
)
def test_a_file_that_is_no_roster_is_refused(folder: Path, text: str, problem: str) -> None:
    assert problem in problems(folder, text)[0]


def test_the_command_prints_one_json_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "roster.toml").write_text(TABLE)
    arguments = [str(folder / "roster.toml"), "--classifiers-dir", str(folder)]
    assert main(arguments) == 0
    [spec] = read_roster(folder / "roster.toml", folder)
    assert json.loads(capsys.readouterr().out) == {"classifiers": [spec.to_dict()], "weights": [1.0]}


def test_the_command_says_what_is_wrong_on_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "none.toml"), "--classifiers-dir", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{folder}/none.toml: can't be read: No such file or directory\n")


def test_weights_of_the_mean_stand_beside_the_cards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = TABLE.replace('"a"', '"b"\nweight = 2.5').replace("a.pth", "b.pth")
    (folder / "roster.toml").write_text(TABLE + second)
    assert main([str(folder / "roster.toml"), "--classifiers-dir", str(folder)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["weights"] == [1.0, 2.5]
    assert answer["classifiers"] == [spec.to_dict() for spec in read_roster(folder / "roster.toml", folder)]


IMAGENET = TABLE.replace("pets", "imagenet-1k").replace('["cat", "dog"]', str([str(n) for n in range(1000)]))


def label_maps(folder: Path, text: str, vocabulary: str, keys: list[str]) -> list[str]:
    """The arguments that ask for the label maps of a roster of this text."""
    (folder / "roster.toml").write_text(text)
    (folder / "labels.txt").write_text("\n".join(keys) + "\n")
    named = ["--vocabulary", vocabulary, "--labels-file", str(folder / "labels.txt")]
    return [str(folder / "roster.toml"), "--classifiers-dir", str(folder), *named]


def test_label_maps_stand_beside_the_cards_where_they_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = TABLE.replace('"a"', '"b"').replace("a.pth", "b.pth").replace("pets", "openimages")
    keys = ["/m/07dm6", "/m/0nothing"]  # tiger, and a label that nobody knows
    assert main(label_maps(folder, IMAGENET + own, "openimages", keys)) == 0
    assert json.loads(capsys.readouterr().out)["label_maps"] == [{"/m/07dm6": [292]}, None]


def test_a_vocabulary_without_a_table_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(label_maps(folder, TABLE, "openimages", ["/m/07dm6"])) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("[[classifier]] 1 (a): labels.vocabulary: there is no table from 'pets' to 'openimages'")


HEAD = """
[[classifier]]
name = "h"
family = "head"
weights = "a.pth"
activation = "sigmoid"
source = "made for a test"
licence = "Apache-2.0"
[classifier.backbone]
family = "torchvision"
architecture = "squeezenet1_0"
weights = "b.pth"
[classifier.input]
resize = 256
size = [224, 224]
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
[classifier.labels]
vocabulary = "pets"
keys = ["cat", "dog"]
"""


def test_a_head_has_two_files_and_both_are_checked(folder: Path) -> None:
    (folder / "roster.toml").write_text(HEAD)
    [spec] = read_roster(folder / "roster.toml", folder)
    assert spec.backbone is not None
    assert (spec.sha256, spec.backbone.weights.sha256) == (CHECKSUM, hashlib.sha256(WEIGHTS + b"!").hexdigest())
    [line] = problems(folder, HEAD.replace("b.pth", "c.pth"))
    assert "backbone.weights: 'c.pth' can't be read from the folder of classifiers" in line
    [line] = problems(folder, HEAD.replace('weights = "b.pth"', f'weights = "b.pth"\nsha256 = "{CHECKSUM}"'))
    assert "backbone.sha256: the file 'b.pth' has" in line


def test_a_remote_classifier_has_no_file(folder: Path) -> None:
    remote = """
family = "remote"
endpoint = "triton"
model = "pets"
input_name = "x"
output_name = "y"
"""
    lines = 'family = "torchvision"\narchitecture = "squeezenet1_0"\nweights = "a.pth"\n'
    (folder / "roster.toml").write_text(TABLE.replace(lines, remote))
    [spec] = read_roster(folder / "roster.toml", folder)
    assert (spec.weights, spec.sha256, spec.remote and spec.remote.max_batch) == ("", "", 16)


ENUM = """
[[classifier]]
name = "e"
family = "torchvision"
architecture = "squeezenet1_1"
weights_enum = "IMAGENET1K_V1"
"""


def test_weights_of_torchvisions_enum_must_be_those_of_its_address(folder: Path) -> None:
    (folder / "squeezenet1_1-b8a52dc0.pth").write_bytes(WEIGHTS)
    [line] = problems(folder, ENUM)
    assert line.startswith("FOLDER/roster.toml: [[classifier]] 1 (e): weights_enum: the file 'squeezenet1_1-b8a52dc0")
    assert f"its sha256 is {CHECKSUM}; remove it, so that it is fetched again" in line


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            ("_V1", "_V7"),
            "torchvision has no weights 'IMAGENET1K_V7' for 'squeezenet1_1' (did you mean 'IMAGENET1K_V1'?",
        ),
        (
            ("squeezenet1_1", "squeezenet"),
            "architecture: 'squeezenet' is unknown in family 'torchvision' (did you mean",
        ),
        (
            ('squeezenet1_1"\nweights_enum = "IMAGENET1K_V1', 'vgg16"\nweights_enum = "IMAGENET1K_FEATURES'),
            "'IMAGENET1K_FEATURES' of 'vgg16' have no last layer; take others",
        ),
    ],
    ids=["name", "architecture", "no classifier"],
)
def test_an_enum_that_cannot_be_used_is_refused(folder: Path, change: tuple[str, str], text: str) -> None:
    [line] = problems(folder, ENUM.replace(*change))
    assert text in line
