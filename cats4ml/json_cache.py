"""Django's Redis cache without pickles (`plain_values`).

What can't be read is as if it weren't there. While Redis is away the cache is empty and keeps nothing: nothing in it is
more than a figure that saves work, or a limit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from cats4ml.plain_values import NotPlain, read_plain, write_plain

logger = logging.getLogger(__name__)
_UNREADABLE = object()
T = TypeVar("T")
# A page that looks into the cache ten times must not wait ten times for a Redis that hangs.
LEFT_ALONE_SECONDS = 5.0


class PlainSerializer:
    """Whole numbers as Redis itself counts them, so that they can be added to there; all else as JSON."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else write_plain(value)

    def loads(self, data: Any) -> Any:
        try:
            return read_plain(data)
        except NotPlain as error:
            # An older version's, or somebody else's who shares this Redis. It is counted anew.
            logger.warning("the cache holds what was not written here: %s", error)
            return _UNREADABLE


class PlainClient(RedisCacheClient):
    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, serializer=PlainSerializer, **options)  # type: ignore[arg-type]  # without a "self"

        self._left_alone_until = 0.0

    def _unless_away(self, ask: Callable[[], T], nothing: T) -> T:
        """What Redis says, or `nothing` where it says nothing: then it is left alone for a while."""
        if time.monotonic() < self._left_alone_until:
            return nothing
        try:
            return ask()
        except (RedisError, OSError) as error:
            self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
            logger.warning("Redis is away, and the cache with it: %s", type(error).__name__)
            return nothing

    def get(self, key: Any, default: Any) -> Any:
        found = self._unless_away(lambda: super(PlainClient, self).get(key, default), default)
        return default if found is _UNREADABLE else found

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        none: dict[Any, Any] = {}
        found = self._unless_away(lambda: super(PlainClient, self).get_many(keys), none)
        return {key: value for key, value in found.items() if value is not _UNREADABLE}

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        """Whether nobody put it there before, as far as is known: whoever locks by this goes on while Redis is away."""
        return self._unless_away(lambda: super(PlainClient, self).add(key, value, timeout), True)  # noqa: FBT003

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        self._unless_away(lambda: super(PlainClient, self).set(key, value, timeout), None)

    def delete(self, key: Any) -> bool:
        return self._unless_away(lambda: super(PlainClient, self).delete(key), False)  # noqa: FBT003

    def count(self, key: str, *, seconds: int) -> int:
        def ask() -> int:
            pipeline = self.get_client(key, write=True).pipeline()
            pipeline.set(key, 0, ex=seconds, nx=True)
            pipeline.incr(key)
            return int(pipeline.execute()[1])

        return self._unless_away(ask, 0)

    def count_beside(self, key: str, former: str, *, seconds: int) -> tuple[int, int]:
        def ask() -> tuple[int, int]:
            pipeline = self.get_client(key, write=True).pipeline(transaction=False)
            pipeline.incr(key)
            pipeline.expire(key, seconds)
            pipeline.get(former)
            now, _, before = pipeline.execute()
            return int(now), int(before or 0)

        return self._unless_away(ask, (0, 0))


class JsonRedisCache(RedisCache):
    """`BACKEND` of the site's cache."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = PlainClient

    def counted(self, key: str, *, seconds: int) -> int:
        return self._client().count(self.make_and_validate_key(key), seconds=seconds)

    def counted_beside(self, key: str, former: str, *, seconds: int) -> tuple[int, int]:
        names = [self.make_and_validate_key(one) for one in (key, former)]
        return self._client().count_beside(*names, seconds=seconds)

    def _client(self) -> PlainClient:
        client = self._cache
        assert isinstance(client, PlainClient), "as above"
        return client


def count_once(key: str, *, seconds: int) -> int:
    """Add one to a counter that ends so long after its first count; what it is now, 0 where Redis is away."""
    return _cache().counted(key, seconds=seconds)


def count_up(key: str, former: str, *, seconds: int) -> tuple[int, int]:
    """Add one to a counter that lasts so long after its last count; what it is now, and what another one is, by one way
    to Redis and back. (0, 0) where Redis is away."""
    return _cache().counted_beside(key, former, seconds=seconds)


def _cache() -> JsonRedisCache:
    cache = caches["default"]
    assert isinstance(cache, JsonRedisCache), "the settings say so"
    return cache
