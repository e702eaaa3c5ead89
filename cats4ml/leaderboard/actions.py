"""Counting the board."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum

from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.leaderboard.models import Board, Standing
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.ranking import rank_points
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Credit, Submission
from cats4ml.submissions.queries import valid_claims

# The first half of an advisory lock's key: any number that nothing else in this database uses.
BOARD_LOCK = 4_047


def recount_board(*, challenge: Challenge, at: datetime) -> None:
    """Count the whole board anew from the ledger and the claims, and put it in place of the old one at once.

    Two counts of one edition wait for each other. A pair counts for its first valid claim alone: later claims count
    nowhere, until every earlier one has fallen away.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [BOARD_LOCK, challenge.pk])
        lines = count_lines(challenge)
        Standing.objects.filter(challenge=challenge).delete()
        Standing.objects.bulk_create(lines, batch_size=1000)
        Board.objects.update_or_create(challenge=challenge, defaults={"counted_at": at})


def recount_boards(*, at: datetime) -> None:
    """Count every board that can still change. It mends what a lost message left behind."""
    for challenge in Challenge.objects.exclude(status__in=[ChallengeStatus.DRAFT, ChallengeStatus.FINAL]):
        recount_board(challenge=challenge, at=at)


def count_lines(challenge: Challenge, *, shifts: Mapping[int, Mapping[str, int]] | None = None) -> list[Standing]:
    """The lines of the board, not saved: teams, and participants who work alone and were not disqualified.

    `shifts`: by participation, what is added to its counts: the board as it would be.
    """
    lines = _count(challenge, shifts or {})
    ranks = rank_points([line.points for line in lines])
    for line, rank in zip(lines, ranks, strict=True):
        line.rank, line.shared = rank.place, rank.shared
    return lines


def _count(challenge: Challenge, shifts: Mapping[int, Mapping[str, int]]) -> list[Standing]:
    points = _points_by_participation(challenge)
    claims = _claims_by_participation(challenge)
    totals: dict[tuple[int | None, int | None], Counter[str]] = defaultdict(Counter)
    names: dict[tuple[int | None, int | None], str] = {}
    finders = Participation.objects.filter(challenge=challenge, role=Role.FINDER, disqualified_at=None)
    for finder in finders.select_related("user", "team").order_by("pk"):
        key = (None, finder.team_id) if finder.team_id else (finder.pk, None)
        names[key] = finder.public_name
        totals[key].update(points[finder.pk])
        totals[key].update(claims[finder.pk])
        totals[key].update(shifts.get(finder.pk, {}))
    return [
        Standing(
            challenge=challenge,
            participation_id=participation,
            team_id=team,
            name=names[participation, team],
            points=total["points"],
            false_negatives=total[Outcome.FALSE_NEGATIVE],
            false_positives=total[Outcome.FALSE_POSITIVE],
            claims=total["claims"],
            settled=total["settled"],
            pending=total["pending"],
        )
        for (participation, team), total in totals.items()
    ]


def _points_by_participation(challenge: Challenge) -> dict[int, Counter[str]]:
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Credit.objects.filter(challenge=challenge).values("participation", "outcome").order_by()
    for row in rows.annotate(points=Sum("points"), adverse=Sum("adverse")):
        counted[row["participation"]].update({"points": row["points"], row["outcome"]: row["adverse"]})
    return counted


def _claims_by_participation(challenge: Challenge) -> dict[int, Counter[str]]:
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    pending = Q(pair__state__in=[PairState.QUEUED, PairState.IN_REVIEW])
    earlier = Submission.objects.filter(valid_claims(), pair=OuterRef("pair"), pk__lt=OuterRef("pk"))
    rows = (
        Submission.objects.filter(valid_claims(), ~Exists(earlier), pair__challenge=challenge)
        .values("participation")
        .order_by()
        .annotate(
            claims=Count("pk"),
            pending=Count("pk", filter=pending),
            settled=Count("pk", filter=Q(pair__state=PairState.SETTLED)),
        )
    )
    for row in rows:
        counted[row["participation"]].update({name: row[name] for name in ("claims", "pending", "settled")})
    return counted
