"""Django's Redis cache without pickles (`plain_values`). What can't be read is as if it weren't there."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from cats4ml.plain_values import NotPlain, read_plain, write_plain

logger = logging.getLogger(__name__)
_UNREADABLE = object()


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

    def get(self, key: Any, default: Any) -> Any:
        found = super().get(key, default)
        return default if found is _UNREADABLE else found

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        found = super().get_many(keys)
        return {key: value for key, value in found.items() if value is not _UNREADABLE}


class JsonRedisCache(RedisCache):
    """`BACKEND` of the site's cache."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = PlainClient

    def count_up(self, key: str, former: str, seconds: int) -> tuple[int, int]:
        pipeline = self._cache.get_client(key, write=True).pipeline(transaction=False)
        pipeline.incr(key)
        pipeline.expire(key, seconds)
        pipeline.get(former)
        now, _, before = pipeline.execute()
        return int(now), int(before or 0)


def count_up(key: str, former: str, *, seconds: int) -> tuple[int, int]:
    """Add one to a counter that lasts so long; what it is now, and what another one is. One way to Redis and back."""
    cache = caches["default"]
    assert isinstance(cache, JsonRedisCache), "the settings say so"
    return cache.count_up(cache.make_and_validate_key(key), cache.make_and_validate_key(former), seconds)
