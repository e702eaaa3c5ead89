"""A small folder to train heads on: pictures, labels in Open Images' columns, and a roster with a backbone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models_zoo import digits_nets, registry  # noqa: F401  (registers its networks)

VOCABULARY = "sides"
LABELS = ("left", "top", "rare")

ROSTER = """
[[classifier]]
name = "{name}"
family = "builtin"
architecture = "digits_perceptron"
weights = "{name}.pt"
activation = "softmax"
source = "made for a test"
licence = "Apache-2.0"
[classifier.input]
resize = [10, 10]
size = [10, 10]
interpolation = "box"
colour = "grey"
mean = [0.5]
std = [0.5]
[classifier.labels]
vocabulary = "{vocabulary}"
keys = {keys}
"""


@dataclass(frozen=True)
class TrainingData:
    """Where everything lies."""

    roster: Path
    classifiers: Path
    pictures: Path
    labels: Path

    def arguments(self, *more: object) -> list[str]:
        """For `train_heads`, without a name."""
        given = ["--backbone", self.roster, "--classifiers-dir", self.classifiers, "--pictures", self.pictures]
        given += ["--labels", self.labels, "--vocabulary", VOCABULARY, *more]
        return [str(one) for one in given]


def make_training_data(folder: Path, *, pictures: int = 60, vocabulary: str = VOCABULARY) -> TrainingData:
    """Noisy pictures that are bright on the left or the right (`left`: yes or no), at the top or the bottom (`top`)."""
    data = TrainingData(folder / "roster.toml", folder / "classifiers", folder / "pictures", folder / "labels.csv")
    data.classifiers.mkdir(parents=True)
    data.pictures.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(registry.build("digits_perceptron", 3).state_dict(), data.classifiers / "random.pt")
    keys = json.dumps(["left", "right", "bottom"])
    data.roster.write_text(ROSTER.format(name="random", vocabulary=vocabulary, keys=keys))
    draw = np.random.default_rng(0)
    rows = ["ImageID,Source,LabelName,Confidence"]
    for number in range(pictures):
        left, top = bool(draw.integers(2)), bool(draw.integers(2))
        grey = draw.normal(110, 25, size=(20, 20))
        grey[:, slice(0, 10) if left else slice(10, 20)] += 50
        grey[slice(0, 10) if top else slice(10, 20)] += 50
        Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(data.pictures / f"p{number:03d}.png")
        rows.append(f"p{number:03d},verification,left,{left:d}")
        rows.append(f"p{number:03d},crowdsource-verification,top,{top:d}")
        rows.append(f"p{number:03d},machine,rare,0.9")
    data.labels.write_text("".join(f"{row}\n" for row in [*rows, "p000,verification,rare,1"]))
    return data
