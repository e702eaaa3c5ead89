"""How a batch is run: halved where memory is short, in less precision where that changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from torch import Tensor, nn

from models_zoo.classifier import load_classifier
from models_zoo.halving import Halving
from models_zoo.precision import LIMIT, reduced, shift
from models_zoo.samples import sample_inputs
from tests.models_zoo.cards import write_perceptron

CPU = torch.device("cpu")


class Small(nn.Module):
    """Has memory for so many pictures."""

    def __init__(self, room: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.room, self.error = room, error
        self.sizes: list[int] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.sizes.append(len(pictures))
        if len(pictures) > self.room:
            raise self.error("bad_alloc")
        return pictures * 2


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError, RuntimeException])
def test_a_batch_that_does_not_fit_is_halved_and_the_size_remembered(error: type[Exception]) -> None:
    net, halving, pictures = Small(3, error), Halving(), torch.arange(10)
    for _ in range(2):
        parts = halving.run(lambda start, stop: net(pictures[start:stop]), 10)
        assert torch.cat(parts).tolist() == list(range(0, 20, 2))
    assert net.sizes == [10, 5, 2, 2, 2, 2, 2] + [2] * 5


def test_another_error_is_passed_on_and_so_is_a_picture_that_does_not_fit_alone() -> None:
    with pytest.raises(RuntimeError, match="another"):
        Halving().run(lambda _start, _stop: (_ for _ in ()).throw(RuntimeError("another")).__next__(), 4)
    with pytest.raises(torch.OutOfMemoryError):
        Halving().run(lambda start, stop: Small(0)(torch.zeros(stop - start)), 4)


def test_less_precision_is_taken_only_where_it_moves_no_probability_too_far(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    classifier = load_classifier(write_perceptron(tmp_path), tmp_path, CPU)
    moved = shift(classifier, torch.bfloat16)
    assert 0 < moved < 0.05
    assert reduced(classifier, candidates=[torch.bfloat16], limit=moved / 2) is classifier
    assert reduced(classifier, candidates=[torch.bfloat16], limit=moved) is not classifier
    assert "it moves probabilities by" in caplog.text
    assert LIMIT == 0.002


def test_the_sample_inputs_are_the_same_at_every_call(tmp_path: Path) -> None:
    spec = write_perceptron(tmp_path).input
    first = sample_inputs(spec)
    assert first.shape[1:] == (10, 10, 1)
    assert len(first) >= 5
    assert (first == sample_inputs(spec)).all()
