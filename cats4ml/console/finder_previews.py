"""What disqualifying a finder, or taking that back, would do to everybody's credits: the act itself, rehearsed and
taken back, so that what is shown is what is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Q

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions import settlement
from cats4ml.submissions.models import Credit, CreditKind, Pair

REHEARSED = "Rehearsed for a preview."
LINES_SHOWN = 50


@dataclass(frozen=True)
class Passing:
    """A pair whose credit would be taken from one and perhaps given to another; points by participation."""

    pair: Pair
    lost: tuple[tuple[Participation, int], ...]
    gained: tuple[tuple[Participation, int], ...]


@dataclass(frozen=True)
class Gain:
    participation: Participation
    lost: int
    gained: int

    @property
    def net(self) -> int:
        return self.gained - self.lost


@dataclass(frozen=True)
class CreditPreview:
    """`reversed` credits are taken back, `inherited` are given; `withdrawn` queued pairs would be taken out, `queued`
    come back. `passings` are the first 50 pairs."""

    reversed: int
    inherited: int
    withdrawn: int
    queued: int
    gains: tuple[Gain, ...]
    passings: tuple[Passing, ...]
    pairs: int


def preview_disqualification(*, participation: Participation, by: User, at: datetime) -> CreditPreview:
    """Raises `SettlementRefused` as the act does."""
    return _rehearse(
        participation.challenge,
        lambda: settlement.disqualify_participant(participation=participation, reason=REHEARSED, by=by, at=at),
    )


def preview_reinstatement(*, participation: Participation, by: User, at: datetime) -> CreditPreview:
    """Raises `SettlementRefused` as the act does."""
    return _rehearse(
        participation.challenge,
        lambda: settlement.reinstate_participant(participation=participation, reason=REHEARSED, by=by, at=at),
    )


def _rehearse(challenge: Challenge, act: Callable[[], object]) -> CreditPreview:
    """Its locks are held until the rehearsal is taken back, as those of the act itself would be."""
    with transaction.atomic():
        last = Credit.objects.filter(challenge=challenge).aggregate(last=Max("pk"))["last"] or 0
        before = _states(challenge)
        act()
        entries = list(
            Credit.objects.filter(challenge=challenge, pk__gt=last)
            .order_by("pk")
            .values_list("pair_id", "participation_id", "kind", "points")
        )
        after = _states(challenge)
        transaction.set_rollback(True)
    return _preview(entries, withdrawn=after["out"] - before["out"], queued=after["queued"] - before["queued"])


def _states(challenge: Challenge) -> dict[str, int]:
    return Pair.objects.filter(challenge=challenge, state__in=[PairState.WITHDRAWN, PairState.QUEUED]).aggregate(
        out=Count("pk", filter=Q(state=PairState.WITHDRAWN)), queued=Count("pk", filter=Q(state=PairState.QUEUED))
    )


def _preview(entries: list[tuple[int, int, str, int]], *, withdrawn: int, queued: int) -> CreditPreview:
    people = Participation.objects.select_related("user", "team").in_bulk({by for _, by, _, _ in entries})
    lost: Counter[int] = Counter()
    gained: Counter[int] = Counter()
    passings: dict[int, tuple[list[tuple[Participation, int]], list[tuple[Participation, int]]]] = {}
    for pair, by, kind, points in entries:
        loses, gains = passings.setdefault(pair, ([], []))
        if kind == CreditKind.REVERSED:
            lost[by] -= points
            loses.append((people[by], -points))
        else:
            gained[by] += points
            gains.append((people[by], points))
    shown = list(passings)[:LINES_SHOWN]
    pairs = Pair.objects.select_related("image", "label").in_bulk(shown)
    balances = [Gain(people[pk], lost[pk], gained[pk]) for pk in people]
    return CreditPreview(
        reversed=sum(kind == CreditKind.REVERSED for _, _, kind, _ in entries),
        inherited=sum(kind != CreditKind.REVERSED for _, _, kind, _ in entries),
        withdrawn=max(0, withdrawn),
        queued=max(0, queued),
        gains=tuple(sorted(balances, key=lambda one: (one.net, one.participation.pk))),
        passings=tuple(Passing(pairs[pk], tuple(passings[pk][0]), tuple(passings[pk][1])) for pk in shown),
        pairs=len(passings),
    )
