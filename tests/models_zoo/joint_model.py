"""A small joint text-image model that really knows something: scikit-learn's handwritten digits and their names."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tokenizers
import torch
from tokenizers import models, normalizers, pre_tokenizers
from torch import Tensor, nn

from models_zoo.digits_data import load_scans, render, split_in_halves
from models_zoo.preprocess import pixels
from models_zoo.spec import InputSpec

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# The question mark stands for a word that it doesn't know.
PHRASES = ("{}", "digit {}", "the number {}", "a handwritten {}", "a picture of {}", "? ? {}")
DIMENSIONS, CONTEXT, PAD, UNKNOWN = 16, 6, 0, 1
INPUT = InputSpec(resize=(20, 20), size=(20, 20), interpolation="box", colour="grey", mean=(0.75,), std=(0.35,))
SEED = 7


class Pictures(nn.Module):
    """[N, 1, 20, 20] to [N, DIMENSIONS]."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * 4 * 4, DIMENSIONS),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        vectors: Tensor = self.net(pictures)
        return vectors


class Texts(nn.Module):
    """int64 [N, CONTEXT] to [N, DIMENSIONS]: the mean of the tokens' vectors, without those that only fill up."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, DIMENSIONS)
        self.last = nn.Linear(DIMENSIONS, DIMENSIONS)

    def forward(self, ids: Tensor) -> Tensor:
        real = (ids != PAD).unsqueeze(2).float()
        mean = (self.table(ids) * real).sum(1) / real.sum(1).clamp(min=1)
        vectors: Tensor = self.last(mean)
        return vectors


def tokenizer() -> tokenizers.Tokenizer:
    """Words in lower case; what it doesn't know is `[UNK]`."""
    words = sorted({word for phrase in PHRASES for word in phrase.split() if word.isalpha()} | set(NAMES))
    known = {"[PAD]": PAD, "[UNK]": UNKNOWN} | {word: place for place, word in enumerate(words, 2)}
    made = tokenizers.Tokenizer(models.WordLevel(known, "[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()  # a question mark is a word too
    return made


@functools.cache
def trained() -> tuple[nn.Module, nn.Module]:
    """Both encoders, trained to bring a scan and what it is called together: half of the scans, a few seconds."""
    scans, digits = load_scans()
    training, _ = split_in_halves(digits, seed=SEED)
    values = np.stack([pixels(render(scans[index]), INPUT) for index in training])
    inputs = (torch.from_numpy(values).permute(0, 3, 1, 2).float() / 255 - INPUT.mean[0]) / INPUT.std[0]
    targets = torch.tensor([digits[index] for index in training])
    words = tokenizer()
    words.enable_padding(length=CONTEXT, pad_id=PAD)
    written = torch.tensor([[words.encode(phrase.format(name)).ids for phrase in PHRASES] for name in NAMES])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        both = (Pictures(), Texts(words.get_vocab_size()))
        adam = torch.optim.Adam([*both[0].parameters(), *both[1].parameters()], lr=3e-3)
        for _ in range(25):
            for batch in torch.randperm(len(inputs)).split(64):
                phrases = written[:, torch.randint(len(PHRASES), ())]
                pictures = nn.functional.normalize(both[0](inputs[batch]), dim=1)
                texts = nn.functional.normalize(both[1](phrases), dim=1)
                loss = nn.functional.cross_entropy(10 * pictures @ texts.T, targets[batch])
                adam.zero_grad()
                loss.backward()
                adam.step()
    return both[0].eval(), both[1].eval()


def program(net: nn.Module, sample: Tensor) -> bytes:
    """`net` as a torch.export program with a free first dimension."""
    batch = ({0: torch.export.Dim("batch", min=1, max=64)},)
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(net, (sample,), dynamic_shapes=batch), buffer)
    return buffer.getvalue()


@functools.cache
def files() -> Mapping[str, bytes]:
    """The three files of the card."""
    pictures, texts = trained()
    return {
        "image.pt2": program(pictures, torch.zeros(2, 1, 20, 20)),
        "text.pt2": program(texts, torch.zeros(2, CONTEXT, dtype=torch.int64)),
        "tokenizer.json": tokenizer().to_str().encode(),
    }


CARD = """
[[classifier]]
name = "digits and their names"
family = "joint"
weights = "image.pt2"
dimensions = 16
source = "trained on half of scikit-learn's scans of handwritten digits"
licence = "CC BY 4.0, as the scans"

[classifier.input]
resize = [20, 20]
size = [20, 20]
interpolation = "box"
colour = "grey"
mean = [0.75]
std = [0.35]

[classifier.text]
weights = "text.pt2"
tokenizer = "tokenizer.json"
context = 6
"""


def write_joint(folder: Path, *changes: tuple[str, str]) -> Path:
    """The files and the card, `joint.toml`, in `folder`; `changes` are texts of the card and what stands in their
    place."""
    for name, data in files().items():
        (folder / name).write_bytes(data)
    text = CARD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "joint.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_pictures(folder: Path) -> None:
    """The half of the scans that the encoders have not seen, as `digit-number.png`."""
    scans, digits = load_scans()
    for index in split_in_halves(digits, seed=SEED)[1]:
        render(scans[index]).save(folder / f"{digits[index]}-{index:04d}.png")


if __name__ == "__main__":  # for tests of the web side, which never imports torch
    write_joint(Path(sys.argv[1]))
    write_pictures(Path(sys.argv[1]))
