"""Three small classifiers of different families for the handwritten digits of the demo, a few thousand weights each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models_zoo.registry import register

CONV_SIZE = 20
PERCEPTRON_SIZE = 10
TRANSFORMER_SIZE = 20
_PATCH = 4


@register("digits_conv")
def conv(outputs: int) -> nn.Module:
    """Two convolutions and a linear layer on [N, 1, 20, 20]."""
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * (CONV_SIZE // 4) ** 2, outputs),
    )


@register("digits_perceptron")
def perceptron(outputs: int) -> nn.Module:
    """One hidden layer on [N, 1, 10, 10]."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(PERCEPTRON_SIZE**2, 32),
        nn.ReLU(),
        nn.Linear(32, outputs),
    )


class TinyVisionTransformer(nn.Module):
    """A vision transformer on [N, 1, 20, 20]: 25 patches of 4 x 4, two layers, the mean of all tokens."""

    def __init__(self, outputs: int, *, width: int = 32, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        tokens = (TRANSFORMER_SIZE // _PATCH) ** 2
        self.patches = nn.Conv2d(1, width, kernel_size=_PATCH, stride=_PATCH)
        self.positions = nn.Parameter(torch.zeros(1, tokens, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, dim_feedforward=2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, 1, 20, 20] to logits [N, outputs]."""
        tokens: Tensor = self.patches(pictures).flatten(2).transpose(1, 2)
        logits: Tensor = self.head(self.norm(self.encoder(tokens + self.positions)).mean(dim=1))
        return logits


@register("digits_transformer")
def transformer(outputs: int) -> nn.Module:
    """A tiny vision transformer on [N, 1, 20, 20]."""
    return TinyVisionTransformer(outputs)
