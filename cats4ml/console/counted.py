"""Figures of whole editions: of a small one counted for whoever looks, of a large one by a worker, with the moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.core.cache import cache

from cats4ml.challenges.models import Challenge
from cats4ml.submissions.dispatch import send
from cats4ml.submissions.models import Pair
from scoring.contract import WEB_QUEUE, queue_name

COUNT_FIGURES = "cats4ml.console.tasks.count_figures"
# Up to so many pairs everything is counted within a fraction of a second.
SMALL_PAIRS = 10_000
# A count of the largest editions takes some tens of seconds: nobody has it begun twice meanwhile.
RUNG_SECONDS = 120
KEPT_SECONDS = 7 * 24 * 60 * 60
# Of the values that are kept: another number where their classes change, so that none of an older form is read.
FORM = 1

T = TypeVar("T")
Count = Callable[[Challenge, datetime], T]


@dataclass(frozen=True)
class Counted(Generic[T]):
    """What was counted, and when. `fresh`: for whoever is looking now."""

    figures: T
    at: datetime
    fresh: bool


def counted(
    name: str, challenge: Challenge, count: Count[T], *, at: datetime, good_for: timedelta = timedelta(seconds=55)
) -> Counted[T] | None:
    """The figures of an edition as they are, or of a large one as they were counted last; where that is longer ago than
    `good_for`, a worker is asked to count anew. None where it has never counted.

    Nothing here is kept for good: what the cache forgets is counted again.
    """
    if is_small(challenge):
        return Counted(count(challenge, at), at, fresh=True)
    found: tuple[T, datetime] | None = cache.get(_key(name, challenge.pk))
    if found is None or at - found[1] > good_for:
        ring(name, challenge)
    return Counted(found[0], found[1], fresh=False) if found is not None else None


def is_small(challenge: Challenge) -> bool:
    first = Pair.objects.filter(challenge=challenge).order_by().values("pk")[: SMALL_PAIRS + 1]
    return first.count() <= SMALL_PAIRS


def ring(name: str, challenge: Challenge) -> None:
    """Have a worker count, at most once at a time however often this is called."""
    if cache.add(_rung(name, challenge.pk), 1, timeout=RUNG_SECONDS):
        send(COUNT_FIGURES, queue_name(WEB_QUEUE, challenge.queue), name=name, challenge=challenge.pk)


def keep(name: str, challenge: Challenge, count: Count[Any], *, at: datetime) -> None:
    """Count, and put it in place of what was counted before. Twice says the same."""
    cache.set(_key(name, challenge.pk), (count(challenge, at), at), KEPT_SECONDS)
    cache.delete(_rung(name, challenge.pk))


def _key(name: str, challenge: int) -> str:
    return f"figures-{FORM}-{name}-{challenge}"


def _rung(name: str, challenge: int) -> str:
    return f"figures-rung-{name}-{challenge}"
