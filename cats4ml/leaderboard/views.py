"""The board in the browser."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from cats4ml.accounts.models import SIMULATED
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.leaderboard.history import points_over_time
from cats4ml.leaderboard.presentation import CSV_COLUMNS, ShownLine, own_words, shown_lines
from cats4ml.leaderboard.queries import ShownBoard, line_of, shown_board, totals_of
from cats4ml.rules.boards import BoardState, closing_moment
from cats4ml.rules.policy import BOARD_HIDDEN
from cats4ml.ui.policy_words import tie_rule

FIRST_ROWS = 50
LINES_OF_PLOT = 8


def _series(
    challenge: Challenge, shown: ShownBoard, rows: Sequence[ShownLine], own: ShownLine | None
) -> list[dict[str, Any]]:
    """The courses of the first lines and of the viewer's own; without a viewer the leader is the subject."""
    first = [row.line for row in rows[:LINES_OF_PLOT]]
    subject = own.line if own else (first[0] if first else None)
    # Those of the first lines are kept for all viewers together.
    courses = dict(points_over_time(challenge, shown, first))
    if own is not None and own.line.key not in {line.key for line in first}:
        first.append(own.line)
        courses |= points_over_time(challenge, shown, [own.line])
    end = shown.until or timezone.now()
    return [
        {
            # The bare name: a plot has little room, and the table beside it says who is simulated.
            "name": line.name.removesuffix(SIMULATED),
            "points": [*courses[line.key], (end, line.points)],
            "is_subject": line is subject,
        }
        for line in first
        if line.key in courses
    ]


@require_safe
def board(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    shown = shown_board(challenge, viewer, timezone.now())
    show_all = "all" in request.GET
    mark = hashlib.sha256(shown.mark.encode()).hexdigest()[:16]
    htmx = request.htmx  # type: ignore[attr-defined]
    if htmx and request.GET.get("seen") == mark:
        # What the reader has is still so: nothing is made, and htmx leaves the page as it is.
        return HttpResponse(status=204)
    rows = shown_lines(shown, shown.lines if show_all else shown.lines[:FIRST_ROWS], finder=viewer.finder)
    own = _own(shown, rows, viewer)
    context = page_context(
        challenge,
        viewer,
        "leaderboard",
        shown=shown,
        rows=rows,
        totals=totals_of(shown),
        own=own,
        own_words=own_words(shown, own, is_team=own.line.team_id is not None) if own else None,
        tie_rule=tie_rule(),
        simulated=challenge.is_demo,
        here=f"{request.path}?{'all&' if show_all else ''}seen={mark}",
        show_all=show_all,
        some_wilson=any(row.is_wilson for row in rows),
        **_ahead(challenge, shown),
    )
    context["more"] = not show_all and context["totals"].finders + context["totals"].baselines > len(rows)
    if htmx:
        return render(request, "leaderboard/_board.html", context)
    # The plot is not renewed with the table: a table behind its link would close under the reader.
    return render(request, "leaderboard/board.html", {**context, "series": _series(challenge, shown, rows, own)})


def _own(shown: ShownBoard, rows: Sequence[ShownLine], viewer: Viewer) -> ShownLine | None:
    """The viewer's line, which need not be among the first."""
    if viewer.finder is None:
        return None
    among = next((row for row in rows if row.mine), None)
    line = None if among else line_of(shown, viewer.finder)
    return among or (shown_lines(shown, [line], finder=viewer.finder)[0] if line else None)


def _ahead(challenge: Challenge, shown: ShownBoard) -> dict[str, Any]:
    """From when everybody will see less, where that is still to come."""
    if shown.for_all is not BoardState.LIVE or challenge.policy is None:
        return {}
    moment = closing_moment(policy=challenge.rules, closes_at=challenge.closes_at)
    return {"closing": moment, "will_be_hidden": challenge.rules.board == BOARD_HIDDEN}


@require_safe
def board_csv(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    shown = shown_board(challenge, viewer, timezone.now())
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{challenge.slug}-leaderboard.csv"'
    writer = csv.writer(response, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(row.cells() for row in shown_lines(shown, shown.lines))
    return response
