"""How far a JPEG's reduced decode moves each classifier's probabilities: `python -m benchmarks.decode_shift`.

Every picture of a folder is decoded in full and as `input.decode = "reduced"` would, by the zoo's own code; both go
through every classifier of a roster. Prints one JSON object. `decode_shift_mean` and `decode_shift_max` of a classifier
are what its card's quality table needs before it may ask for the reduced decode.

A picture is reduced only where it is at least twice as large as the classifier's input. Where there are no large
pictures, `--enlarge N` makes them: each is enlarged N times with Lanczos and encoded anew as a JPEG of quality 90. Such
a picture has no finer detail than the small one had, so take pictures of a real camera where there are some.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, features
from tqdm import tqdm

from models_zoo.classifier import Classifier, Probabilities, best_device, load_classifier
from models_zoo.pictures import UnreadablePictureError, decode
from models_zoo.preprocess import Pixels, least_side, pixels
from models_zoo.roster import read_roster
from models_zoo.spec import ClassifierSpec

QUALITY = 90
THRESHOLD = 0.5
DIGITS = 6


@dataclass
class Seen:
    """One picture as one classifier gets it, in both ways, and the seconds that each took with resizing."""

    full: Pixels
    reduced: Pixels
    seconds_full: float
    seconds_reduced: float
    smaller: bool
    """Whether the reduced decode gave fewer pixels at all."""


def read_pictures(folder: Path, enlarge: int) -> Iterator[bytes]:
    """The JPEG files of `folder` in the order of their names, each enlarged if wanted; unreadable ones are left out."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in {".jpg", ".jpeg"}:
            continue
        data = path.read_bytes()
        try:
            picture = decode(data)
        except UnreadablePictureError:
            continue
        yield data if enlarge == 1 else enlarged(picture, enlarge)


def enlarged(picture: Image.Image, times: int) -> bytes:
    """A JPEG of `times` the width and height."""
    width, height = picture.size
    file = io.BytesIO()
    larger = picture.resize((width * times, height * times), Image.Resampling.LANCZOS)
    larger.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def seen(data: bytes, spec: ClassifierSpec, repeats: int) -> Seen:
    """Decodes and resizes in both ways, by turns; the seconds are the least of `repeats`."""
    side = least_side(replace(spec.input, decode="reduced"))
    best = {0: float("inf"), side: float("inf")}
    arrays: dict[int, Pixels] = {}
    sizes = {}
    for _ in range(repeats):
        for least in (0, side):
            began = time.perf_counter()
            picture = decode(data, least_side=least)
            arrays[least] = pixels(picture, spec.input)
            best[least] = min(best[least], time.perf_counter() - began)
            sizes[least] = picture.size
    return Seen(arrays[0], arrays[side], best[0], best[side], smaller=sizes[side] != sizes[0])


def probabilities(classifier: Classifier, batch: Sequence[Pixels], size: int = 32) -> Probabilities:
    return np.concatenate(
        [classifier.probabilities(batch[start : start + size]) for start in range(0, len(batch), size)]
    )


def report(classifier: Classifier, views: Sequence[Seen]) -> dict[str, Any]:
    """What the reduced decode changes for one classifier. `top_class`: of the class that the full decode makes most
    probable; `all_outputs`: of every picture and output; `pixels_of_255`: mean distance in a picture."""
    full = probabilities(classifier, [view.full for view in views])
    reduced = probabilities(classifier, [view.reduced for view in views])
    moved = np.abs(reduced.astype(np.float64) - full)
    top = moved[np.arange(len(moved)), full.argmax(axis=1)]
    distance = np.array([np.abs(view.reduced.astype(np.int16) - view.full).mean() for view in views])
    flips = (full >= THRESHOLD) != (reduced >= THRESHOLD)
    seconds = [sum(view.seconds_full for view in views), sum(view.seconds_reduced for view in views)]
    return {
        "reduced_pictures": sum(view.smaller for view in views),
        "pixels_of_255": spread(distance),
        "top_class": spread(top),
        "all_outputs": spread(moved),
        "verdicts": int(flips.size),
        "yes_with_full_decode": int((full >= THRESHOLD).sum()),
        "verdicts_flipped_at_0.5": int(flips.sum()),
        "top_class_changed": int((full.argmax(axis=1) != reduced.argmax(axis=1)).sum()),
        "milliseconds_a_picture": {"full": round(1000 * seconds[0] / len(views), 3),
                                   "reduced": round(1000 * seconds[1] / len(views), 3)},
        "time_reduced_over_full": round(seconds[1] / seconds[0], 3),
        "quality": {"decode_shift_mean": round(float(top.mean()), DIGITS),
                    "decode_shift_max": round(float(moved.max()), DIGITS)},
    }  # fmt: skip


def spread(values: npt.NDArray[np.float64]) -> dict[str, float]:
    figures = {"mean": values.mean(), "p99": np.quantile(values, 0.99), "max": values.max()}
    return {name: round(float(figure), DIGITS) for name, figure in figures.items()}


def measure(specs: Sequence[ClassifierSpec], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The whole report; see the module."""
    views: dict[str, list[Seen]] = {spec.name: [] for spec in specs}
    count = 0
    for data in tqdm(read_pictures(folder, options.enlarge), unit="picture"):
        count += 1
        for spec in specs:
            views[spec.name].append(seen(data, spec, options.repeats))
    if not count:
        raise SystemExit(f"{folder} has no JPEG that can be read; name another folder with --pictures")
    device = best_device()
    return {
        "pictures": count,
        "made_larger": options.enlarge > 1,
        "how": "as they are" if options.enlarge == 1 else f"enlarged {options.enlarge} times with Lanczos and encoded "
        f"anew as JPEG of quality {QUALITY}: the size of large photographs, without their finest detail",
        "machine": f"{platform.machine()}, {device}, torch {torch.__version__}, Pillow {Image.__version__}, "
        f"libjpeg-turbo {features.version_feature('libjpeg_turbo') or 'absent'}",
        "classifiers": {
            spec.name: report(load_classifier(spec, options.classifiers_dir, device), views[spec.name])
            for spec in specs
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description="How far a JPEG's reduced decode moves each classifier's probabilities."
    )
    parser.add_argument("--pictures", type=Path, required=True, metavar="DIR", help="folder of JPEG files")
    parser.add_argument("--roster", type=Path, required=True, metavar="FILE", help="the classifiers, a TOML file")
    parser.add_argument("--classifiers-dir", type=Path, required=True, metavar="DIR", help="folder of weights files")
    parser.add_argument("--classes", type=Path, metavar="CSV", help="CSV of classes that the roster's tables name")
    parser.add_argument(
        "--enlarge", type=int, default=1, metavar="N", help="make each picture N times as wide and high"
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="the least time of N decodes counts")
    options = parser.parse_args()
    if min(options.enlarge, options.repeats) < 1:
        parser.error("--enlarge and --repeats should be at least 1")
    specs = read_roster(options.roster, options.classifiers_dir, classes=options.classes)
    if not specs:
        raise SystemExit(f"{options.roster} has no classifier")
    print(json.dumps(measure(specs, options.pictures, options), indent=2))


if __name__ == "__main__":
    main()
