"""How far a long work has come, on standard error: a bar on a terminal, else a line now and then, with an estimate."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

LINE_EVERY_SECONDS = 10.0


class Progress:
    """Counts up to `total` as a context. `add` raises the count; `total` of None: nobody knows how many."""

    def __init__(self, text: str, total: int | None, *, unit: str) -> None:
        self._text, self._total, self._unit = text, total, unit
        self._done = 0
        self._began = self._spoke = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, desc=text, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None and self._done:
            self._say()

    def add(self, number: int = 1) -> None:
        self._done += number
        if self._bar is not None:
            self._bar.update(number)
        elif time.monotonic() - self._spoke > LINE_EVERY_SECONDS:
            self._say()

    def _say(self) -> None:
        self._spoke = time.monotonic()
        of = f" of {self._total:,}" if self._total is not None else ""
        print(f"{self._text}: {self._done:,}{of} {self._unit}{self._left()}", file=sys.stderr, flush=True)

    def _left(self) -> str:
        if self._total is None or not 0 < self._done < self._total:
            return ""
        seconds = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
