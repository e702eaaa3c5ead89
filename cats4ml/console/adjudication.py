"""The pairs that need an expert, as one organiser may decide them: never what they had a part in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Exists, F, FloatField, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Ln
from django.http import QueryDict
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge
from cats4ml.review.models import Rating
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.actions.adjudication import claimed_by, decided_pairs
from cats4ml.submissions.disputing import is_disputed, waiting_disputes
from cats4ml.submissions.models import Dispute, Pair, Submission, TallySource

ROWS_A_PAGE = 30
# So far ahead the page knows which pair comes next; further down it begins at the front again.
LOOKED_AHEAD = 2_000

_COUNTS = ("yes_ratings", "no_ratings", "dont_know_ratings")


class Order(StrEnum):
    OLDEST = "oldest"
    ANSWERS = "answers"
    DIVIDED = "divided"

    @property
    def label(self) -> str:
        return {"oldest": _("Longest settled"), "answers": _("Most answers"), "divided": _("Most divided answers")}[
            self.value
        ]


@dataclass(frozen=True)
class Filters:
    """What of the queue is shown, and in which order; disputed pairs always come first."""

    label: str = ""
    disputed: bool = False
    order: Order = Order.OLDEST
    decided: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        order, page = query.get("order", ""), query.get("page", "")
        return cls(
            label=query.get("label", "").replace("\x00", ""),
            disputed=query.get("disputed") == "1",
            order=Order(order) if order in list(Order) else Order.OLDEST,
            decided=query.get("decided") == "1",
            page=max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 6 else 1,
        )

    def query(self, **changed: object) -> str:
        """As the query of an address, without what is as it is unless somebody chooses; `changed` differs."""
        values: dict[str, object] = {"label": self.label, "disputed": self.disputed, "decided": self.decided}
        values |= {"order": self.order if self.order != Order.OLDEST else "", "page": "", **changed}
        return urlencode({name: 1 if value is True else value for name, value in values.items() if value})


def needs_expert(challenge: Challenge, expert: User) -> QuerySet[Any]:
    """Settled pairs that are ambiguous and that no expert has decided, and those that are disputed; with `disputed`.

    Without those that this person had a part in, and without imported ones. None in a final edition.
    """
    rows = shown(Pair.objects.filter(challenge=challenge, state=PairState.SETTLED, tally_source=TallySource.RATINGS))
    rows = rows.annotate(disputed=is_disputed())
    waiting = impartial(rows, expert).filter(Q(outcome=Outcome.AMBIGUOUS, adjudicated_reason="") | Q(disputed=True))
    return waiting.none() if challenge.is_final else waiting


def impartial(pairs: QuerySet[Any], expert: User) -> QuerySet[Any]:
    """The pairs that this person neither rated nor claimed, nor somebody who shares a team with them."""
    return pairs.exclude(Exists(own_claims(expert))).exclude(
        Exists(Rating.objects.filter(pair=OuterRef("pk"), rater__user=expert))
    )


def own_claims(expert: User) -> QuerySet[Submission]:
    """For a subquery over pairs: the claims by which a pair is this person's."""
    return Submission.objects.filter(claimed_by(expert), pair=OuterRef("pk"))


def filtered(pairs: QuerySet[Any], filters: Filters) -> QuerySet[Any]:
    """The pairs that the filters leave, in their order."""
    if filters.label:
        pairs = pairs.filter(label__key=filters.label)
    if filters.decided:
        return pairs.order_by("-settled_at", "-pk")
    if filters.disputed:
        pairs = pairs.filter(disputed=True)
    pairs = pairs.annotate(answers=sum((F(name) for name in _COUNTS), start=Value(0)), divided=_divided())
    first = {Order.OLDEST: "settled_at", Order.ANSWERS: "-answers", Order.DIVIDED: "-divided"}[filters.order]
    return pairs.order_by("-disputed", first, "settled_at", "pk")


def _divided() -> Combinable:
    """The entropy of a pair's answers, in nats: `rules.agreement.entropy` but for its unit."""
    total: Combinable = Cast(sum((F(name) for name in _COUNTS), start=Value(0)), FloatField())
    terms = [
        Case(
            When(Q(**{f"{name}__gt": 0}), then=-(F(name) / total) * Ln(F(name) / total)),
            default=Value(0.0),
            output_field=FloatField(),
        )
        for name in _COUNTS
    ]
    return terms[0] + terms[1] + terms[2]


def next_after(pairs: QuerySet[Pair], pk: int | None) -> int | None:
    """The pair that comes after this one in a queue; the first where it is not among the next ones or the last; None
    where there is no other."""
    ids = list(pairs.values_list("pk", flat=True)[:LOOKED_AHEAD])
    place = ids.index(pk) + 1 if pk in ids else 0
    following = [*ids[place:], *ids[:place]]
    return following[0] if following and following[0] != pk else None


def decided_by_experts(challenge: Challenge, expert: User) -> QuerySet[Pair]:
    return impartial(decided_pairs(challenge), expert)


def open_disputes(challenge: Challenge) -> QuerySet[Dispute]:
    """The disputes that an organiser has still to decide; none in a final edition, where nothing is decided."""
    return Dispute.objects.none() if challenge.is_final else waiting_disputes(challenge)
