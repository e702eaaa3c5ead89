"""The board, read: which one a viewer sees at which time, and its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet, Sum

from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation
from cats4ml.challenges.queries import Viewer
from cats4ml.leaderboard.models import (
    Board,
    BoardLine,
    Drawing,
    DrawnRange,
    KeptBoard,
    KeptStanding,
    LineKey,
    Standing,
)
from cats4ml.rules.boards import BoardState, closing_moment, state_for_all
from cats4ml.rules.ranking import RankRange

Lines = QuerySet[Standing] | QuerySet[KeptStanding]


def standings(challenge: Challenge) -> QuerySet[Standing]:
    """The board as it was last counted, whoever may see it."""
    return Standing.objects.filter(challenge=challenge).order_by("place", "id")


def state_of(challenge: Challenge, at: datetime) -> BoardState:
    """What everybody but the organisers sees of the board."""
    if challenge.policy is None:
        return BoardState.LIVE
    return state_for_all(
        policy=challenge.rules,
        closes_at=challenge.closes_at,
        is_closed=challenge.status == ChallengeStatus.CLOSED,
        is_final=challenge.is_final,
        at=at,
    )


def keeping_moment(challenge: Challenge, at: datetime) -> datetime | None:
    """As of when the board is to be kept; None while everybody sees it live, or nobody sees it.

    Where claims were closed by hand before the date, it is kept as it stood when that was noticed.
    """
    if state_of(challenge, at) != BoardState.FROZEN:
        return None
    moment = closing_moment(policy=challenge.rules, closes_at=challenge.closes_at)
    if moment is not None and moment <= at:
        return moment
    kept = KeptBoard.objects.filter(challenge=challenge).first()
    return kept.moment if kept is not None else at


@dataclass(frozen=True)
class ShownBoard:
    """The board as one viewer sees it. `state` is what they see, `for_all` what everybody sees: they differ for
    organisers alone, who always see the live one.

    `moment`: since when it is frozen or hidden for everybody. `counted_at` is None where it was not counted yet, and
    where it is hidden. `head`: the last entry of the ledger that is in it. `mark`: another one stands for another
    content.
    """

    state: BoardState
    for_all: BoardState
    lines: Lines
    counted_at: datetime | None = None
    changed_at: datetime | None = None
    moment: datetime | None = None
    head: int = 0
    mark: str = ""
    drawing: Drawing | None = None

    @property
    def is_ahead(self) -> bool:
        """Whether the viewer, an organiser, sees what others don't."""
        return self.state != self.for_all

    @property
    def until(self) -> datetime | None:
        """Nothing that came after this moment may be shown beside the board."""
        return self.moment if self.state is BoardState.FROZEN else None


def shown_board(challenge: Challenge, viewer: Viewer, at: datetime) -> ShownBoard:
    """The board that this viewer may see at this time: the one way to it, for page, plot, CSV and API."""
    for_all = state_of(challenge, at)
    state = BoardState.LIVE if viewer.is_organiser and for_all is not BoardState.FINAL else for_all
    moment = None
    if for_all in (BoardState.FROZEN, BoardState.HIDDEN):
        moment = closing_moment(policy=challenge.rules, closes_at=challenge.closes_at)
        moment = moment if moment is not None and moment <= at else None
    if state is BoardState.HIDDEN:
        return ShownBoard(state, for_all, Standing.objects.none(), moment=moment, mark=state.value)
    if state is BoardState.FROZEN:
        return _frozen(challenge, moment)
    return _live(challenge, state, for_all, moment)


def _frozen(challenge: Challenge, moment: datetime | None) -> ShownBoard:
    kept = KeptBoard.objects.filter(challenge=challenge).first()
    state = BoardState.FROZEN
    if kept is None or (moment is not None and kept.moment != moment):
        # It is about to be kept: until then nothing is shown that may be too new.
        return ShownBoard(state, state, KeptStanding.objects.none(), moment=moment, mark="waits")
    return ShownBoard(
        state,
        state,
        KeptStanding.objects.filter(board=kept).order_by("place", "id"),
        counted_at=kept.moment,
        changed_at=kept.moment,
        moment=kept.moment,
        head=kept.head,
        mark=f"{state}-{kept.pk}",
        drawing=Drawing.objects.filter(challenge=challenge, kept=True).first(),
    )


def _live(challenge: Challenge, state: BoardState, for_all: BoardState, moment: datetime | None) -> ShownBoard:
    board = Board.objects.filter(challenge=challenge).first()
    drawing = Drawing.objects.filter(challenge=challenge, kept=False).first()
    version = board.version if board else "none"
    return ShownBoard(
        state,
        for_all,
        standings(challenge),
        counted_at=board.counted_at if board else None,
        changed_at=board.changed_at if board else None,
        moment=moment,
        head=board.head if board else 0,
        mark=f"{state}-{for_all}-{version}-{drawing.pk if drawing else 0}",
        drawing=drawing,
    )


@dataclass(frozen=True)
class Totals:
    """`finders`: lines in competition. `baselines`: those out of it."""

    finders: int
    baselines: int
    points: int


def totals_of(shown: ShownBoard) -> Totals:
    lines: QuerySet[BoardLine] = shown.lines
    found = lines.order_by().values_list("baseline").annotate(points=Sum("points"), number=Count("pk"))
    numbers = {baseline: (points, number) for baseline, points, number in found}
    points, finders = numbers.get(False, (0, 0))
    return Totals(finders=finders, baselines=numbers.get(True, (0, 0))[1], points=points)


def line_of(shown: ShownBoard, finder: Participation | None) -> BoardLine | None:
    """A finder's own line, or their team's; None where the board shows none."""
    if finder is None:
        return None
    own = Q(team=finder.team_id) if finder.team_id else Q(participation=finder)
    return shown.lines.filter(own).first()


def ranges_of(shown: ShownBoard, lines: Iterable[BoardLine]) -> dict[LineKey, DrawnRange]:
    """What was drawn of these lines, by key."""
    if shown.drawing is None:
        return {}
    keys = [line.key for line in lines]
    wanted = Q(participation__in=[one for one, _ in keys if one]) | Q(team__in=[team for _, team in keys if team])
    return {one.key: one for one in DrawnRange.objects.filter(wanted, drawing=shown.drawing)}


def could_be(line: BoardLine, drawn: DrawnRange | None) -> RankRange | None:
    """The ranks that a line could hold, the one that it holds among them; None where none were drawn."""
    if drawn is None or drawn.low is None or drawn.high is None or line.rank is None:
        return None
    return RankRange(drawn.low, drawn.high).holding(line.rank)


def sharing(shown: ShownBoard, line: BoardLine) -> Sequence[str]:
    """The names of the others who hold this line's rank."""
    if not line.shared:
        return []
    others = shown.lines.filter(rank=line.rank).exclude(pk=line.pk)
    return list(others.values_list("name", flat=True))
