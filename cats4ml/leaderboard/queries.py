"""The board, read."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from cats4ml.challenges.models import Challenge
from cats4ml.leaderboard.models import Standing
from cats4ml.submissions.models import Credit


def standings(challenge: Challenge) -> QuerySet[Standing]:
    return Standing.objects.filter(challenge=challenge).order_by("rank", "name", "id")


class Course(NamedTuple):
    """One name's points over time: steps of (when, points from then on)."""

    name: str
    steps: list[tuple[datetime, int]]


def points_over_time(challenge: Challenge) -> dict[tuple[str, int], Course]:
    """The course of every team's and lone participant's points, from the ledger itself."""
    entries = (
        Credit.objects.filter(challenge=challenge)
        .select_related("participation__user", "participation__team")
        .order_by("id")
    )
    courses: dict[tuple[str, int], Course] = {}
    totals: dict[tuple[str, int], int] = defaultdict(int)
    for entry in entries:
        owner = entry.participation
        key = ("team", owner.team_id) if owner.team_id else ("participation", owner.pk)
        totals[key] += entry.points
        # The bare name: a plot has little room, and the table beside it says who is simulated.
        name = owner.team.name if owner.team else owner.user.username
        courses.setdefault(key, Course(name, [])).steps.append((entry.created_at, totals[key]))
    return courses
