"""What a published release has told everybody of a pair.

Releases stand above this app, which therefore asks for them by the names of their columns and imports nothing of
theirs.
"""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from cats4ml.submissions.models import Pair


def _told(pair: str) -> QuerySet[Pair]:
    """The pair that the column `pair` names, once for each published release that tells of it: of its public part, or
    of either once the held-out part is freed."""
    return Pair.objects.filter(
        Q(released__split="public") | Q(released__release__freed_at__isnull=False),
        pk=OuterRef(pair),
        released__release__published_at__isnull=False,
    )


def released_outcome(pair: str = "pk") -> Subquery:
    """The outcome of a pair in the newest release that tells it; null where none does."""
    return Subquery(_told(pair).order_by("-released__release__number").values("released__outcome")[:1])


def is_as_released(pair: str = "pk") -> Exists:
    """Whether a release tells how a pair ended, and it still stands as it was: what was settled again since is told to
    nobody before the next release."""
    return Exists(_told(pair).filter(released__outcome=F("outcome"), released__release__frozen_at__gte=F("settled_at")))
