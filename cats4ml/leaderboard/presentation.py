"""The lines of a board made ready to be shown: for the page, the CSV and the API alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.challenges.models import Participation
from cats4ml.leaderboard.models import BoardLine, DrawnRange, RateMethod
from cats4ml.leaderboard.queries import ShownBoard, could_be, ranges_of, sharing
from cats4ml.rules.ranking import RankRange
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import counted, figure

NAMES_SAID = 2

CSV_COLUMNS = (
    "rank", "shared", "could_be_low", "could_be_high", "name", "baseline", "points", "false_negatives",
    "false_positives", "claims", "settled", "pending", "rejected", "success_rate", "rate_low", "rate_high",
    "rate_method", "labels", "clusters", "kinds", "diversity",
)  # fmt: skip


@dataclass
class ShownLine:
    """A line with what was drawn of it. `ends_group`: below it stand those who can be told apart from it."""

    line: BoardLine
    drawn: DrawnRange | None
    ranks: RankRange | None
    mine: bool = False
    ends_group: bool = False

    @property
    def could_be(self) -> str:
        """'4–6', or '1'; empty where nothing was drawn."""
        if self.ranks is None:
            return ""
        low, high = self.ranks
        return figure(low) if low == high else f"{figure(low)}–{figure(high)}"

    @property
    def rate(self) -> DrawnRange | None:
        """The interval of the success rate, where one was drawn of what is settled now."""
        return self.drawn if self.drawn is not None and self.drawn.rate_low is not None else None

    @property
    def is_wilson(self) -> bool:
        return self.rate is not None and self.rate.rate_method == RateMethod.WILSON

    def value(self, column: str) -> object:
        """The value of a column of `CSV_COLUMNS`, None where there is none."""
        if column in ("could_be_low", "could_be_high"):
            return None if self.ranks is None else self.ranks[column == "could_be_high"]
        if column.startswith("rate_"):
            return getattr(self.rate, column) if self.rate else None
        return getattr(self.line, column)

    def cells(self) -> list[object]:
        """As a row of a CSV: names can't be formulas, truth is 0 or 1, what there isn't is empty."""
        values = (self.value(column) for column in CSV_COLUMNS)
        return [harmless(one) if isinstance(one, str) else int(one) if isinstance(one, bool) else one for one in values]


def shown_lines(
    shown: ShownBoard, lines: Iterable[BoardLine], *, finder: Participation | None = None
) -> list[ShownLine]:
    """These lines, neighbours on the board, with what was drawn of them. One query."""
    lines = list(lines)
    drawn = ranges_of(shown, lines)
    rows = [
        ShownLine(line, drawn.get(line.key), could_be(line, drawn.get(line.key)), mine=is_of(line, finder))
        for line in lines
    ]
    _part_groups(rows)
    return rows


def _part_groups(rows: Sequence[ShownLine]) -> None:
    """Mark the last line of each group. Baselines stand between the others, and belong to none."""
    last: int | None = None
    for place, row in enumerate(rows):
        group = row.drawn.group if row.drawn is not None else None
        if group is None:
            continue
        if last is not None and group != last:
            rows[place - 1].ends_group = True
        last = group


def is_of(line: BoardLine, finder: Participation | None) -> bool:
    if finder is None:
        return False
    return line.team_id == finder.team_id if finder.team_id else line.participation_id == finder.pk


@dataclass(frozen=True)
class OwnWords:
    """The viewer's place in words: 'You share rank 4', ' with Lantern Fish and 512 points.', and what it could be."""

    place: str
    rest: str
    could_be: str

    @property
    def said(self) -> str:
        return " ".join(f"{self.place} {self.rest} {self.could_be}".split())


def own_words(shown: ShownBoard, own: ShownLine, *, is_team: bool) -> OwnWords:
    line = own.line
    points = counted(line.points, "%(n)s point", "%(n)s points")
    if line.rank is None:
        place = _("Your team plays out of competition") if is_team else _("You play out of competition")
        return OwnWords(place, _("with %(points)s: a baseline has no rank.") % {"points": points}, "")
    others = _names(sharing(shown, line))
    if others:
        rest = _("with %(others)s. %(points)s.") % {"others": others, "points": points}
    else:
        rest = _("with %(points)s.") % {"points": points}
    place = _place(is_team=is_team, shared=line.shared) % {"rank": figure(line.rank)}
    return OwnWords(place, rest, _could_be(own, is_team=is_team))


def _place(*, is_team: bool, shared: bool) -> str:
    if is_team:
        return _("Your team shares rank %(rank)s") if shared else _("Your team holds rank %(rank)s")
    return _("You share rank %(rank)s") if shared else _("You hold rank %(rank)s")


def _could_be(own: ShownLine, *, is_team: bool) -> str:
    if own.ranks is None:
        return ""
    low, high = own.ranks
    if low == high:
        if is_team:
            return _("By what the raters’ answers leave open, your team’s rank is sure.")
        return _("By what the raters’ answers leave open, your rank is sure.")
    if is_team:
        words = _("By what the raters’ answers leave open, your team’s rank could be %(low)s\u00a0to\u00a0%(high)s.")
    else:
        words = _("By what the raters’ answers leave open, your rank could be %(low)s\u00a0to\u00a0%(high)s.")
    return words % {"low": figure(low), "high": figure(high)}


def _names(names: Sequence[str]) -> str:
    """'A', 'A and B', 'A, B and 3 others'."""
    if len(names) > NAMES_SAID + 1:
        values = {"names": ", ".join(names[:NAMES_SAID]), "n": figure(len(names) - NAMES_SAID)}
        return _("%(names)s and %(n)s others") % values
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
