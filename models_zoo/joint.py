"""A joint text-image card: vectors of pictures and of texts in one space, near together where they mean the same.

Its image encoder is loaded and run as any classifier; here is what makes vectors of texts.

`python -m models_zoo.joint FILE --classifiers-dir DIR` checks the one card in FILE, loads and tries both encoders, and
prints the card as JSON, for a caller that can't import this package.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tokenizers
import torch
from torch import Tensor, nn

from models_zoo import exported
from models_zoo.classifier import load_classifier
from models_zoo.errors import ClassifierError
from models_zoo.joint_card import Joint
from models_zoo.roster import RosterError, read_joint
from models_zoo.spec import ClassifierSpec
from models_zoo.weights import read_file

BATCH = 16  # texts in a forward pass


class TextVectors(NamedTuple):
    """`vectors`: float32 [N, dimensions], as the encoder gives them. `cut`: for each text whether it had more tokens
    than the encoder takes, so that its end wasn't looked at."""

    vectors: npt.NDArray[np.float32]
    cut: list[bool]


class TextEncoder:
    """A text encoder with its tokenizer, on the processor: a text is small, and a GPU that is given a token which its
    encoder doesn't know is lost for all that comes after it. For use by several threads at once.
    """

    def __init__(self, joint: Joint, net: nn.Module, tokenizer: tokenizers.Tokenizer) -> None:
        """`net` maps int64 [N, context] to vectors."""
        tokenizer.enable_truncation(max_length=joint.context)
        tokenizer.enable_padding(length=joint.context, pad_id=joint.pad)
        self._joint = joint
        self._net = net
        self._tokenizer = tokenizer
        self._one_at_a_time = threading.Lock()

    def embed(self, texts: Sequence[str]) -> TextVectors:
        """A longer text than the context is cut at its end, as CLIP does. NaN and infinity are passed on."""
        written = self._tokenizer.encode_batch(list(texts))
        ids = torch.tensor([one.ids for one in written], dtype=torch.int64).reshape(len(written), self._joint.context)
        parts = [self._forward(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
        empty = np.zeros((0, self._joint.dimensions), dtype=np.float32)
        return TextVectors(np.concatenate([empty, *parts]), [bool(one.overflowing) for one in written])

    def try_out(self) -> None:
        """Two texts, and the token with the highest id: what doesn't fit together shows now. Raises `ValueError`."""
        highest = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
        shapes = [self._forward(torch.full((2, self._joint.context), token)).shape for token in {highest, 0}]
        wanted = (2, self._joint.dimensions)
        if any(shape != wanted for shape in shapes):
            raise ValueError(f"gives an output of shape {shapes[0]} for two texts; its card says {wanted}")
        self.embed(["a", ""])

    @torch.inference_mode()
    def _forward(self, ids: Tensor) -> npt.NDArray[np.float32]:
        with self._one_at_a_time:
            found: Tensor = self._net(ids)
        vectors: npt.NDArray[np.float32] = found.float().numpy()
        return vectors


def load_texts(spec: ClassifierSpec, classifiers_dir: Path) -> TextEncoder:
    """The text side of a joint card, after the checksums of its files were compared.

    Raises `ClassifierError` if a file is missing or another one, no such program or tokenizer, or they don't fit.
    """
    joint = spec.joint
    if joint is None:
        raise ClassifierError(f"classifier {spec.name!r} is no joint card: it knows nothing of texts")
    program = read_file(spec.name, joint.text, joint.text_sha256, classifiers_dir)
    written = read_file(spec.name, joint.tokenizer, joint.tokenizer_sha256, classifiers_dir)
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(written)
    except Exception as error:  # the library has no class of its own for what it can't read
        raise ClassifierError(
            f"classifier {spec.name!r} ({joint.tokenizer}): no tokenizer.json of the tokenizers library: {error}"
        ) from error
    try:
        encoder = TextEncoder(joint, exported.encoder(exported.load(program, torch.device("cpu"))), tokenizer)
        encoder.try_out()
    except IndexError as error:
        raise ClassifierError(
            f"classifier {spec.name!r} ({joint.text}): the tokenizer has a token that the text encoder doesn't know"
            f" ({error}); use the tokenizer that it was trained with"
        ) from error
    except Exception as error:  # whatever a damaged or foreign file makes torch raise, the card can't be run
        raise ClassifierError(f"classifier {spec.name!r} ({joint.text}): {error}") from error
    return encoder


def main(arguments: list[str] | None = None) -> int:
    """Prints `{"card": card}` on stdout and returns 0; or what is wrong on stderr and returns 1."""
    parser = argparse.ArgumentParser(prog="python -m models_zoo.joint", description="Check a joint card, print it.")
    parser.add_argument("file", type=Path, metavar="FILE", help="the card, a TOML file")
    parser.add_argument("--classifiers-dir", type=Path, required=True, metavar="DIR", help="folder of its three files")
    options = parser.parse_args(arguments)
    try:
        spec = read_joint(options.file, options.classifiers_dir)
        load_texts(spec, options.classifiers_dir)
        load_classifier(spec, options.classifiers_dir, torch.device("cpu"))
    except (RosterError, ClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    answer: dict[str, Any] = {"card": spec.to_dict()}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
