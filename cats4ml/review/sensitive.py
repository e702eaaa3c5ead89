"""Questions about sensitive pictures: whether an edition has any, and which of its pairs nobody has chosen to see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from cats4ml.catalog.models import Image, SensitiveKind
from cats4ml.challenges.models import Challenge, Participation, PoolImage, Role
from cats4ml.review.models import Waiting


def has_sensitive_pictures(challenge: Challenge) -> bool:
    """Whether the edition has a picture that not everybody wants to see."""
    return _sensitive_pictures(challenge).exists()


def _sensitive_pictures(challenge: Challenge) -> QuerySet[Image]:
    """From the few that are sensitive to the pool, and not the other way: a pool may have a million pictures."""
    pool = PoolImage.objects.filter(challenge=challenge, image=OuterRef("pk"))
    return Image.objects.filter(~Q(sensitive=[]), Exists(pool), hidden_at=None)


def must_choose(rater: Participation) -> bool:
    """Whether this rater has still to say which kinds of sensitive pictures they will see."""
    return rater.sensitive_kinds is None and has_sensitive_pictures(rater.challenge)


def kinds_to_choose(part: Participation) -> list[tuple[SensitiveKind, bool]]:
    """Every kind, and whether this person has chosen to see it."""
    chosen = part.sensitive_kinds or []
    return [(kind, kind.value in chosen) for kind in SensitiveKind]


def seen_by_nobody(challenge: Challenge) -> QuerySet[Waiting]:
    """The waiting pairs of sensitive pictures whose kinds no rater of the edition has all chosen."""
    raters = Participation.objects.filter(
        challenge=challenge,
        role=Role.RATER,
        disqualified_at=None,
        sensitive_kinds__contains=OuterRef("sensitive"),
    )
    return Waiting.objects.filter(~Exists(raters), challenge=challenge, places__gt=0).exclude(sensitive=[])


@dataclass(frozen=True)
class KindLine:
    """One kind: pictures of the pool, pairs that wait, and raters who chose it."""

    kind: SensitiveKind
    pictures: int
    waiting: int
    raters: int


def kind_lines(challenge: Challenge) -> list[KindLine]:
    """Three queries, whatever the numbers."""
    pictures = _counted(_sensitive_pictures(challenge).values_list("sensitive", flat=True))
    waiting = Waiting.objects.filter(challenge=challenge, places__gt=0).exclude(sensitive=[])
    raters = Participation.objects.filter(challenge=challenge, role=Role.RATER, sensitive_kinds__isnull=False)
    pairs = _counted(waiting.values_list("sensitive", flat=True))
    people = _counted(raters.values_list("sensitive_kinds", flat=True))
    return [KindLine(kind, pictures[kind.value], pairs[kind.value], people[kind.value]) for kind in SensitiveKind]


def _counted(rows: QuerySet) -> Counter[str]:  # type: ignore[type-arg]  # of lists of kinds
    return Counter(kind for kinds in rows.iterator() for kind in kinds)
