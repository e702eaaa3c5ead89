"""Builds the demo's data in an empty folder: the child process of `models_zoo.demo_digits`, which see."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from models_zoo.classifier import Probabilities, load_classifier
from models_zoo.digits_data import image_id, load_scans, render, split_in_halves
from models_zoo.digits_training import EPOCHS, RECIPES, Recipe, train
from models_zoo.pictures import decode
from models_zoo.preprocess import pixels
from models_zoo.roster import read_roster
from models_zoo.spec import ClassifierSpec

LABELS = tuple(str(digit) for digit in range(10))
THRESHOLD = 0.5
SOURCE = "trained for the demo on half of scikit-learn's scans of handwritten digits"
BATCH = 64


class Progress:
    """One bar for the whole build on a terminal's stderr; where that is no terminal, a line at each tenth."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._bar = tqdm(total=total, desc="demo", unit="step", file=sys.stderr) if sys.stderr.isatty() else None

    def step(self) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        elif self._done * 10 // self._total > (self._done - 1) * 10 // self._total:
            print(f"demo: {self._done * 100 // self._total} %", file=sys.stderr, flush=True)

    def of(self, items: Iterable[Any], *, every: int) -> Iterator[Any]:
        """`items`, with one step after each `every` of them."""
        for number, item in enumerate(items, start=1):
            yield item
            if number % every == 0:
                self.step()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def build(out: Path, *, seed: int) -> dict[str, Any]:
    """Writes classifiers, roster, pictures and tables into `out`, an empty folder; gives the statistics."""
    torch.set_num_threads(1)  # the networks are too small for more, and the order of sums stays the same
    scans, digits = load_scans()
    training, target = split_in_halves(digits, seed=seed)
    progress = Progress(total=EPOCHS + len(target) // 50 + 3 * (len(target) // 50))
    _train_all(out, scans, digits, training, seed=seed, progress=progress)
    truth = {image_id(index, seed=seed): digits[index] for index in target}
    (out / "images").mkdir()
    for index in progress.of(target, every=50):
        render(scans[index]).convert("L").save(out / "images" / f"{image_id(index, seed=seed)}.png", optimize=True)
    ids = sorted(truth)
    _write_rows(out / "targets.csv", "image_id,file,digit", [(i, f"images/{i}.png", truth[i]) for i in ids])
    specs = read_roster(out / "roster.toml", out / "classifiers")
    scores = {spec.name: _scores(spec, out, ids, progress) for spec in specs}
    means = [_means([values[row] for values in scores.values()]) for row in range(len(ids))]
    rows = [(i, LABELS[label], f"{means[row][label]:.8f}") for row, i in enumerate(ids) for label in range(10)]
    _write_rows(out / "scores.csv", "image_id,label_id,machine_mean", rows)
    progress.close()
    statistics = _statistics([truth[i] for i in ids], scores, means, training_scans=len(training))
    (out / "statistics.json").write_text(json.dumps(statistics, indent=1) + "\n", encoding="utf-8")
    return statistics


def _train_all(out: Path, scans: Any, digits: list[int], examples: list[int], *, seed: int, progress: Progress) -> None:
    """Trains each recipe on the scans of `examples`; writes the state dicts and the roster."""
    pictures: list[Image.Image] = [render(scans[index]) for index in examples]
    (out / "classifiers").mkdir()
    tables = []
    for recipe in RECIPES:
        net = train(recipe, pictures, [digits[index] for index in examples], seed=seed, tick=progress.step)
        torch.save(net.state_dict(), out / "classifiers" / f"{recipe.architecture}.pt")
        tables.append(_roster_table(recipe))
    (out / "roster.toml").write_text("\n".join(tables), encoding="utf-8")


def _roster_table(recipe: Recipe) -> str:
    """One [[classifier]] table. JSON's texts, numbers and lists are TOML's too."""
    card = {
        "name": recipe.architecture,
        "family": "builtin",
        "architecture": recipe.architecture,
        "weights": f"{recipe.architecture}.pt",
        "activation": "softmax",
        "source": SOURCE,
        "licence": "CC BY 4.0, as the scans",
    }
    sections = {
        "[[classifier]]": card,
        "[classifier.input]": recipe.input.to_dict(),
        "[classifier.labels]": {"vocabulary": "digits", "keys": list(LABELS)},
    }
    lines = [
        "\n".join([head, *(f"{key} = {json.dumps(value)}" for key, value in table.items())])
        for head, table in sections.items()
    ]
    return "\n\n".join(lines) + "\n"


def _scores(spec: ClassifierSpec, out: Path, ids: list[str], progress: Progress) -> Probabilities:
    """float32 [pictures, labels] of the written PNG files, by the loader, decoder and network that the worker uses."""
    classifier = load_classifier(spec, out / "classifiers", torch.device("cpu"))
    inputs = [
        pixels(decode((out / "images" / f"{i}.png").read_bytes()), spec.input) for i in progress.of(ids, every=50)
    ]
    parts = [classifier.probabilities(inputs[start : start + BATCH]) for start in range(0, len(inputs), BATCH)]
    return np.concatenate(parts)


def _means(rows: list[Probabilities]) -> list[float]:
    """For each label the plain mean, as `scoring.ensemble.machine_score` has it (a test holds the two together)."""
    return [math.fsum(float(row[label]) for row in rows) / len(rows) for label in range(len(LABELS))]


def _statistics(
    truth: list[int], scores: dict[str, Probabilities], means: list[list[float]], *, training_scans: int
) -> dict[str, Any]:
    """Accuracies on the target half, and what there is to find: adverse pairs, with truth as people would read it."""
    missed = [row for row, digit in enumerate(truth) if means[row][digit] < THRESHOLD]
    taken = [
        (row, label)
        for row, digit in enumerate(truth)
        for label in range(10)
        if label != digit and means[row][label] >= THRESHOLD
    ]
    return {
        "target_images": len(truth),
        "training_scans": training_scans,
        "accuracy": {name: float(np.mean(values.argmax(axis=1) == truth)) for name, values in scores.items()},
        "ensemble_accuracy": float(np.mean(np.argmax(means, axis=1) == truth)),
        "false_negatives": len(missed),
        "confident_false_negatives": sum(means[row][truth[row]] < 0.2 for row in missed),
        "false_positives": len(taken),
        "confident_false_positives": sum(means[row][label] > 0.8 for row, label in taken),
        "images_with_both": len({row for row, _ in taken} & set(missed)),
    }


def _write_rows(path: Path, header: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def main(arguments: list[str] | None = None) -> int:
    """Builds into the folder that the command line names, and prints the statistics."""
    parser = argparse.ArgumentParser(prog="python -m models_zoo.digits_build", description="See demo_digits.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args(arguments)
    for name, value in build(options.out, seed=options.seed).items():
        print(f"{name}: {json.dumps(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
