"""Behind a pooler a lock is held by a connection to the server itself, which outlives transactions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections

from cats4ml.locking import Lock, alone

ROOT = Path(__file__).resolve().parents[2]
_HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND pid {} %s"


def held(key: int, *, by_this_connection: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [mine] = cursor.fetchone()
        cursor.execute(_HELD.format("=" if by_this_connection else "<>"), [Lock.RELEASE, key, mine])
        return int(cursor.fetchone()[0])


@pytest.fixture
def database(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """The tests' database, for connections of any name."""
    with django_db_blocker.unblock():
        yield


def test_a_lock_over_transactions_is_not_the_pooled_connections(database: None, settings) -> None:
    connections.databases["direct"] = {**connection.settings_dict}
    settings.LOCK_DATABASE = "direct"
    try:
        with alone(Lock.RELEASE, 77) as got:
            assert (got, held(77, by_this_connection=True), held(77, by_this_connection=False)) == (True, 0, 1)
        assert held(77, by_this_connection=False) == 0
    finally:
        connections["direct"].close()
        del connections["direct"], connections.databases["direct"]


def test_a_pooled_site_needs_the_address_of_the_server_itself() -> None:
    def settings_of(**changes: str) -> subprocess.CompletedProcess[str]:
        code = (
            "from cats4ml import settings as s; d = s.DATABASES['default'];"
            "print(s.LOCK_DATABASE, d['CONN_MAX_AGE'], d.get('DISABLE_SERVER_SIDE_CURSORS', False))"
        )
        everything = {**os.environ, "DATABASE_POOLED": "", "DATABASE_DIRECT_URL": "", **changes}
        return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=everything, capture_output=True, text=True)  # noqa: PLW1510

    direct = "postgresql://cats@server/cats"
    assert settings_of().stdout == "default 60 False\n"
    assert settings_of(DATABASE_POOLED="yes", DATABASE_DIRECT_URL=direct).stdout == "direct 0 True\n"
    assert "DATABASE_DIRECT_URL is not set" in settings_of(DATABASE_POOLED="yes").stderr
