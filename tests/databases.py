"""How the processes of a test run come by their databases, and how a database is emptied after a test that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

ONE_AT_A_TIME = 20_260_101  # a lock of PostgreSQL's, held by the process that looks for the template
# Written after migrating, by Django itself, and never by a test.
KEPT = {ContentType._meta.db_table, Permission._meta.db_table}


def use_template(run: str) -> None:
    """Have this process's database copied from one that is migrated once for the test run of this name: Django takes
    ten seconds for the migrations, and PostgreSQL a tenth for a copy. Whoever comes first migrates, the others wait."""
    name = template_name()
    with _beside() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() != (run,):
            _migrate(name)
            cursor.execute(f"COMMENT ON DATABASE {connection.ops.quote_name(name)} IS %s", [run])
    connection.settings_dict["TEST"]["TEMPLATE"] = name


def drop_template() -> None:
    with _beside() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(template_name())}")


def template_name() -> str:
    return f"test_{settings.DATABASES['default']['NAME']}_template"


@contextmanager
def _beside() -> Iterator[CursorWrapper]:
    """Connected to no database of ours. A lock that is taken goes when this ends."""
    with connection._nodb_cursor() as cursor:
        yield cursor


def _migrate(name: str) -> None:
    known, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    wanted, test["NAME"] = test["NAME"], name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()  # nobody copies a database that somebody is connected to
        test["NAME"] = wanted
        settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = known


def empty_database() -> None:
    """Delete every row of every model's table. A tenth of what TRUNCATE takes, which writes new files for each of the
    90 tables and their indexes, be they empty or not.

    As TRUNCATE does it waits for whoever still writes. What refuses a row's end (a ledger's triggers, keys that point
    to it) is not asked; that takes a superuser, as the tests' own servers have one.
    """
    quoted = {table: connection.ops.quote_name(table) for table in _tables()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(quoted.values())} IN ACCESS EXCLUSIVE MODE")
        looks = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {name})" for table, name in quoted.items())
        cursor.execute(" UNION ALL ".join(looks))
        filled = [table for (table,) in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in filled:
            cursor.execute(f"DELETE FROM {quoted[table]}")


def _tables() -> list[str]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(tables) - KEPT)
