"""The whole scoring path against photographs, votes and classifiers that were published; skipped where absent."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import torch

from models_zoo.loading import Compute
from models_zoo.roster import read_roster
from scoring.classifiers import ClassifierCache
from scoring.contract import ImageRef, ScoreRequest, unpack
from scoring.engine import Engine
from scoring.ensemble import machine_says_yes, machine_score
from scoring.images import PictureStore

ROSTER = Path(__file__).resolve().parents[2] / "benchmarks" / "imagenet_roster.toml"
GRAPHS = Path(os.environ["SCORING_CACHE_DIR"])  # exported once for all tests


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def machine_verdicts(
    folder: Path, pairs: set[tuple[str, int]], *, cache_dir: Path | None
) -> dict[tuple[str, int], bool]:
    """Whether the mean of the three classifiers is at least one half, for each (image id, class index)."""
    specs = read_roster(ROSTER, folder / "classifiers", classes=folder / "classes.csv")
    images = {row["image_id"]: row["file"] for row in rows(folder / "images.csv")}
    wanted = sorted({image_id for image_id, _ in pairs})
    refs = tuple(ImageRef(number, images[image_id]) for number, image_id in enumerate(wanted))
    compute = Compute(torch.device("cpu"), threads=torch.get_num_threads(), cache_dir=cache_dir)
    cards = tuple(spec.to_dict(with_labels=False) for spec in specs)
    with Engine(PictureStore(str(folder)), ClassifierCache(folder / "classifiers", compute), threads=2) as engine:
        results = engine.score(ScoreRequest(refs, cards, "web"))
    outputs = {wanted[result.image]: [unpack(result.probabilities[s.digest]) for s in specs] for result in results}
    return {
        (image_id, index): machine_says_yes(machine_score([o[index] for o in outputs[image_id]]).mean, threshold=0.5)
        for image_id, index in pairs
    }


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_published_votes_and_classifiers_give_the_published_outcomes(imagenet_folder: Path, backend: str) -> None:
    votes: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for row in rows(imagenet_folder / "ratings.csv"):
        votes[row["image_id"], int(row["class_index"])][row["answer"]] += 1
    machine = machine_verdicts(imagenet_folder, set(votes), cache_dir=GRAPHS if backend == "onnxruntime" else None)
    outcomes: Counter[str] = Counter()
    for pair, tally in votes.items():
        if max(tally["yes"], tally["no"]) < 3:
            outcomes["ambiguous"] += 1
        elif (tally["yes"] >= 3) == machine[pair]:
            outcomes["agreement"] += 1
        else:
            outcomes["false_positive" if machine[pair] else "false_negative"] += 1
    assert outcomes == {"agreement": 1105, "false_negative": 127, "false_positive": 47, "ambiguous": 123}
