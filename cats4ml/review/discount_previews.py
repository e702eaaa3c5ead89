"""What discounting a rater, or lifting that, would change: for each pair they answered, and for each finder.

It is rehearsed: the very action is done, looked at and rolled back. So what is shown is what would be done, whatever
the verdict rule makes of the answers. While it is rehearsed the rater's pairs are locked, as in the action itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation
from cats4ml.review.actions.discounts import COUNTED, discount_rater, lift_discount
from cats4ml.review.models import Rating, RatingState
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.ledger import live_credits
from cats4ml.submissions.models import Pair
from cats4ml.submissions.previews import Balance
from cats4ml.ui.reasons import points_in_words

REHEARSED = "Rehearsed."


class Fate(StrEnum):
    """What becomes of a pair: it ends otherwise; it goes back to review; it settles; it stays in review with another
    number of answers; it keeps its verdict; it keeps the verdict of an expert."""

    ENDS_OTHERWISE = "ends_otherwise"
    REOPENS = "reopens"
    SETTLES = "settles"
    IN_REVIEW = "in_review"
    KEEPS = "keeps"
    EXPERT = "expert"


@dataclass(frozen=True)
class Standing:
    """A pair as it stands: `verdict` and `outcome` are empty while it is in review. `earners` are those whose credit
    stands, with their points. `when`: now, or then."""

    state: str
    verdict: str
    outcome: str
    tally: Tally
    earners: tuple[tuple[int, int], ...]
    when: str

    @property
    def points(self) -> int:
        return sum(points for _, points in self.earners)

    @property
    def earned(self) -> str:
        return points_in_words(self.points)


@dataclass(frozen=True)
class Change:
    pair: Pair
    fate: Fate
    old: Standing
    new: Standing

    @property
    def sides(self) -> tuple[Standing, Standing]:
        return (self.old, self.new)


@dataclass(frozen=True)
class Preview:
    """Every pair that the rater answered, in the order of their ids; and who loses and gains, largest loss first."""

    changes: tuple[Change, ...]
    balances: tuple[Balance, ...]
    controls: int

    def of(self, *fates: Fate) -> list[Change]:
        return [change for change in self.changes if change.fate in fates]

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs have each fate."""
        return {fate.value: sum(change.fate == fate for change in self.changes) for fate in Fate}


def preview_discount(*, rater: Participation, by: User, at: datetime) -> Preview:
    """What `discount_rater` would do now. Raises `DiscountRefused` as it does."""
    return _rehearse(rater, COUNTED, lambda: discount_rater(rater=rater, reason=REHEARSED, by=by, at=at))


def preview_lift(*, rater: Participation, by: User, at: datetime) -> Preview:
    """What `lift_discount` would do now. Raises `DiscountRefused` as it does."""
    return _rehearse(
        rater, [RatingState.DISCOUNTED], lambda: lift_discount(rater=rater, reason=REHEARSED, by=by, at=at)
    )


def _rehearse(rater: Participation, states: Collection[str], act: Callable[[], object]) -> Preview:
    answered = Rating.objects.filter(rater=rater, state__in=states)
    with transaction.atomic():
        ids = set(answered.filter(pair__isnull=False).values_list("pair_id", flat=True))
        controls = answered.filter(pair=None).count()
        before = _standings(ids, "now")
        act()
        after = _standings(ids, "then")
        transaction.set_rollback(True)
    pairs = Pair.objects.filter(pk__in=ids).select_related("image", "label").order_by("pk")
    changes = tuple(_change(pair, before[pair.pk], after[pair.pk]) for pair in pairs)
    return Preview(changes, _balances(changes), controls)


def _standings(ids: Collection[int], when: str) -> dict[int, Standing]:
    earners: dict[int, list[tuple[int, int]]] = {}
    for pair, participation, points in (
        live_credits().filter(pair__in=ids).order_by("pk").values_list("pair_id", "participation_id", "points")
    ):
        earners.setdefault(pair, []).append((participation, points))
    return {
        pair.pk: Standing(pair.state, pair.verdict, pair.outcome, pair.tally, tuple(earners.get(pair.pk, ())), when)
        for pair in Pair.objects.filter(pk__in=ids)
    }


def _change(pair: Pair, old: Standing, new: Standing) -> Change:
    return Change(pair, _fate(old, new, expert=bool(pair.adjudicated_reason)), old, new)


def _fate(old: Standing, new: Standing, *, expert: bool) -> Fate:
    if old.state == PairState.SETTLED:
        if new.state != PairState.SETTLED:
            return Fate.REOPENS
        same = (old.verdict, old.outcome, old.earners) == (new.verdict, new.outcome, new.earners)
        return (Fate.EXPERT if expert else Fate.KEEPS) if same else Fate.ENDS_OTHERWISE
    if new.state == PairState.SETTLED:
        return Fate.SETTLES
    return Fate.IN_REVIEW if new.state == PairState.IN_REVIEW else Fate.KEEPS


def _balances(changes: Collection[Change]) -> tuple[Balance, ...]:
    lost: Counter[int] = Counter()
    gained: Counter[int] = Counter()
    for change in changes:
        if change.old.earners != change.new.earners:
            lost.update(dict(change.old.earners))
            gained.update(dict(change.new.earners))
    people = Participation.objects.select_related("user", "team").in_bulk(lost.keys() | gained.keys())
    found = [Balance(people[pk], lost[pk], gained[pk]) for pk in people]
    return tuple(sorted(found, key=lambda one: (one.net, one.participation.pk)))
