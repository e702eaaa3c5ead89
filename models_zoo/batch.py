"""The pictures of one forward pass, in each of the shapes that its classifiers want."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from models_zoo.card_parts import InputSpec
from models_zoo.preprocess import Geometry, Pixels, geometry


class Batch:
    """`shapes`: for each geometry uint8 [N, height, width, channels]. Each is copied to a device once.

    On CUDA the copy starts at the first call of `tensor`, out of pinned memory and on a stream of its own, so that it
    runs beside the forward pass of the batch before.
    """

    def __init__(self, shapes: Mapping[Geometry, Pixels]) -> None:
        self._shapes = dict(shapes)
        self._tensors: dict[tuple[Geometry, torch.device], Tensor] = {}

    @classmethod
    def of(cls, pictures: Sequence[Mapping[Geometry, Pixels]]) -> Batch:
        """Of single pictures [height, width, channels], all in the same geometries; there is at least one."""
        return cls({shape: np.stack([picture[shape] for picture in pictures]) for shape in pictures[0]})

    def __len__(self) -> int:
        return len(next(iter(self._shapes.values())))

    def part(self, start: int, stop: int) -> Batch:
        return Batch({shape: values[start:stop] for shape, values in self._shapes.items()})

    def array(self, spec: InputSpec) -> Pixels:
        return self._shapes[geometry(spec)]

    def tensor(self, spec: InputSpec, device: torch.device) -> Tensor:
        """The same on `device`."""
        place = (geometry(spec), device)
        if place not in self._tensors:
            host = torch.from_numpy(self._shapes[place[0]])
            self._tensors[place] = _to_cuda(host, device) if device.type == "cuda" else host.to(device)
        return self._tensors[place]


def _to_cuda(host: Tensor, device: torch.device) -> Tensor:
    current, aside = torch.cuda.current_stream(device), _copy_stream(device)
    with torch.cuda.stream(aside):
        copy = host.pin_memory().to(device, non_blocking=True)
    current.wait_stream(aside)
    copy.record_stream(current)  # or its memory might be given away while the forward pass still reads it
    return copy


@functools.cache
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
