"""Questions about a participant's basket."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.challenges.models import Participation, PoolImage
from cats4ml.submissions.models import BasketItem
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.queries import CheckedRow, ClaimRow, check_rows


def basket_items(participation: Participation) -> QuerySet[BasketItem]:
    """What lies in the basket, in the order in which it was put there, each with its picture's id in the pool, `key`;
    that is None where the picture has left the pool."""
    pool = PoolImage.objects.filter(challenge=participation.challenge_id, image=OuterRef("image"))
    return (
        BasketItem.objects.filter(participation=participation)
        .annotate(key=Subquery(pool.values("image_key")[:1]))
        .select_related("image", "label")
        .order_by("pk")
    )


def basket_rows(items: Sequence[BasketItem] | QuerySet[BasketItem]) -> list[ClaimRow]:
    """The items as rows of claims; their `line` is the item's id."""
    return [
        ClaimRow(
            line=item.pk,
            image_id=item.key or item.image.image_id,  # type: ignore[attr-defined]  # annotated
            label_id=item.label.key if item.label else "",
            rationale=item.rationale,
        )
        for item in items
    ]


def basket_labels(participation: Participation, images: Iterable[int]) -> dict[int, list[str]]:
    """By image, the labels with which it lies in the basket; without one, “no label yet”."""
    items = BasketItem.objects.filter(participation=participation, image__in=list(images)).order_by("pk")
    labels: dict[int, list[str]] = defaultdict(list)
    for image, label in items.values_list("image_id", "label__name"):
        labels[image].append(label or _("no label yet"))
    return labels


_REMEDIES = {
    Problem.MISSING_LABEL: gettext_lazy("Choose one."),
    Problem.UNKNOWN_IMAGE: gettext_lazy("It has left the pool: take it out."),
    Problem.UNKNOWN_LABEL: gettext_lazy("Choose one of the labels."),
}


@dataclass(frozen=True)
class BasketLine:
    item: BasketItem
    checked: CheckedRow

    @property
    def remedy(self) -> str:
        """What to do about the problem: in a basket there are no columns to fill in."""
        problem = self.checked.problem
        return "" if problem is None else str(_REMEDIES.get(problem, problem.remedy))


@dataclass(frozen=True)
class Basket:
    """A basket as it would be taken now. `good` can be submitted; `later` of them cost nothing, `near_copies` earn
    nothing; `problems` counts the rest by what is wrong."""

    lines: list[BasketLine]
    good: int
    later: int
    near_copies: int
    problems: list[tuple[Problem, int]]

    @property
    def charged(self) -> int:
        return self.good - self.later


def checked_basket(participation: Participation) -> Basket:
    """The whole basket, each item with what the ordinary check says of it. Nothing is written."""
    items = list(basket_items(participation))
    checked = check_rows(participation, basket_rows(items)) if items else []
    good = [row for row in checked if row.problem is None]
    return Basket(
        lines=[BasketLine(item, row) for item, row in zip(items, checked, strict=True)],
        good=len(good),
        later=sum(row.later for row in good),
        near_copies=sum(row.near_copy for row in good),
        problems=Counter(row.problem for row in checked if row.problem is not None).most_common(),
    )
