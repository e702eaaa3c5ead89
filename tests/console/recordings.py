"""A small folder of recorded votes, and classifiers whose answers are known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.factories import png

CLASSES = ("nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATERS = ("ann", "ben", "cleo", "dan", "eve")

# Whatever it is shown, it is sure that it sees a three.
MAKE_WEIGHTS = """
import sys, torch
from models_zoo import digits_nets, registry
net = registry.build("digits_perceptron", 10)
state = {name: torch.zeros_like(value) for name, value in net.state_dict().items()}
list(state.values())[-1][3] = 12.0
torch.save(state, sys.argv[1])
"""

ROSTER = """
[[classifier]]
name = "always three"
family = "builtin"
architecture = "digits_perceptron"
weights = "three.pth"
activation = "softmax"
source = "made for a test"
licence = "Apache-2.0"
[classifier.input]
resize = [10, 10]
size = [10, 10]
colour = "grey"
mean = [0.5]
std = [0.5]
[classifier.labels]
vocabulary = "replayed-digits"
column = "class_index"
"""

# (image, class): the answers, of as many raters in their order.
VOTES = {
    ("first", 3): "yyyyy",  # agreement
    ("first", 4): "yyyny",  # false negative
    ("second", 3): "nnnnn",  # false positive
    ("second", 5): "yynnd",  # ambiguous
    ("second", 4): "nnnnnn",  # agreement; the sixth answer has no place
    ("first", 5): "yy",  # too few answers
    ("broken", 3): "yyyyy",
    ("gone", 3): "yyyyy",
}
_ANSWERS = {"y": "yes", "n": "no", "d": "dont_know"}


def make_recording(folder: Path) -> Path:
    """`images.csv`, `classes.csv`, `ratings.csv` and pictures: one is cut short, one is missing."""
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "first.png").write_bytes(png(40))
    (folder / "images" / "second.png").write_bytes(png(200))
    (folder / "images" / "broken.png").write_bytes(png(90)[:40])
    names = ("first", "second", "broken", "gone", "unrated")
    write(folder / "images.csv", "image_id,file,note", *(f"{name},images/{name}.png,x" for name in names))
    write(folder / "classes.csv", "class_index,name", *(f"{key},{name}" for key, name in enumerate(CLASSES)))
    rows = [
        f"{image},{key},{rater},{_ANSWERS[answer]}"
        for (image, key), answers in VOTES.items()
        for rater, answer in zip((*RATERS, "fay"), answers, strict=False)
    ]
    write(folder / "ratings.csv", "image_id,class_index,rater,answer", *rows)
    return folder


def write(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def make_roster(folder: Path) -> tuple[Path, Path]:
    """A roster file, and the folder of its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "roster.toml").write_text(ROSTER)
    command = [sys.executable, "-c", MAKE_WEIGHTS, str(folder / "three.pth")]
    subprocess.run(command, cwd=settings.BASE_DIR, check=True)
    return folder / "roster.toml", folder
