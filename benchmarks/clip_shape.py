"""A joint card whose text encoder has the shape of CLIP ViT-B/32's (Radford and others, 2021), its weights drawn.

As much work as a trained one: 12 layers of width 512 over 77 tokens, of which there are 49,408. Its image encoder is a
small one: no picture is looked at here.
"""

from __future__ import annotations

from pathlib import Path

import tokenizers
import torch
from tokenizers import models, pre_tokenizers
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

TOKENS, CONTEXT, WIDTH, LAYERS, HEADS = 49_408, 77, 512, 12, 8

CARD = f"""
[[classifier]]
name = "the shape of CLIP"
family = "joint"
weights = "image.pt2"
dimensions = {WIDTH}
source = "drawn, for a benchmark"
licence = "none"

[classifier.input]
resize = [32, 32]
size = [32, 32]
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]

[classifier.text]
weights = "text.pt2"
tokenizer = "tokenizer.json"
context = {CONTEXT}
"""


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.three, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, values: Tensor) -> Tensor:
        parts = self.three(self.before(values)).unflatten(2, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        values = values + self.out(mixed.transpose(1, 2).flatten(2))
        hidden = self.wide(self.after(values))
        return values + self.narrow(hidden * torch.sigmoid(1.702 * hidden))


class Texts(nn.Module):
    """The vector of a text is that of its token with the highest id, which is CLIP's end of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(TOKENS, WIDTH), nn.Parameter(torch.randn(CONTEXT, WIDTH) / 100)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.last = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        values = self.norm(self.blocks(self.table(ids) + self.places))
        ends = ids.argmax(dim=1)[:, None, None].expand(-1, 1, WIDTH)
        vectors: Tensor = self.last(values.gather(1, ends).squeeze(1))
        return vectors


def write(folder: Path) -> Path:
    """The card and its three files in `folder`."""
    torch.manual_seed(0)
    pictures = nn.Sequential(nn.Conv2d(3, 8, 8, stride=8), nn.Flatten(), nn.Linear(8 * 16, WIDTH))
    batch = ({0: torch.export.Dim("batch", min=1, max=64)},)
    for net, sample, name in (
        (pictures, torch.zeros(2, 3, 32, 32), "image.pt2"),
        (Texts(), torch.zeros(2, CONTEXT, dtype=torch.int64), "text.pt2"),
    ):
        torch.export.save(torch.export.export(net.eval(), (sample,), dynamic_shapes=batch), folder / name)
    made = tokenizers.Tokenizer(models.WordLevel({f"w{token}": token for token in range(TOKENS)}, "w0"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    path = folder / "joint.toml"
    path.write_text(CARD, encoding="utf-8")
    return path
