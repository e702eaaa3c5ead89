"""Counting the board, and keeping it as it stood at a moment."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import Team, User
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation
from cats4ml.leaderboard.counting import (
    claims_by_line,
    diversity_by_line,
    finders_of,
    key_of,
    points_by_participation,
)
from cats4ml.leaderboard.models import Board, BoardLine, Drawing, DrawnRange, KeptBoard, KeptStanding, LineKey, Standing
from cats4ml.leaderboard.queries import keeping_moment
from cats4ml.locking import Lock, hold, hold_if_free
from cats4ml.rules.ranking import Entry, rank_entries
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Credit

# A board that takes long to count is counted less often: after a count it rests so many times as long as that took.
REST = 4.0

LINE_FIELDS = (
    "participation_id", "team_id", "name", "place", "rank", "shared", "baseline", "points", "false_negatives",
    "false_positives", "claims", "settled", "pending", "rejected", "labels", "clusters", "kinds", "diversity",
)  # fmt: skip


def recount_board(*, challenge: Challenge, at: datetime) -> None:
    """Count the whole board anew from the ledger and the claims, and put it in place of the old one at once.

    Two counts of one edition wait for each other. A pair counts for its first valid claim alone: later claims count
    nowhere, until every earlier one has fallen away. Once an edition is final it is counted one last time.
    """
    with transaction.atomic():
        hold(Lock.BOARD, challenge.pk)
        _recount(challenge.pk, at)


def recount_in_turn(*, challenge: Challenge, at: datetime) -> float:
    """Count the board if it may be counted again: not while another counts it, nor before the last count has rested.

    Returns the seconds after which to ask again, 0 where it was counted.
    """
    with transaction.atomic():
        board = Board.objects.filter(challenge=challenge).first()
        rested = (at - board.counted_at).total_seconds() if board else 0.0
        rest = REST * board.seconds if board else 0.0
        if 0.0 <= rested < rest:
            return rest - rested
        if not hold_if_free(Lock.BOARD, challenge.pk):
            return max(1.0, rest)
        _recount(challenge.pk, at)
    return 0.0


def recount_boards(*, at: datetime) -> None:
    """Count every board that can still change, and keep those that are to be kept. It mends what a lost message left
    behind."""
    final = Board.objects.filter(is_final=True, challenge__status=ChallengeStatus.FINAL).values("challenge")
    open_boards = Challenge.objects.exclude(status=ChallengeStatus.DRAFT).exclude(pk__in=final)
    for challenge in open_boards.select_related("policy").order_by("pk"):
        keep_board(challenge=challenge, at=at)
        recount_in_turn(challenge=challenge, at=at)


def _recount(challenge_id: int, at: datetime) -> None:
    """The caller holds the board's lock. Where the lines are there as they are counted none is written."""
    started = time.monotonic()
    # Read under the lock: who waited for it must not count for an edition that became final meanwhile.
    challenge = Challenge.objects.get(pk=challenge_id)
    board = Board.objects.filter(challenge=challenge).first()
    if board is not None and board.is_final and challenge.is_final:
        return
    head = ledger_head(challenge)
    lines = count_lines(challenge)
    version = version_of(lines)
    changed = board is None or board.version != version
    if changed or version_of(Standing.objects.filter(challenge=challenge)) != version:
        Standing.objects.filter(challenge=challenge).delete()
        Standing.objects.bulk_create(lines, batch_size=1000)
    values = {
        "counted_at": at,
        "version": version,
        "head": head,
        "seconds": time.monotonic() - started,
        "is_final": challenge.is_final,
    }
    Board.objects.update_or_create(challenge=challenge, defaults=values | ({"changed_at": at} if changed else {}))


def keep_board(*, challenge: Challenge, at: datetime) -> None:
    """Keep the board as it stood when it was to be frozen or hidden, however late that is done; let a copy go that
    is no longer of that moment (the end was moved, or the policy). Twice is once."""
    moment = keeping_moment(challenge, at)
    with transaction.atomic():
        hold(Lock.BOARD, challenge.pk)
        kept = KeptBoard.objects.filter(challenge=challenge).first()
        if challenge.is_final or (kept.moment if kept else None) == moment:
            return
        KeptBoard.objects.filter(challenge=challenge).delete()
        Drawing.objects.filter(challenge=challenge, kept=True).delete()
        if moment is not None:
            _keep(challenge, moment, at)


def _keep(challenge: Challenge, moment: datetime, at: datetime) -> None:
    lines = count_lines(challenge, until=moment)
    board = KeptBoard.objects.create(
        challenge=challenge,
        moment=moment,
        counted_at=at,
        version=version_of(lines),
        head=ledger_head(challenge, until=moment),
    )
    kept = [KeptStanding(board=board, **{name: getattr(line, name) for name in LINE_FIELDS}) for line in lines]
    KeptStanding.objects.bulk_create(kept, batch_size=1000)
    _keep_drawing(challenge, moment)


