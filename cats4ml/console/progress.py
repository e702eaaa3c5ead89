"""How far a command has come: a bar where a person looks on, else a line now and then. Always beside the results."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import OutputWrapper
from tqdm import tqdm

LINE_EVERY_SECONDS = 5.0


class Log:
    """A command's standard error as it is: Django's own stream ends and colours each write, which breaks a bar."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        self.write(f"{text}\n")
        self.flush()

    def write(self, text: str) -> None:
        self._stream.write(text, ending="", style_func=str)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


class Progress:
    """Counts up to `total` on `log`, as a context. `to` sets the count, `add` raises it."""

    def __init__(self, total: int, text: str, log: Log) -> None:
        self.done = 0
        self.total = total
        self._text = text
        self._log = log
        self._spoke_at = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if log.isatty():
            self._bar = tqdm(total=total, desc=text, file=log, unit="", dynamic_ncols=True)

    def __enter__(self) -> Progress:
        self._say(force=True)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._say(force=True)
        if self._bar is not None:
            self._bar.close()

    def add(self, number: int = 1) -> None:
        self.to(self.done + number)

    def to(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done - self.done)
        self.done = done
        self._say()

    def _say(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._bar is not None or not (force or now - self._spoke_at > LINE_EVERY_SECONDS):
            return
        self._spoke_at = now
        self._log.say(f"{self._text}: {self.done:,} of {self.total:,}")
