"""The device that a worker computes on, as an operator names it."""

from __future__ import annotations

import re

import torch

from models_zoo.classifier import best_device

_NAME = re.compile(r"cpu|cuda(:\d+)?")


class DeviceError(ValueError):
    """There is no such device; the text says what there is."""


def check_device(name: str) -> None:
    """Raises `DeviceError` unless `name` is empty, `cpu`, `cuda` or `cuda:1`, and is there."""
    if name and not _NAME.fullmatch(name):
        raise DeviceError(f"{name!r} should be cpu, cuda or cuda:1; leave it out for CUDA where there is one")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(name.partition(":")[2] or 0) >= count:
            raise DeviceError(f"{name!r} isn't there: torch sees {count} CUDA device(s)")


def device_of(name: str) -> torch.device:
    """The device of that name; with none, CUDA where it is."""
    return torch.device(name) if name else best_device()
