"""Which pictures are held for dangerous: counted in a real Redis, which outlives workers."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
import redis

from scoring.contract import ImageRef
from scoring.quarantine import Tries

ONE, OTHER = ImageRef(1, "1.png", "a"), ImageRef(2, "2.png", "b")


def dies(redis_url: str, *refs: ImageRef) -> AbstractContextManager[object]:
    """A worker takes pictures in hand, and is not heard of as long as what this gives is kept."""
    block = Tries(redis_url).in_hand(refs)
    block.__enter__()
    return block


def kept(redis_url: str) -> list[int]:
    found = redis.Redis.from_url(redis_url)
    return sorted(int(found.get(name) or 0) for name in found.keys("scoring:tries:*"))


def test_a_suspect_in_two_messages_at_once_is_one_in_both(redis_url: str) -> None:
    _dead = dies(redis_url, ONE)
    tries = Tries(redis_url)
    with tries.in_hand([ONE]) as first, tries.in_hand([ONE, OTHER]) as second:
        assert (first, second) == ({ONE: 1}, {ONE: 1})
    assert kept(redis_url) == []


def test_a_suspect_that_was_not_cleared_stays_one_and_the_others_do_not(redis_url: str) -> None:
    _dead = dies(redis_url, ONE)
    with pytest.raises(OSError, match="no process"), Tries(redis_url).in_hand([ONE, OTHER]):
        raise OSError("no process")
    assert kept(redis_url) == [1]
    with Tries(redis_url).in_hand([ONE, OTHER]) as deaths:
        assert deaths == {ONE: 1}
    assert kept(redis_url) == []


def test_pictures_are_scored_also_where_no_counter_can_be_had() -> None:
    with Tries("redis://localhost:1/0").in_hand([ONE]) as deaths:
        assert deaths == {}
