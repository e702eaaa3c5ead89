"""PostgreSQL's advisory locks, which belong to no row, and reading at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.conf import settings
from django.db import connection, connections, transaction


class Lock(IntEnum):
    """The first half of a lock's key, one for each thing that is done by one alone. The second half is a row's id."""

    BOARD = 4_047
    DATA_FILE = 4_048
    POOL_COUNT = 4_049
    ROSTER = 4_050
    SKILL = 4_051
    RELEASE = 4_061
    EVALUATION_LIMITS = 4_062
    EVALUATION = 4_063
    TURNS = 4_201
    POLICY_WORK = 4_311
    POOL_ORDER = 4_312
    DRAWING = 4_313
    TAKEDOWN = 4_411
    OWN_DATA = 4_631
    STANDSTILLS = 4_701
    ENDING = 4_702
    INDEX = 7_652


def hold(lock: Lock, key: int, *, shared: bool = False) -> None:
    """Hold a lock until the end of the transaction, once others let it go; `shared` with all who ask for it so."""
    call = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {call}(%s, %s)", [lock, key])


def hold_if_free(lock: Lock, key: int) -> bool:
    """Hold a lock until the end of the transaction, unless somebody else has it. Returns whether it is held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [lock, key])
        return bool(cursor.fetchone()[0])


@contextmanager
def alone(lock: Lock, key: int, *, wait: bool = False) -> Iterator[bool]:
    """Whether this block is the only one under the lock; with `wait` it is, once others are done.

    The lock is the connection's, over as many transactions as the block has: it goes with a worker that dies. Behind a
    pooler, which gives each transaction another connection, it is held by one to the server itself.
    """
    keys = [lock, key]
    holder = connections[settings.LOCK_DATABASE]
    with holder.cursor() as cursor:
        cursor.execute(f"SELECT {'pg_advisory_lock' if wait else 'pg_try_advisory_lock'}(%s, %s)", keys)
        got = wait or bool(cursor.fetchone()[0])
    try:
        yield got
    finally:
        if got:
            with holder.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Everything that is read in this block is of one moment, and nothing can be written.

    In a transaction of the caller's it is that transaction, whose level can't be changed any more.
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
