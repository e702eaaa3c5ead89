"""How long a source is waited for, and how politely it is asked again."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

TOO_MANY_REQUESTS = "too_many_requests"
TIME_OUT = "time_out"
TOO_LATE = "the time for this picture is over"


class Stopped(Exception):
    """The run ends: whatever is waited for is given up."""


class SourceFailed(Exception):
    """Why one source did not give a picture. `temporary`: it may give it later. `retry_after`: seconds, as it said."""

    def __init__(self, reason: str, detail: str, *, temporary: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.temporary = temporary
        self.retry_after = retry_after


@dataclass(frozen=True)
class Patience:
    """`connect`, `read`: seconds to connect, and between two pieces of an answer. `deadline`: for all that is tried for
    one picture, pauses included. `tries` of each source; `pause` before the second, doubled for each more up to
    `longest_pause`. `per_host`: how many requests a host that isn't the operator's gets at once."""

    connect: float = 10.0
    read: float = 10.0
    deadline: float = 120.0
    tries: int = 4
    pause: float = 1.0
    longest_pause: float = 30.0
    per_host: int = 4


class Clock:
    """What is left of the time for one picture. Time spent in the queue before a host isn't its own."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        return max(self._ends - time.monotonic(), 0.0)

    def forgive(self, seconds: float) -> None:
        self._ends += seconds


class Turns:
    """Who may ask which host when, for all threads of a run."""

    def __init__(self, patience: Patience, stop: threading.Event) -> None:
        self.patience = patience
        self.stop = stop
        self._not_before: dict[str, float] = {}
        self._gates: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(patience.per_host))
        self._lock = threading.Lock()

    def ask(self, host: str, clock: Clock, read: Callable[[], T], *, limited: bool = True) -> T:
        """What `read` gives, asked a few times. `limited`: with few others at once.

        Raises the last `SourceFailed`, and `Stopped`. A host that says “too many requests” is left alone by everybody.
        """
        for number in range(1, self.patience.tries + 1):
            self._wait_for(host, clock)
            try:
                with self._turn(host, clock, limited=limited):
                    return read()
            except SourceFailed as failure:
                pause = failure.retry_after or self._pause(number)
                if failure.temporary and failure.reason == TOO_MANY_REQUESTS:
                    self._leave_alone(host, pause)
                if not failure.temporary or number == self.patience.tries or pause >= clock.left():
                    raise
                self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _pause(self, number: int) -> float:
        longest: float = min(self.patience.pause * 2 ** (number - 1), self.patience.longest_pause)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - only so that not all ask at once

    def _leave_alone(self, host: str, seconds: float) -> None:
        with self._lock:
            self._not_before[host] = max(self._not_before.get(host, 0.0), time.monotonic() + seconds)

    def _wait_for(self, host: str, clock: Clock) -> None:
        with self._lock:
            wait = self._not_before.get(host, 0.0) - time.monotonic()
        if not clock.left():
            raise SourceFailed(TIME_OUT, TOO_LATE, temporary=True)
        if wait >= clock.left():
            raise SourceFailed(
                TOO_MANY_REQUESTS, f"{host} asks to be left alone for {wait:.0f} s", temporary=True, retry_after=wait
            )
        if wait > 0:
            self._sleep(wait)

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    @contextmanager
    def _turn(self, host: str, clock: Clock, *, limited: bool) -> Iterator[None]:
        if self.stop.is_set():
            raise Stopped
        if not limited:
            yield
            return
        with self._lock:
            gate = self._gates[host]
        began = time.monotonic()
        with gate:
            clock.forgive(time.monotonic() - began)
            yield
