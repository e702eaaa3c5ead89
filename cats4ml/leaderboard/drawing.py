"""Drawing the ranks that the lines of a board could hold: in the background, from one snapshot, never in a request."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.leaderboard.actions import count_lines, ledger_head, version_of
from cats4ml.leaderboard.drawn_evidence import Evidence, clusters_of, read_evidence
from cats4ml.leaderboard.draws import DRAWS, RateInterval, drawn_points, generator, rank_ranges, rate_interval
from cats4ml.leaderboard.models import Board, Drawing, DrawnRange, LineKey, RateMethod, Standing
from cats4ml.locking import Lock, alone, hold, one_snapshot
from cats4ml.review.models import EditionSkill
from cats4ml.review.skills import skills_of
from cats4ml.rules.ranking import RankRange, groups_of
from cats4ml.rules.skill import Record, posterior_counts

# After a drawing it rests so long at least, and so many times as long as it took: a tenth of one worker's time.
LEAST_REST = timedelta(seconds=60)
REST = 9.0


@dataclass(frozen=True)
class _Snapshot:
    """All that a drawing rests on."""

    lines: Sequence[Standing]
    version: str
    head: int
    skills_at: datetime | None
    evidence: Evidence
    posteriors: Sequence[Sequence[Record]]
    clusters: dict[int, list[tuple[int, int, int]]]

    @property
    def seed(self) -> str:
        """Follows from the ledger, so that the same data give the same intervals."""
        return hashlib.sha256(f"{self.lines[0].challenge_id if self.lines else 0}-{self.head}".encode()).hexdigest()[
            :32
        ]


def due_for_drawing(*, at: datetime) -> list[Challenge]:
    """The editions whose board changed since its ranks were drawn, and whose last drawing has rested."""
    editions = Challenge.objects.exclude(status=ChallengeStatus.DRAFT).order_by("pk")
    return [challenge for challenge in editions if is_due(challenge, at)]


def is_due(challenge: Challenge, at: datetime) -> bool:
    board = Board.objects.filter(challenge=challenge).first()
    if board is None or (challenge.is_final and not board.is_final):
        return False
    last = Drawing.objects.filter(challenge=challenge, kept=False).first()
    if last is None:
        return True
    if (last.board_version, last.skills_at) == (board.version, _skills_at(challenge)):
        return False
    if board.is_final and last.drawn_at >= board.counted_at:
        return False  # a correction since changes what is counted now, and not the board
    rest = max(LEAST_REST, timedelta(seconds=REST * last.seconds))
    return not timedelta(0) <= at - last.drawn_at < rest


def draw_if_due(*, challenge: Challenge, at: datetime) -> bool:
    """Draw the ranks if that is due and nobody else does. Returns whether they were drawn."""
    with alone(Lock.DRAWING, challenge.pk) as free:
        if not free or not is_due(challenge, at):
            return False
        draw_ranks(challenge=challenge, at=at)
        return True


def draw_ranks(*, challenge: Challenge, at: datetime, draws: int = DRAWS) -> Drawing:
    """Draw the ranks anew and put them in place of the last ones at once.

    All is read in one snapshot; then nothing of the database is held while it is drawn, for minutes where there are
    millions of answers.
    """
    started = time.monotonic()
    with one_snapshot():
        read = _read(challenge)
    competing = [place for place, line in enumerate(read.lines) if not line.baseline]
    points = drawn_points(
        read.evidence,
        read.posteriors,
        points=[line.points for line in read.lines],
        seed=int(read.seed, 16),
        draws=draws,
    )
    ranks = [line.rank for line in read.lines if line.rank is not None]
    ranges = dict(zip(competing, rank_ranges(points[competing], ranks=ranks), strict=True))
    groups = dict(zip(competing, groups_of([ranges[place] for place in competing]), strict=True))
    dice = generator(int(read.seed, 16), 1 << 32)
    rates = [rate_interval(read.clusters.get(_number(line), []), dice, draws) for line in read.lines]
    drawing = Drawing(
        challenge=challenge,
        drawn_at=at,
        draws=draws,
        seed=read.seed,
        board_version=read.version,
        skills_at=read.skills_at,
        uncertain=len(read.evidence.line),
        certain=read.evidence.certain,
        seconds=time.monotonic() - started,
    )
    with transaction.atomic():
        hold(Lock.BOARD, challenge.pk)  # whoever keeps the board copies a drawing with all its ranges, or none
        Drawing.objects.filter(challenge=challenge, kept=False).delete()
        drawing.save()
        rows = enumerate(zip(read.lines, rates, strict=True))
        DrawnRange.objects.bulk_create(
            [_range(drawing, line.key, ranges.get(n), groups.get(n), rate) for n, (line, rate) in rows], batch_size=1000
        )
    return drawing


def _range(
    drawing: Drawing, key: LineKey, ranks: RankRange | None, group: int | None, rate: RateInterval | None
) -> DrawnRange:
    made = DrawnRange(drawing=drawing, participation_id=key[0], team_id=key[1], group=group)
    if ranks is not None:
        made.low, made.high = ranks
    if rate is not None:
        made.rate_low, made.rate_high, made.rate_clusters = rate.low, rate.high, rate.clusters
        made.rate_method = RateMethod.BOOTSTRAP if rate.is_drawn else RateMethod.WILSON
    return made


def _read(challenge: Challenge) -> _Snapshot:
    lines = count_lines(challenge)
    evidence = read_evidence(challenge, lines=[_number(line) for line in lines])
    skills = skills_of(challenge, raters=evidence.raters)
    records = [skills.records.get(rater, Record()) for rater in evidence.raters]
    return _Snapshot(
        lines=lines,
        version=version_of(lines),
        head=ledger_head(challenge),
        skills_at=_skills_at(challenge),
        evidence=evidence,
        posteriors=[
            [posterior_counts(record, prior=skills.pooled, coins=mode.coins) for record in records]
            for mode in evidence.modes
        ],
        clusters=clusters_of(challenge),
    )


def _number(line: Standing) -> int:
    """The line in one number, as in `counting.LINE`."""
    number = -line.team_id if line.team_id else line.participation_id
    assert number is not None, "a line is a team's or a participant's"
    return number


def _skills_at(challenge: Challenge) -> datetime | None:
    found: QuerySet[EditionSkill, datetime] = EditionSkill.objects.filter(challenge=challenge).values_list(
        "rebuilt_at", flat=True
    )
    return found.first()
