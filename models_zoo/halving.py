"""Out of memory: the batch is halved and goes on, and the smaller size is remembered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)
Part = TypeVar("Part")

# What ONNX Runtime and cuBLAS say where memory is short: their errors have no class of their own for it.
_ALLOCATION = ("bad_alloc", "failed to allocate memory", "out of memory", "allocation failed", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, in Python, torch or ONNX Runtime."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    foreign = type(error).__module__.startswith("onnxruntime.")  # whose errors are no RuntimeError
    return (foreign or isinstance(error, RuntimeError)) and any(words in str(error).lower() for words in _ALLOCATION)


class Halving:
    """Runs a function over parts of a batch that fit into memory."""

    def __init__(self) -> None:
        self.most: int | None = None
        """The most pictures at once, once memory ran out."""

    def run(self, work: Callable[[int, int], Part], count: int) -> list[Part]:
        """`work(start, stop)` over parts of [0, `count`), in order.

        Raises what `work` raises; running out of memory only for a single picture.
        """
        done: list[Part] = []
        start = 0
        while start < count:
            size = min(count - start, self.most or count)
            try:
                done.append(work(start, start + size))
            except Exception as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
                self.most = size // 2
                logger.warning("out of memory with %d pictures at once; going on with %d", size, self.most)
            else:
                start += size
                continue
            # Here the exception is gone, and with it the frames that held the tensors.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return done