def _keep_drawing(challenge: Challenge, moment: datetime) -> None:
    """The ranks as they were last drawn by then; later ones would tell what came after."""
    drawing = Drawing.objects.filter(challenge=challenge, kept=False, drawn_at__lte=moment).first()
    if drawing is None:
        return
    ranges = list(drawing.ranges.all())
    drawing.pk, drawing.kept = None, True
    drawing.save(force_insert=True)
    for one in ranges:
        one.pk, one.drawing = None, drawing
    DrawnRange.objects.bulk_create(ranges, batch_size=1000)


def ledger_head(challenge: Challenge, *, until: datetime | None = None) -> int:
    """The number of the last entry of the edition's ledger, 0 where it has none."""
    entries = Credit.objects.filter(challenge=challenge)
    if until is not None:
        entries = entries.filter(created_at__lte=until)
    return entries.order_by("-pk").values_list("pk", flat=True).first() or 0


def version_of(lines: Iterable[BoardLine]) -> str:
    """A digest of all that the lines show."""
    digest = hashlib.sha256()
    for line in sorted(lines, key=lambda line: line.place):
        digest.update(repr([getattr(line, name) for name in LINE_FIELDS]).encode())
    return digest.hexdigest()[:32]


def count_lines(
    challenge: Challenge,
    *,
    shifts: Mapping[int, Mapping[str, int]] | None = None,
    until: datetime | None = None,
    corrected: Mapping[int, str] | None = None,
) -> list[Standing]:
    """The lines of the board, not saved, in their order on it: teams, and participants who work alone and were not
    disqualified.

    A team is out of competition as soon as one of its members is a baseline. `shifts`: by participation, what is added
    to its counts: the board as it would be. `until`: the board as it stood then. `corrected`: the outcomes that pairs
    of a final edition had before they were corrected: the board as it was counted for the last time.
    """
    lines = _count(challenge, shifts or {}, until, corrected or {})
    ranks = rank_entries([Entry(line.points, competes=not line.baseline) for line in lines])
    for line, rank in zip(lines, ranks, strict=True):
        line.rank, line.shared = (rank.place, rank.shared) if rank else (None, False)
    lines.sort(key=lambda line: (-line.points, line.baseline, line.name, line.participation_id or 0, line.team_id or 0))
    for place, line in enumerate(lines, start=1):
        line.place = place
    return lines


def _count(
    challenge: Challenge,
    shifts: Mapping[int, Mapping[str, int]],
    until: datetime | None,
    corrected: Mapping[int, str],
) -> list[Standing]:
    points = points_by_participation(challenge, until=until)
    diversity = diversity_by_line(challenge, until=until, corrected=corrected)
    totals: dict[LineKey, Counter[str]] = defaultdict(Counter, claims_by_line(challenge, until=until))
    names: dict[LineKey, str] = {}
    baselines: set[LineKey] = set()
    for finder in finders_of(challenge, until=until):
        key = key_of(finder)
        names[key] = finder.public_name
        totals[key].update(points[finder.pk])
        totals[key].update(shifts.get(finder.pk, {}))
        if finder.is_baseline:
            baselines.add(key)
    return [
        Standing(
            challenge=challenge,
            participation_id=key[0],
            team_id=key[1],
            name=name,
            baseline=key in baselines,
            **_figures(totals[key]),
            **diversity.get(key, {}),
        )
        for key, name in names.items()
    ]


def _figures(total: Mapping[str, int]) -> dict[str, int]:
    sums = Counter(total)
    negatives, positives = sums[Outcome.FALSE_NEGATIVE], sums[Outcome.FALSE_POSITIVE]
    return {
        "points": sums["points"],
        "false_negatives": negatives,
        "false_positives": positives,
        "claims": sums["claims"],
        "settled": sums["settled"],
        "pending": sums["pending"],
        "rejected": max(0, sums["settled"] + sums["unscorable"] - negatives - positives),
    }


def rename_lines(*, user: User) -> None:
    """Put a person's present name on their lines of every board, final and kept ones too. Twice is once."""
    parts = Participation.objects.filter(user=user)
    Standing.objects.filter(participation__in=parts).update(name=user.public_name)
    KeptStanding.objects.filter(participation__in=parts).update(name=user.public_name)


def rename_team_lines(*, team: Team) -> None:
    """Likewise for a team."""
    Standing.objects.filter(team=team).update(name=team.name)
    KeptStanding.objects.filter(team=team).update(name=team.name)
