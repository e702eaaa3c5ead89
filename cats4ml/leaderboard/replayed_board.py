"""The lines of the board by credits that were rebuilt, beside the ledger's and those that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.leaderboard.actions import count_lines
from cats4ml.leaderboard.differences import differ_on_board
from cats4ml.leaderboard.models import Board, Standing
from cats4ml.submissions.models import Credit

Owner = tuple[int | None, int | None]

# What is recounted of a line; ranks and what else a line holds are compared with a fresh count of the whole board.
RECOUNTED = ("points", "false_negatives", "false_positives", "settled", "pending")
# Somebody may be renamed after the last count. A line’s name proves nothing, nor does its place among equals, which
# follows it: `_check_order` looks at the places.
_BY_NAME = ("name", "place")
_KEPT_FIELDS = [
    field.attname
    for field in Standing._meta.concrete_fields  # noqa: SLF001 - Django's documented name
    if field.attname not in ("id", "challenge_id", "participation_id", "team_id", *_BY_NAME)
]


def kept_lines(
    challenge: Challenge, totals: Mapping[int, Mapping[str, int]], *, corrected: Mapping[int, str]
) -> Iterator[int]:
    """Compare the board by these counts of each participation with its count from the ledger, and that with the lines
    that are kept. Gives how many of these were looked at, after each. Raises `Different` at the first difference.

    `corrected`: the outcomes that pairs of a final edition had when its board was counted for the last time.
    """
    lines = {(line.participation_id, line.team_id): line for line in count_lines(challenge, corrected=corrected)}
    rebuilt = _by_owner(challenge, totals)
    for owner, line in lines.items():
        for name in RECOUNTED:
            if getattr(line, name) != rebuilt[owner][name]:
                differ_on_board(line, name, expected=rebuilt[owner][name], found=getattr(line, name))
    left = dict(lines)
    kept = list(Standing.objects.filter(challenge=challenge).order_by("pk"))
    for number, line in enumerate(kept, start=1):
        yield number
        counted = left.pop((line.participation_id, line.team_id), None)
        if counted is None:
            _differ_on_kept(line, "line", expected="none", found=line.name)
        for name in _KEPT_FIELDS:
            if getattr(line, name) != getattr(counted, name):
                _differ_on_kept(line, name, expected=getattr(counted, name), found=getattr(line, name))
    for line in left.values():
        _differ_on_kept(line, "line", expected=line.name, found="none")
    _check_order(kept)


def _check_order(kept: Sequence[Standing]) -> None:
    """The places are 1, 2, 3 … and go by points, and lines that compete before baselines of as many points."""
    by_place = sorted(kept, key=lambda line: line.place)
    by_points = sorted(by_place, key=lambda line: (-line.points, line.baseline))
    for place, (line, wanted) in enumerate(zip(by_place, by_points, strict=True), start=1):
        if line.place != place or line is not wanted:
            _differ_on_kept(wanted, "place", expected=place, found=wanted.place)


def _by_owner(challenge: Challenge, totals: Mapping[int, Mapping[str, int]]) -> dict[Owner, Counter[str]]:
    found: dict[Owner, Counter[str]] = {}
    finders = Participation.objects.filter(challenge=challenge, role=Role.FINDER, disqualified_at=None)
    for pk, team in finders.values_list("pk", "team_id"):
        found.setdefault((None, team) if team else (pk, None), Counter()).update(totals.get(pk, {}))
    return found


def _differ_on_kept(line: Standing, name: str, *, expected: Any, found: Any) -> NoReturn:
    board = Board.objects.filter(challenge=line.challenge_id).first()
    last = Credit.objects.filter(challenge=line.challenge_id).order_by("-pk").first()
    late = last is not None and (board is None or board.counted_at < last.created_at)
    words = " The board was counted before the last entry: wait until it is counted again." if late else ""
    differ_on_board(line, name, expected=expected, found=found, words=words)
