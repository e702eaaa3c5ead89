"""The demo's data, made once for all tests: about half a minute."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from models_zoo.demo_digits import DemoError, is_complete, main, make_demo
from models_zoo.loading import Compute
from models_zoo.roster import read_roster
from scoring.classifiers import ClassifierCache
from scoring.contract import ImageRef, ScoreRequest, unpack
from scoring.engine import Engine
from scoring.ensemble import machine_score
from scoring.images import PictureStore

pytestmark = pytest.mark.slow
SEED = 2021


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "demo"
    assert make_demo(folder, seed=SEED)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def means(demo: Path) -> dict[tuple[str, str], float]:
    return {(row["image_id"], row["label_id"]): float(row["machine_mean"]) for row in rows(demo / "scores.csv")}


def truth(demo: Path) -> dict[str, str]:
    return {row["image_id"]: row["digit"] for row in rows(demo / "targets.csv")}


def test_there_are_unknown_unknowns_to_find(demo: Path) -> None:
    scores, digits = means(demo), truth(demo)
    missed = {i: scores[i, digit] for i, digit in digits.items() if scores[i, digit] < 0.5}
    taken = {i: mean for (i, label), mean in scores.items() if label != digits[i] and mean >= 0.5}
    assert len(missed) + len(taken) >= 40
    assert sum(mean < 0.2 for mean in missed.values()) + sum(mean > 0.8 for mean in taken.values()) >= 10
    assert len(missed.keys() & taken.keys()) >= 5


def test_the_classifiers_are_right_more_often_than_not(demo: Path) -> None:
    statistics = json.loads((demo / "statistics.json").read_text())
    assert statistics["ensemble_accuracy"] > 0.85
    assert min(statistics["accuracy"].values()) > 0.5


def test_the_worker_gives_the_scores_that_the_table_has(demo: Path) -> None:
    specs = read_roster(demo / "roster.toml", demo / "classifiers")
    some = rows(demo / "targets.csv")[:40]
    refs = tuple(ImageRef(number, row["file"]) for number, row in enumerate(some))
    cache = ClassifierCache(demo / "classifiers", Compute(torch.device("cpu")))
    with Engine(PictureStore(str(demo)), cache, threads=2, batch=16) as engine:
        results = engine.score(ScoreRequest(refs, tuple(spec.to_dict() for spec in specs), "web"))
    scores = means(demo)
    for row, result in zip(some, results, strict=True):
        outputs = [unpack(result.probabilities[spec.digest]) for spec in specs]
        for label in range(10):
            mean = machine_score([values[label] for values in outputs]).mean
            assert mean == pytest.approx(scores[row["image_id"], str(label)], abs=1e-5)


def test_every_target_has_a_picture_and_a_score_for_every_label(demo: Path) -> None:
    targets = rows(demo / "targets.csv")
    assert [row["image_id"] for row in targets] == sorted(row["image_id"] for row in targets)
    assert {row["file"] for row in targets} == {f"images/{path.name}" for path in (demo / "images").iterdir()}
    assert means(demo).keys() == {(row["image_id"], str(label)) for row in targets for label in range(10)}
    with Image.open(demo / targets[0]["file"]) as picture:
        assert picture.size == (260, 260)


def test_a_second_run_does_nothing(demo: Path) -> None:
    before = (demo / "complete").stat().st_mtime_ns
    started = time.monotonic()
    assert main(["--out", str(demo), "--seed", str(SEED)]) == 0
    assert time.monotonic() - started < 2
    assert (demo / "complete").stat().st_mtime_ns == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DemoError, match="has other files in it"):
        make_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_that_lost_a_file_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("xyz")
    marker = {"version": 1, "seed": SEED, "files": {"a": 3}}
    (tmp_path / "complete").write_text(json.dumps(marker))
    assert is_complete(tmp_path, seed=SEED)
    assert not is_complete(tmp_path, seed=SEED + 1)
    (tmp_path / "a").unlink()
    assert not is_complete(tmp_path, seed=SEED)
