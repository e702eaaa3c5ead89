"""PostgreSQL's own programs that dump and load: those of the embedded wheel, or those on the PATH."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from django.db import connection

from cats4ml.embedded.binaries import postgres_programs
from cats4ml.embedded.errors import EmbeddedServerError
from cats4ml.embedded.places import Identity
from cats4ml.operations.backup_files import BackupRefused

LIBPQ = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "service": "PGSERVICE", "passfile": "PGPASSFILE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
}  # fmt: skip


def server_major() -> int:
    """The major version of the database that this process uses."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def program(name: str, *, least: int) -> Path:
    """`pg_dump` or `pg_restore` of this major version, else the next newer one: an older one can't read the server.

    Raises `BackupRefused` where there is none.
    """
    found = sorted((major, place, path) for place, path in enumerate(_candidates(name)) if (major := _major(path)))
    for major, _, path in found:
        if major >= least:
            return path
    have = ", ".join(str(major) for major, _, _ in found) or "none"
    raise BackupRefused(
        f"The database is PostgreSQL {least}, and {name} of that version or a newer one is needed (found: {have}). "
        f"Install the PostgreSQL client {least}, and have its folder on the PATH."
    )


def _candidates(name: str) -> Iterator[Path]:
    entry = pwd.getpwuid(os.geteuid())
    myself = Identity(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    with suppress(EmbeddedServerError):  # a site with a server of its own need not have the wheel
        yield postgres_programs(myself, major=None) / name
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield from Path("/usr/lib/postgresql").glob(f"*/bin/{name}")


def _major(path: Path) -> int:
    try:
        said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return 0
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0


def run(path: Path, arguments: Sequence[str]) -> None:
    """Run one of them against the database of this process. Raises `BackupRefused` with the end of what it said."""
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        [str(path), "--no-password", *arguments],
        env={**os.environ, **connection_variables()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupRefused(f"{path.name} failed with status {done.returncode}: {done.stderr.strip()[-1500:]}")


def connection_variables() -> dict[str, str]:
    """The database of this process as libpq's environment has it; a password never stands on a command line."""
    values = connection.get_connection_params()
    return {variable: str(values[name]) for name, variable in LIBPQ.items() if values.get(name)}
