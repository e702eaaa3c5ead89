"""What has worked for one participant so far: their own settled pairs, and never anybody else's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Avg, Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy

from cats4ml.catalog.models import Annotation, AnnotationKind
from cats4ml.challenges.models import Participation
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Submission
from cats4ml.submissions.released import is_as_released

# The same as `presentation.is_told`, as a condition on `_standing`.
TOLD = Q(pair__state=PairState.SETTLED) & (Q(after_settlement=False) | Q(is_as_released=True))
FALSE_NEGATIVE = TOLD & Q(pair__outcome=Outcome.FALSE_NEGATIVE)
FALSE_POSITIVE = TOLD & Q(pair__outcome=Outcome.FALSE_POSITIVE)


class Said(StrEnum):
    """What the collection's own labels say of a pair's picture and label."""

    PEOPLE_NO = "people_no"
    PEOPLE_YES = "people_yes"
    MACHINE = "machine"
    NOTHING = "nothing"

    @property
    def words(self) -> str:
        return str(_WORDS[self])


_WORDS = {
    Said.PEOPLE_NO: gettext_lazy("People said no"),
    Said.PEOPLE_YES: gettext_lazy("People said yes"),
    Said.MACHINE: gettext_lazy("Only a machine said so"),
    Said.NOTHING: gettext_lazy("Nobody was asked"),
}


@dataclass(frozen=True)
class HitRate:
    """One's claims of one kind: how many stand, how many of them are settled, and how often machines erred there.

    `error` is how far their mean was from what people saw, on average over the adverse ones: it is shown once a pair is
    settled, whatever the policy.
    """

    name: str
    claimed: int
    settled: int
    false_negatives: int
    false_positives: int
    error: float | None

    @property
    def adverse(self) -> int:
        return self.false_negatives + self.false_positives

    @property
    def rate(self) -> float | None:
        return self.adverse / self.settled if self.settled else None

    @property
    def interval(self) -> Interval | None:
        return wilson_interval(self.adverse, self.settled)


def hit_rates_by_label(participation: Participation) -> list[HitRate]:
    """Most adverse pairs first, then by name. One query."""
    found = _counted(
        _standing(participation).annotate(kind=F("pair__label__name"), key=F("pair__label")), "kind", "key"
    )
    return sorted(found, key=lambda one: (-one.adverse, -one.settled, one.name.casefold()))


def hit_rates_by_annotation(participation: Participation) -> list[HitRate]:
    """By what the collection's own labels said of the pair, in the order of `Said`. One query.

    Where people and machine spoke of it people count; where people disagree, their no.
    """
    about = Annotation.objects.filter(image=OuterRef("pair__image"), label=OuterRef("pair__label"))
    said = Case(
        When(Exists(about.filter(kind=AnnotationKind.HUMAN_NO)), then=Value(Said.PEOPLE_NO.value)),
        When(Exists(about.filter(kind=AnnotationKind.HUMAN_YES)), then=Value(Said.PEOPLE_YES.value)),
        When(Exists(about.filter(kind=AnnotationKind.MACHINE)), then=Value(Said.MACHINE.value)),
        default=Value(Said.NOTHING.value),
        output_field=CharField(),
    )
    found = {one.name: one for one in _counted(_standing(participation).annotate(kind=said), "kind")}
    order = [said for said in Said if said.value in found]
    return [HitRate(**{**vars(found[said.value]), "name": said.words}) for said in order]


def _standing(participation: Participation) -> QuerySet[Submission]:
    standing = Submission.objects.filter(participation=participation, retracted_at=None).order_by()
    return standing.annotate(is_as_released=is_as_released("pair"))


def _counted(claims: QuerySet[Submission], *kinds: str) -> list[HitRate]:
    error = Case(
        When(FALSE_NEGATIVE, then=1.0 - F("pair__machine_mean")), When(FALSE_POSITIVE, then=F("pair__machine_mean"))
    )
    rows = claims.values(*kinds).annotate(
        claimed=Count("pk"),
        settled=Count("pk", filter=TOLD),
        false_negatives=Count("pk", filter=FALSE_NEGATIVE),
        false_positives=Count("pk", filter=FALSE_POSITIVE),
        error=Avg(error),
    )
    return [
        HitRate(
            name=row["kind"],
            claimed=row["claimed"],
            settled=row["settled"],
            false_negatives=row["false_negatives"],
            false_positives=row["false_positives"],
            error=row["error"],
        )
        for row in rows
    ]
