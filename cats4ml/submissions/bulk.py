"""Many rows in one statement: `bulk_create` takes several times as long as PostgreSQL does over the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert_rows(
    like: Model, columns: Mapping[str, Sequence[Any]], *, returning: Sequence[str] = (), skip_existing: bool = False
) -> list[tuple[Any, ...]]:
    """Insert one row for each place of `columns`: values by field name, all of one length.

    What the columns don't give is as in `like`, an unsaved instance. The rows are inserted, and take their ids from the
    sequence, in their order. `skip_existing`: rows that a unique constraint refuses are left out. Gives the values of
    the fields `returning` of each row that was inserted, in their order.
    """
    meta = like._meta  # noqa: SLF001 - documented in spite of its name
    given = [meta.get_field(name) for name in columns]
    if not len(next(iter(columns.values()))):
        return []
    constant = [field for field in meta.concrete_fields if field not in given and not field.primary_key]
    values = [field.get_db_prep_save(getattr(like, field.attname), connection) for field in constant]
    sql = _statement(meta.db_table, given, constant)
    if skip_existing:
        sql += " ON CONFLICT DO NOTHING"
    if returning:
        sql += f" RETURNING {_listed([meta.get_field(name) for name in returning])}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, *(list(column) for column in columns.values())])
        return list(cursor.fetchall()) if returning else []


def _statement(table: str, given: Sequence[Any], constant: Sequence[Any]) -> str:
    names = [f"v{place}" for place in range(len(given))]
    arrays = ", ".join(f"%s::{_type(field)}[]" for field in given)
    chosen = ", ".join([*(f"row.{name}" for name in names), *(f"%s::{_type(field)}" for field in constant)])
    # The sort is what promises the order; over rows that are in it already it costs nothing.
    return (
        f'INSERT INTO "{table}" ({_listed([*given, *constant])}) SELECT {chosen} '  # noqa: S608 - our own names
        f"FROM unnest({arrays}) WITH ORDINALITY AS row({', '.join(names)}, place) ORDER BY row.place"
    )


def _listed(fields: Sequence[Any]) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)


def _type(field: Field[Any, Any]) -> str:
    """The field's type without its length: a cast to `varchar(10)` would cut a text that an insert refuses."""
    return str(field.db_type(connection)).partition("(")[0]
