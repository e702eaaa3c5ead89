"""Who was last heard, and when: `clock` (the programme that rings the sweeps), `web` (a worker of the web queue) and
`scoring` (a scoring worker; one of an edition's own queue is `scoring.<queue>`). And `backup`: of which moment the
newest backup is.

The clock and the web workers write for themselves. A scoring worker knows no database: its word comes by a message and
is written by a web worker, so that a silent `scoring` may also mean that no web worker runs. The table belongs to
`console`; it is written by plain statements, for whoever beats may be of any layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection

CLOCK, WEB, SCORING, BACKUP = "clock", "web", "scoring", "backup"
# Nobody who lives is silent for so long.
SILENT_AFTER = timedelta(seconds=60)
# A word from further ahead comes of a clock that was wrong, and says nothing of now.
AHEAD = timedelta(minutes=5)

_BEAT = """
INSERT INTO console_heartbeat (name, at) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET at = excluded.at
"""
_EXPECT = "INSERT INTO console_heartbeat (name, at) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"


def beat(name: str, at: datetime) -> None:
    """Note that it was heard. The last word counts, whatever it says the time is."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name, at])


def expect(name: str, at: datetime) -> None:
    """From now on its silence counts, even if it is never heard. What was heard is left as it is."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPECT, [name, at])


def last_beats() -> dict[str, datetime]:
    """When each was heard last. What was never heard is not in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, at FROM console_heartbeat")
        return dict(cursor.fetchall())


def silent_since(beats: Mapping[str, datetime], name: str, at: datetime) -> datetime | None:
    """When it was heard last, where that is too long ago; None for one that was heard lately, or never."""
    heard = beats.get(name)
    return None if heard is None or at - SILENT_AFTER <= heard <= at + AHEAD else heard
