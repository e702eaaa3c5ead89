"""What the organiser's pages say of finders, one line for each, and for each team."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext, gettext_lazy

from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.console.rater_pages import Heading
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Credit, Submission, Uncredited
from cats4ml.submissions.queries import valid_claims

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


@dataclass(frozen=True)
class FinderLine:
    """One finder's figures, or a team's. `claims` are all that were not retracted; `later` of them came after somebody
    else's of the same pair. The rest is of pairs that are theirs, as on the board."""

    participation: int | None
    team: int | None
    name: str
    team_name: str
    members: int
    claims: int
    later: int
    settled: int
    false_negatives: int
    false_positives: int
    pending: int
    near_copies: int
    points: int
    last_at: datetime | None
    disqualified_at: datetime | None
    is_baseline: bool

    @property
    def adverse(self) -> int:
        return self.false_negatives + self.false_positives

    @property
    def success(self) -> float | None:
        return self.adverse / self.settled if self.settled else None

    @property
    def success_interval(self) -> Interval | None:
        return wilson_interval(self.adverse, self.settled)

    @property
    def later_share(self) -> float | None:
        return self.later / self.claims if self.claims else None

    @property
    def state(self) -> str:
        if self.disqualified_at is not None:
            return gettext("Disqualified")
        return gettext("Out of competition") if self.is_baseline else gettext("Competes")


def count_finders(challenge: Challenge, at: datetime) -> tuple[FinderLine, ...]:
    """Every participant, in the order in which they joined; three queries, however many there are."""
    return finder_lines(challenge)


def finder_lines(challenge: Challenge, *, finder: Participation | None = None) -> tuple[FinderLine, ...]:
    """Every participant, or this one."""
    people = Participation.objects.filter(challenge=challenge, role=Role.FINDER)
    claims = Submission.objects.filter(participation__challenge=challenge, retracted_at=None)
    ledger = Credit.objects.filter(challenge=challenge)
    if finder is not None:
        people, claims, ledger = (
            people.filter(pk=finder.pk), claims.filter(participation=finder), ledger.filter(participation=finder),
        )  # fmt: skip
    counts = {row["participation"]: row for row in _counts(claims)}
    points = dict(ledger.order_by().values_list("participation").annotate(n=Sum("points")))
    return tuple(
        _line(one, counts.get(one.pk, {}), points.get(one.pk) or 0)
        for one in people.select_related("user", "team").order_by("pk")
    )


def _counts(claims: QuerySet[Submission]) -> Iterable[Mapping[str, Any]]:
    earlier = Submission.objects.filter(valid_claims(), pair=OuterRef("pair"), pk__lt=OuterRef("pk"))
    own = Q(own=True)
    return (
        claims.annotate(own=~Exists(earlier))
        .order_by()
        .values("participation")
        .annotate(
            claims=Count("pk"),
            later=Count("pk", filter=Q(charged=False)),
            settled=Count("pk", filter=own & Q(pair__state=PairState.SETTLED)),
            false_negatives=Count("pk", filter=own & Q(pair__outcome=Outcome.FALSE_NEGATIVE)),
            false_positives=Count("pk", filter=own & Q(pair__outcome=Outcome.FALSE_POSITIVE)),
            pending=Count("pk", filter=own & Q(pair__state__in=[PairState.QUEUED, PairState.IN_REVIEW])),
            near_copies=Count("pk", filter=own & Q(pair__uncredited=Uncredited.NEAR_COPY)),
            last_at=Max("created_at"),
        )
    )


_COUNTED = ("claims", "later", "settled", "false_negatives", "false_positives", "pending", "near_copies")


def _line(one: Participation, counts: Mapping[str, Any], points: int) -> FinderLine:
    return FinderLine(
        participation=one.pk,
        team=one.team_id,
        name=one.user.public_name,
        team_name=one.team.name if one.team else "",
        members=1,
        points=points,
        last_at=counts.get("last_at"),
        disqualified_at=one.disqualified_at,
        is_baseline=one.is_baseline,
        **{name: counts.get(name, 0) for name in _COUNTED},
    )


def team_lines(lines: Iterable[FinderLine]) -> list[FinderLine]:
    """The members of each team together, and those who work alone as they are. Disqualified is a team of which
    everybody is; it plays out of competition where everybody does."""
    teams: dict[int, list[FinderLine]] = {}
    alone = []
    for line in lines:
        if line.team is None:
            alone.append(line)
        else:
            teams.setdefault(line.team, []).append(line)
    return [*map(_together, teams.values()), *alone]


def _together(members: Sequence[FinderLine]) -> FinderLine:
    out = [one.disqualified_at for one in members if one.disqualified_at is not None]
    summed: dict[str, Any] = {name: sum(getattr(one, name) for one in members) for name in (*_COUNTED, "points")}
    return replace(
        members[0],
        participation=None,
        name=members[0].team_name,
        members=len(members),
        last_at=max((one.last_at for one in members if one.last_at is not None), default=None),
        disqualified_at=max(out) if len(out) == len(members) else None,
        is_baseline=all(one.is_baseline for one in members),
        **summed,
    )


# How the table may be sorted: what is compared, its heading, and whether the largest comes first.
SORTS: dict[str, tuple[str | StrPromise, Callable[[FinderLine], Any], bool]] = {
    "name": (gettext_lazy("Finder"), lambda line: line.name.lower(), False),
    "claims": (gettext_lazy("Claims"), lambda line: line.claims, True),
    "settled": (gettext_lazy("Settled"), lambda line: line.settled, True),
    "adverse": (gettext_lazy("Adverse"), lambda line: line.adverse, True),
    "success": (gettext_lazy("Success rate"), lambda line: line.success, True),
    "points": (gettext_lazy("Points"), lambda line: line.points, True),
    "pending": (gettext_lazy("Pending"), lambda line: line.pending, True),
    "later": (gettext_lazy("Later claims"), lambda line: line.later_share, True),
    "copies": (gettext_lazy("Near-copies"), lambda line: line.near_copies, True),
    "last": (gettext_lazy("Last active"), lambda line: line.last_at, True),
    "state": (gettext_lazy("State"), lambda line: line.state, False),
}
NUMBERS = ("claims", "settled", "adverse", "points", "pending", "later", "copies")


def sorted_lines(lines: Iterable[FinderLine], sort: str) -> list[FinderLine]:
    """By `sort`, '-' before it for the other way round; who has no such figure comes last."""
    _, key, largest_first = SORTS[sort.removeprefix("-")]
    downwards = largest_first != sort.startswith("-")
    by_name = sorted(lines, key=lambda line: (line.name.lower(), line.participation or 0))
    known = [line for line in by_name if key(line) is not None]
    return sorted(known, key=key, reverse=downwards) + [line for line in by_name if key(line) is None]


def headings(sort: str, kept: str) -> dict[str, Heading]:
    """Each column's head with the address that sorts by it; `kept` is the rest of the address."""
    found = {}
    for name, (word, _, largest_first) in SORTS.items():
        here = sort.removeprefix("-") == name
        downwards = largest_first != sort.startswith("-")
        aria = ("descending" if downwards else "ascending") if here else ""
        found[name] = Heading(str(word), f"?{kept}sort={'-' if sort == name else ''}{name}", aria)
    return found
