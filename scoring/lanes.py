"""What waits between the steps of scoring: pictures to decode, and decoded ones for the next forward pass.

The more urgent goes first, then the earlier: so one chunk is finished at a time, and its place is free for a
message that may be more urgent.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

FULLER_SECONDS = 0.02  # how long a batch that isn't full waits for pictures that are being decoded


class Step(Enum):
    WAITING = auto()
    DECODING = auto()
    READY = auto()
    TAKEN = auto()


@dataclass(eq=False)
class Item:
    """Something to decode and to score. `group`: only items of one group share a batch. `load`: what was decoded."""

    urgency: int
    group: Hashable
    subject: Any
    load: Any = None
    step: Step = Step.WAITING
    ready_at: float = 0.0
    order: int = field(default_factory=itertools.count().__next__)


class Lanes:
    """For use by several threads at once. At most `room` decoded items wait; the most urgent kind isn't held up."""

    def __init__(self, *, batch: int, room: int, most_urgent: int) -> None:
        self.batch = batch
        self._room = room
        self._most_urgent = most_urgent
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Item]] = []
        self._ready: list[Item] = []
        self._decoding = 0
        self._closed = False

    def put(self, item: Item) -> bool:
        """False if closed: nobody would take it."""
        with self._changed:
            if not self._closed:
                heapq.heappush(self._waiting, (item.urgency, item.order, item))
                self._changed.notify_all()
            return not self._closed

    def hurry(self, item: Item, urgency: int) -> None:
        """Makes an item at least as urgent as this, wherever it waits."""
        with self._changed:
            if urgency < item.urgency:
                item.urgency = urgency
                if item.step is Step.WAITING:
                    heapq.heappush(self._waiting, (urgency, item.order, item))
                self._changed.notify_all()

    def take_to_decode(self) -> Item | None:
        """The next item to decode, as soon as there is one and room for it; `None` when closed."""
        with self._changed:
            while not self._closed:
                while self._waiting and self._waiting[0][2].step is not Step.WAITING:
                    heapq.heappop(self._waiting)  # it was hurried, and taken by its other entry
                if self._waiting and self._has_room(self._waiting[0][0]):
                    item = heapq.heappop(self._waiting)[2]
                    item.step = Step.DECODING
                    self._decoding += 1
                    return item
                self._changed.wait()
            return None

    def decoded(self, item: Item) -> None:
        """`item` was decoded: its `load` waits for a forward pass."""
        with self._changed:
            self._decoding -= 1
            item.step, item.ready_at = Step.READY, time.monotonic()
            self._ready.append(item)
            self._changed.notify_all()

    def dropped(self) -> None:
        """An item was taken for decoding and gave nothing."""
        with self._changed:
            self._decoding -= 1
            self._changed.notify_all()

    def take_batch(self, *, wait: bool) -> list[Item]:
        """The next items to score, of one group: a full batch, or what there is when nothing more is on its way.

        None if closed, or if `wait` is false and no batch is due.
        """
        with self._changed:
            while not self._closed:
                chosen = self._next_batch()
                patience = self._patience(chosen)
                if chosen and patience <= 0:
                    for item in chosen:
                        item.step = Step.TAKEN
                    self._ready = [item for item in self._ready if item.step is Step.READY]
                    self._changed.notify_all()
                    return chosen
                if not wait:
                    break
                self._changed.wait(patience if chosen else None)
            return []

    def close(self) -> list[Item]:
        """Lets every waiting thread go, and gives what nobody will take any more, each once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = [item for _, _, item in self._waiting if item.step is Step.WAITING] + self._ready
            self._waiting, self._ready = [], []
            return list(dict.fromkeys(left))  # one that was hurried waits by two entries

    def _has_room(self, urgency: int) -> bool:
        return urgency <= self._most_urgent or len(self._ready) + self._decoding < self._room

    def _next_batch(self) -> list[Item]:
        if not self._ready:
            return []
        ordered = sorted(self._ready, key=lambda item: (item.urgency, item.order))
        first = ordered[0]
        # Somebody waits for an urgent picture: nothing makes its batch longer than it must be.
        alone = first.urgency <= self._most_urgent
        fitting = [
            item for item in ordered if item.group == first.group and not (alone and item.urgency > self._most_urgent)
        ]
        return fitting[: self.batch]

    def _patience(self, chosen: list[Item]) -> float:
        """Seconds for which the batch may still wait to become fuller."""
        coming = self._decoding > 0 or any(item.step is Step.WAITING for _, _, item in self._waiting)
        if not chosen or len(chosen) >= self.batch or not coming:
            return 0.0
        return min(item.ready_at for item in chosen) + FULLER_SECONDS - time.monotonic()
