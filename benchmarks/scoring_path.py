"""The part of `benchmarks.scoring` that needs Django set up."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import bare
from benchmarks.edition import Edition, await_scored, claim, make_edition
from benchmarks.stage import Weights, make_pictures, read_pictures, untrained_roster
from cats4ml.catalog.models import Prediction
from cats4ml.console.workers import edition_workers
from models_zoo.loading import Compute
from models_zoo.roster import read_roster
from models_zoo.spec import ClassifierSpec

WARM = 40  # pictures that are scored before the clock starts: the classifiers are loaded, the first batches run
LOOP_PICTURES = 48
BATCHES = (1, 4, 16, 64)
SIZES = ("224x224", "640x480", "1280x960")
_editions = count(1)


@dataclass(frozen=True)
class Setting:
    """One point of a curve."""

    weights: Weights
    number: int
    repeats: int
    batch: int
    workers: int
    size: tuple[int, int]
    pictures: Path | None

    def contents(self, number: int, *, seed: int) -> Iterator[bytes]:
        return (
            read_pictures(self.pictures, number) if self.pictures else make_pictures(number, size=self.size, seed=seed)
        )

    def specs(self) -> list[ClassifierSpec]:
        return read_roster(self.weights.roster, self.weights.folder, classes=self.weights.classes)


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The figures of the setting that was asked for, and with `--curves` of its neighbours."""
    compute = Compute(threads=_threads(), cache_dir=folder / "graphs")
    torch.set_num_threads(compute.threads)
    os.environ["SCORING_CACHE_DIR"] = str(folder / "graphs")
    given = Weights(options.roster, options.classifiers_dir, options.classes) if options.roster else None
    weights = given or untrained_roster(folder, options.architectures.split(","))
    setting = Setting(
        weights=weights,
        number=options.number,
        repeats=options.repeats,
        batch=options.batch,
        workers=options.workers,
        size=_size(options.size),
        pictures=options.pictures,
    )
    figures = {"device": compute.device.type, "torch": torch.__version__, **measure(setting, compute)}
    if options.curves:
        figures["curves"] = curves(setting, options, folder, compute)
    return figures


def curves(setting: Setting, options: argparse.Namespace, folder: Path, compute: Compute) -> dict[str, Any]:
    """One thing is changed at a time; the rest stays as it was asked for, with one repeat."""
    once = replace(setting, repeats=1)
    found: dict[str, Any] = {
        "batch": {str(batch): measure(replace(once, batch=batch), compute) for batch in BATCHES},
        "workers": {str(number): measure(replace(once, workers=number), compute) for number in (1, 2)},
    }
    if options.pictures is None:
        found["picture"] = {size: measure(replace(once, size=_size(size)), compute) for size in SIZES}
    if options.roster is None:
        names = options.architectures.split(",")
        found["classifiers"] = {}
        for number in range(1, len(names) + 1):
            part = folder / f"first-{number}"
            part.mkdir()
            fewer = replace(once, weights=untrained_roster(part, names[:number]))
            found["classifiers"][str(number)] = measure(fewer, compute)
    return found


def measure(setting: Setting, compute: Compute) -> dict[str, Any]:
    """The whole path and what it is held against, in turns, so that a noisy machine is as noisy for all of them."""
    say(f"batch {setting.batch}, {setting.workers} worker(s), {setting.size[0]}x{setting.size[1]}: preparing")
    specs = setting.specs()
    ensembles = bare.ensembles(specs, setting.weights.folder, compute)
    loop = bare.Loop(specs, setting.weights.folder, compute.device)
    contents = list(setting.contents(setting.number, seed=1))
    prepared = bare.prepare(contents, specs, compute.threads)
    rounds = []
    with _running(setting, compute) as (edition, workers):
        places = iter(range(len(edition.images)))
        claim(edition, [next(places) for _ in range(WARM)])
        await_scored(edition, WARM, workers)
        for turn in range(setting.repeats):
            say(f"repeat {turn + 1} of {setting.repeats}")
            found = {
                name: bare.rate(setting.number, _forward(one, prepared, setting)) for name, one in ensembles.items()
            }
            found["decode"] = bare.rate(setting.number, lambda: _prepare(contents, specs, compute))
            found["loop"] = bare.rate(LOOP_PICTURES, lambda: loop.run(contents[:LOOP_PICTURES]))
            found["whole"] = _whole(edition, [next(places) for _ in range(setting.number)], workers)
            rounds.append(found)
        predictions = Prediction.objects.filter(image__in=edition.images).count()
    if predictions != len(specs) * (WARM + setting.repeats * setting.number):
        raise RuntimeError(f"{predictions} predictions were recorded, which isn't one for each picture and classifier")
    return _summary(rounds, list(ensembles), cuda=compute.device.type == "cuda")


def _forward(ensemble: Sequence[Any], prepared: Sequence[bare.Prepared], setting: Setting) -> Any:
    return lambda: bare.forward(ensemble, prepared, setting.batch)


def _prepare(contents: Sequence[bytes], specs: Sequence[ClassifierSpec], compute: Compute) -> None:
    bare.prepare(contents, specs, compute.threads)


def _whole(edition: Edition, places: Sequence[int], workers: Any) -> float:
    """Pictures per second from the claim until the last one has its score in the database."""
    done = edition.challenge.pairs.exclude(scored_at=None).count()
    began = time.perf_counter()
    claim(edition, places)
    await_scored(edition, done + len(places), workers)
    return len(places) / (time.perf_counter() - began)


@contextmanager
def _running(setting: Setting, compute: Compute) -> Iterator[tuple[Edition, Any]]:
    """An edition of pictures that no worker has seen, and its workers."""
    number = WARM + setting.repeats * setting.number
    edition = make_edition(f"scoring-{next(_editions)}", setting.contents(number, seed=2), setting.weights)
    threads = str(max(1, compute.threads // setting.workers))
    os.environ.update(SCORING_THREADS=threads, SCORING_BATCH=str(setting.batch))
    with ExitStack() as stack:
        running = [
            stack.enter_context(edition_workers(edition.challenge, classifiers_dir=setting.weights.folder))
            for _ in range(setting.workers)
        ]
        yield edition, running[0]


def _summary(rounds: Sequence[dict[str, float]], backends: Sequence[str], *, cuda: bool) -> dict[str, Any]:
    for one in rounds:
        one["forward"] = max(one[backend] for backend in backends)
        limit = min(one["forward"], one["decode"]) if cuda else 1 / (1 / one["forward"] + 1 / one["decode"])
        one["shared_limit"] = limit
    ratios = {
        f"whole_over_{name}": round(median(one["whole"] / one[name] for one in rounds), 3)
        for name in ("forward", "decode", "shared_limit", "loop")
    }
    rates = {name: round(median(one[name] for one in rounds), 1) for name in rounds[0]}
    return {"pictures_per_second": rates, **ratios}


def _threads() -> int:
    return int(os.environ.get("SCORING_THREADS") or len(os.sched_getaffinity(0)))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
