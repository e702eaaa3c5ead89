"""The broker's address as Celery wants it. Pure, standard library only, so that both sides may use it."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

# Each priority of the contract has a list of its own in Redis; a worker takes from the first list that isn't empty,
# the lowest number before the others. A message without a priority is of the lowest number.
PRIORITY_STEPS = [0, 3, 6, 9]

_PLAIN_SCHEMES = ("redis", "rediss", "sentinel")


def celery_broker_url(redis_url: str) -> str:
    """`redis_url` for Celery: `unix:///path/redis.sock?db=0` becomes `redis+socket:///path/redis.sock?virtual_host=0`.

    `redis://`, `rediss://` and `sentinel://` stay as they are. A user and password before the path are kept.
    Raises `ValueError` for anything else; the text never repeats the address, which may hold a password.
    """
    parts = urlsplit(redis_url)
    if parts.scheme in _PLAIN_SCHEMES:
        return redis_url
    if parts.scheme != "unix":
        raise ValueError("the address of Redis should begin with redis://, rediss://, sentinel:// or unix:///")
    if not parts.path.startswith("/") or parts.hostname:
        raise ValueError("the address of a Redis socket should have a whole path: unix:///path/redis.sock?db=0")
    db = parse_qs(parts.query).get("db", ["0"])[-1]
    if not db.isdecimal():
        raise ValueError("db in the address of Redis should be a whole number, as in ?db=0")
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"redis+socket://{user}{quote(parts.path, safe='/%')}?virtual_host={db}"
