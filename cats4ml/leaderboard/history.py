"""The course of points over time, from the ledger itself: counted by the database in steps of time, and kept for as
long as the ledger's head is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.core.cache import cache
from django.db import connection
from django.db.models import Max, Min

from cats4ml.challenges.models import Challenge
from cats4ml.leaderboard.models import BoardLine, LineKey
from cats4ml.leaderboard.queries import ShownBoard
from cats4ml.submissions.models import Credit

# As many steps as a wide plot can show.
STEPS = 240
KEPT_SECONDS = 3600

_COURSES = """
SELECT part.team_id, CASE WHEN part.team_id IS NULL THEN part.id END,
    MAX(entry.created_at), SUM(entry.points)
FROM submissions_credit entry JOIN challenges_participation part ON part.id = entry.participation_id
WHERE entry.challenge_id = %(challenge)s AND entry.id <= %(head)s AND entry.created_at <= %(until)s
    AND (part.team_id = ANY(%(teams)s) OR part.team_id IS NULL AND part.id = ANY(%(people)s))
GROUP BY 1, 2, LEAST(%(steps)s - 1, FLOOR(EXTRACT(EPOCH FROM entry.created_at - %(start)s) / %(seconds)s * %(steps)s))
ORDER BY 3
"""


class Step(NamedTuple):
    """So many points from this moment on."""

    at: datetime
    points: int


Courses = dict[LineKey, list[Step]]


def points_over_time(challenge: Challenge, shown: ShownBoard, lines: Iterable[BoardLine]) -> Courses:
    """The courses of these lines, up to the ledger's entry that the board was counted to. At most `STEPS` steps each,
    none for who has no entry."""
    keys = sorted((line.key for line in lines), key=repr)
    if not keys or not shown.head:
        return {}
    content = hashlib.sha256(repr((challenge.pk, shown.head, shown.until, keys)).encode()).hexdigest()
    name = f"courses-{content}"
    kept: Courses | None = cache.get(name)
    if kept is None:
        kept = _counted(challenge, shown, keys)
        cache.set(name, kept, KEPT_SECONDS)
    return kept


def _counted(challenge: Challenge, shown: ShownBoard, keys: list[LineKey]) -> Courses:
    entries = Credit.objects.filter(challenge=challenge, pk__lte=shown.head)
    span = entries.aggregate(start=Min("created_at"), end=Max("created_at"))
    if span["start"] is None:
        return {}
    values = {
        "challenge": challenge.pk,
        "head": shown.head,
        "until": shown.until or "infinity",
        "teams": [team for _, team in keys if team],
        "people": [person for person, _ in keys if person],
        "start": span["start"],
        "seconds": max(1.0, (span["end"] - span["start"]).total_seconds()),
        "steps": STEPS,
    }
    courses: Courses = {}
    with connection.cursor() as cursor:
        cursor.execute(_COURSES, values)
        for team, person, at, points in cursor.fetchall():
            steps = courses.setdefault((person, team), [])
            steps.append(Step(at, (steps[-1].points if steps else 0) + int(points)))
    return courses
