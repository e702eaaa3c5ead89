"""Which collections and vocabularies the catalogue has."""

from __future__ import annotations

from django.db import connection

# From one value to the next one by the index, for there are few of them and millions of rows.
_NEXT = """
WITH RECURSIVE found (name) AS (
    (SELECT {column} FROM {table} ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM {table} WHERE {column} > found.name ORDER BY {column} LIMIT 1)
    FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""


def collections() -> list[str]:
    """The collections that pictures are of, by name."""
    return _names("catalog_image", "collection")


def vocabularies() -> list[str]:
    """The vocabularies that labels are of, by name."""
    return _names("catalog_label", "vocabulary")


def _names(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT.format(table=table, column=column))
        return [str(name) for (name,) in cursor.fetchall()]
