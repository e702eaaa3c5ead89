"""Trains the demo's three small classifiers. Each card says how its picture comes in; training uses the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import nn

from models_zoo import registry
from models_zoo.digits_nets import CONV_SIZE, PERCEPTRON_SIZE, TRANSFORMER_SIZE
from models_zoo.preprocess import normalise, pixels
from models_zoo.spec import InputSpec

BATCH = 32


@dataclass(frozen=True)
class Recipe:
    """How one of the classifiers is trained: AdamW at `rate`, falling to zero, for `epochs` over its examples."""

    architecture: str
    size: int
    epochs: int
    rate: float

    @property
    def input(self) -> InputSpec:
        """The whole 260 x 260 picture, averaged down to `size` x `size`, in grey."""
        side = (self.size, self.size)
        return InputSpec(resize=side, size=side, interpolation="box", colour="grey", mean=(0.75,), std=(0.35,))


# Many passes over few examples: like larger classifiers, they get sure of themselves, also where they are wrong.
RECIPES = (
    Recipe("digits_conv", CONV_SIZE, epochs=20, rate=4e-3),
    Recipe("digits_perceptron", PERCEPTRON_SIZE, epochs=40, rate=5e-3),
    Recipe("digits_transformer", TRANSFORMER_SIZE, epochs=40, rate=2e-3),
)
EPOCHS = sum(recipe.epochs for recipe in RECIPES)


def train(
    recipe: Recipe, pictures: Sequence[Image.Image], digits: Sequence[int], *, seed: int, tick: Callable[[], object]
) -> nn.Module:
    """A network trained on `pictures`; the same one for the same seed. Calls `tick` after each epoch."""
    inputs = torch.from_numpy(np.stack([pixels(picture, recipe.input) for picture in pictures]))
    examples = normalise(inputs, recipe.input, torch.contiguous_format)
    truth = torch.tensor(digits)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = registry.build(recipe.architecture, len(set(digits)))
        optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
        for _ in range(recipe.epochs):
            order = torch.randperm(len(truth))
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                optimiser.zero_grad()
                torch.autograd.backward(nn.functional.cross_entropy(net(examples[chosen]), truth[chosen]))
                optimiser.step()
            schedule.step()
            tick()
    return net.eval()
