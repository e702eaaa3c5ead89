"""The board in the browser."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.leaderboard.models import Board, Standing
from cats4ml.leaderboard.queries import points_over_time, standings
from cats4ml.rules.intervals import wilson_interval
from cats4ml.rules.ranking import TIE_RULE
from cats4ml.ui.spreadsheets import harmless

FIRST_ROWS = 50
LINES_OF_PLOT = 8


def _is_mine(line: Standing, finder: Participation | None) -> bool:
    if finder is None:
        return False
    return line.team_id == finder.team_id if finder.team_id else line.participation_id == finder.pk


def _series(challenge: Challenge, lines: Sequence[Standing]) -> list[dict[str, Any]]:
    """The courses of the first lines and of the viewer's own; without a viewer the leader is the subject."""
    courses = points_over_time(challenge)
    mine = [line for line in lines if line.mine]  # type: ignore[attr-defined]
    subject = mine[0] if mine else (lines[0] if lines else None)
    chosen = [*lines[:LINES_OF_PLOT], *(line for line in mine if line not in lines[:LINES_OF_PLOT])]
    series = []
    for line in chosen:
        key = ("team", line.team_id) if line.team_id else ("participation", line.participation_id)
        course = courses.get(key)  # type: ignore[arg-type]
        if course is not None:
            points = [*course.steps, (timezone.now(), line.points)]
            series.append({"name": course.name, "points": points, "is_subject": line is subject})
    return series


@require_GET
def board(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    lines = list(standings(challenge).select_related("participation__user"))
    for line in lines:
        line.mine = _is_mine(line, viewer.finder)  # type: ignore[attr-defined]
        line.interval = wilson_interval(  # type: ignore[attr-defined]
            min(line.settled, line.false_negatives + line.false_positives), line.settled
        )
    show_all = "all" in request.GET
    context = page_context(
        challenge,
        viewer,
        "leaderboard",
        lines=lines if show_all else lines[:FIRST_ROWS],
        total=len(lines),
        hidden=0 if show_all else max(0, len(lines) - FIRST_ROWS),
        points=sum(line.points for line in lines),
        mine=next((line for line in lines if line.mine), None),  # type: ignore[attr-defined]
        counted=Board.objects.filter(challenge=challenge).first(),
        tie_rule=TIE_RULE,
        simulated=challenge.is_demo,
    )
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "leaderboard/_board.html", context)
    # The plot is not renewed with the table: a table behind its link would close under the reader.
    return render(request, "leaderboard/board.html", {**context, "series": _series(challenge, lines)})


CSV_COLUMNS = (
    "rank", "shared", "name", "points", "false_negatives", "false_positives", "claims", "settled", "pending",
)  # fmt: skip


@require_GET
def board_csv(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, _ = challenge_and_viewer(request, slug)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{challenge.slug}-leaderboard.csv"'
    writer = csv.writer(response, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for line in standings(challenge):
        cells = [getattr(line, column) for column in CSV_COLUMNS]
        writer.writerow([harmless(cell) if isinstance(cell, str) else int(cell) for cell in cells])
    return response
