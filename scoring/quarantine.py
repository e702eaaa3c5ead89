"""Which pictures were in hand when a worker died: counted in Redis, for a dead worker can't say so itself."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import redis

from scoring.contract import ImageRef

logger = logging.getLogger(__name__)

DEATHS = 3  # after that many a picture is left alone
KEPT_SECONDS = 24 * 60 * 60
_PREFIX = "scoring:tries:"
_PATIENCE = 2.0  # seconds; the counters are a help, scoring goes on without them


class Tries:
    """How often each picture was begun and not ended. For use by several threads at once.

    A picture that two workers have in hand at once looks as if one had died: it is then scored with more care
    than it needs, and nothing else happens.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, health_check_interval=30
        )
        self._guard = threading.Lock()
        self._in_hand: Counter[str] = Counter()
        self._deaths: dict[str, int] = {}  # of those in hand, where any

    @contextmanager
    def in_hand(self, refs: Sequence[ImageRef]) -> Iterator[dict[ImageRef, int]]:
        """For the time of a block these pictures are in hand. Gives how many deaths each has seen, where any.

        They are struck off when the block ends. If it ends by an exception, those that have seen deaths keep them: they
        weren't cleared. What the process has in hand already isn't counted again, and is given with its deaths too.
        """
        names = {ref: _name(ref) for ref in refs}
        mine = set(names.values())
        with self._guard:
            begun = self._begin([name for name in mine if not self._in_hand[name]])
            self._in_hand.update(mine)
            self._deaths |= {name: count - 1 for name, count in begun.items() if count > 1}
            deaths = {ref: self._deaths[name] for ref, name in names.items() if name in self._deaths}
        cleared = False
        try:
            yield deaths
            cleared = True
        finally:
            self._let_go(mine, cleared=cleared)

    def _let_go(self, names: Collection[str], *, cleared: bool) -> None:
        with self._guard:
            self._in_hand.subtract(names)
            ended = [name for name in names if self._in_hand[name] <= 0]
            suspects = [name for name in ended if name in self._deaths and not cleared]
            for name in ended:
                del self._in_hand[name]
                self._deaths.pop(name, None)
            self._end([name for name in ended if name not in suspects], suspects)

    def died(self, ref: ImageRef) -> None:
        """An isolated process died over this picture alone: remembered in case this worker doesn't live to say so."""
        self._begin([_name(ref)])

    def _begin(self, names: Sequence[str]) -> dict[str, int]:
        if not names:
            return {}
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.incr(name)
                    pipe.expire(name, KEPT_SECONDS)
                answers = pipe.execute()
        except redis.RedisError as error:
            logger.warning("no counters of pictures in hand: %s", error)
            return {}
        return dict(zip(names, map(int, answers[::2]), strict=True))

    def _end(self, names: Sequence[str], suspects: Sequence[str]) -> None:
        if not names and not suspects:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                if names:
                    pipe.delete(*names)
                for name in suspects:
                    pipe.decr(name)  # this try didn't end in a death
                pipe.execute()
        except redis.RedisError as error:
            logger.warning("the counters of %d pictures stay for a day: %s", len(names) + len(suspects), error)


def _name(ref: ImageRef) -> str:
    return _PREFIX + hashlib.sha256(f"{ref.sha256}\0{ref.key}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
