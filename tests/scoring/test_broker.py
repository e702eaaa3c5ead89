from __future__ import annotations

import pytest

from scoring.broker import celery_broker_url


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("unix:///run/redis.sock?db=0", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix://user:secret@/run/redis.sock?db=1", "redis+socket://user:secret@/run/redis.sock?virtual_host=1"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://:secret@host/1", "rediss://:secret@host/1"),
    ],
)
def test_an_address_of_redis_as_celery_wants_it(address: str, expected: str) -> None:
    assert celery_broker_url(address) == expected


@pytest.mark.parametrize(
    "address", ["", "/run/redis.sock", "http://x:secret@y", "unix://run/redis.sock", "unix:///r?db=x"]
)
def test_another_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match=r"address of (a )?Redis") as caught:
        celery_broker_url(address)
    assert "secret" not in str(caught.value)
