"""What the overview counts of an edition: a dozen queries, each of one pass at most, however large the edition is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge
from cats4ml.console.agreement import Alpha, LabelAgreement, agreement_of
from cats4ml.console.queue_course import Course, course_of
from cats4ml.review.models import Rating, RatingState
from cats4ml.rules.forecast import Forecast, forecast
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Submission

BINS = 20
LABELS_SHOWN = 10
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)

# By label and how they stand, with the answers that the settled ones took here; and by machine score and verdict. The
# table is read once for both.
_PAIRS = """
SELECT grouping(bin), label_id, state, outcome, bin, verdict, count(*),
       count(*) FILTER (WHERE rated), coalesce(sum(answers) FILTER (WHERE rated), 0)
FROM (
    SELECT label_id, state, outcome, verdict, least(%(bins)s - 1, floor(machine_mean * %(bins)s))::int AS bin,
           state = 'settled' AND tally_source = 'ratings' AS rated,
           yes_ratings + no_ratings + dont_know_ratings AS answers
    FROM submissions_pair WHERE challenge_id = %(challenge)s
) pair
GROUP BY GROUPING SETS ((label_id, state, outcome), (bin, verdict, outcome))
"""


@dataclass(frozen=True)
class Funnel:
    """From claims to finds; each step is a part of the one before it."""

    claims: int = 0
    later_claims: int = 0
    pairs: int = 0
    queued: int = 0
    unscorable: int = 0
    withdrawn: int = 0
    in_review: int = 0
    settled: int = 0
    false_negatives: int = 0
    false_positives: int = 0
    agreed: int = 0
    ambiguous: int = 0

    @property
    def scored(self) -> int:
        return self.in_review + self.settled

    @property
    def adverse(self) -> int:
        return self.false_negatives + self.false_positives

    @property
    def not_found(self) -> int:
        return self.agreed + self.ambiguous


@dataclass(frozen=True)
class LabelOutcomes:
    """One label's pairs: settled ones by outcome, and how many are on their way."""

    label: int
    key: str
    name: str
    outcomes: Mapping[str, int]
    in_review: int
    waiting: int

    @property
    def settled(self) -> int:
        return sum(self.outcomes.values())

    @property
    def pairs(self) -> int:
        return self.settled + self.in_review + self.waiting


@dataclass(frozen=True)
class ScoreBin:
    """Settled pairs whose machine score is in one twentieth of the axis, by (verdict, outcome)."""

    place: int
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Overview:
    """Everything that the overview shows but what needs somebody."""

    funnel: Funnel
    labels: tuple[LabelOutcomes, ...]
    bins: tuple[ScoreBin, ...]
    hourly: int
    daily: int
    raters: int
    spent: int
    per_pair: float | None
    course: Course
    forecast: Forecast | None
    alpha: Alpha | None
    agreement: tuple[LabelAgreement, ...]
    labels_compared: int

    @property
    def outcomes(self) -> tuple[tuple[str, int], ...]:
        funnel = self.funnel
        numbers = (funnel.false_negatives, funnel.false_positives, funnel.agreed, funnel.ambiguous)
        return tuple((outcome.value, number) for outcome, number in zip(Outcome, numbers, strict=True))

    @property
    def per_find(self) -> float | None:
        return self.spent / self.funnel.adverse if self.funnel.adverse and self.spent else None


@dataclass
class _Pairs:
    states: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    labels: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    bins: defaultdict[int, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    rated: int = 0
    answers: int = 0


def count_overview(challenge: Challenge, at: datetime) -> Overview:
    pairs = _count_pairs(challenge)
    course = course_of(challenge, at)
    agreement = agreement_of(challenge)
    hourly, raters = answers_since(challenge, at - HOUR)
    compared = [one for one in agreement.labels if one.alpha is not None]
    return Overview(
        funnel=_funnel(challenge, pairs),
        labels=_labels(pairs),
        bins=tuple(ScoreBin(place, dict(pairs.bins[place])) for place in range(BINS)),
        hourly=hourly,
        daily=answers_since(challenge, at - 24 * HOUR)[0],
        raters=raters,
        spent=Rating.objects.filter(rater__challenge=challenge, pair__isnull=False, state=RatingState.FINAL).count(),
        per_pair=pairs.answers / pairs.rated if pairs.rated else None,
        course=course,
        forecast=forecast(
            depth=pairs.states[PairState.IN_REVIEW], days=course.days, closes_in=_days_until(challenge.closes_at, at)
        ),
        alpha=agreement.alpha,
        agreement=tuple(compared[:LABELS_SHOWN]),
        labels_compared=len(compared),
    )


def _count_pairs(challenge: Challenge) -> _Pairs:
    found = _Pairs()
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"challenge": challenge.pk, "bins": BINS})
        for is_label, label, state, outcome, place, verdict, number, rated, answers in cursor:
            if is_label:
                found.states[state] += number
                found.outcomes[outcome] += number
                found.labels[label][outcome or state] += number
                found.rated += rated
                found.answers += answers
            elif place is not None and verdict:
                found.bins[place][verdict, outcome] += number
    return found


def _funnel(challenge: Challenge, pairs: _Pairs) -> Funnel:
    claims = Submission.objects.filter(participation__challenge=challenge, retracted_at=None).aggregate(
        all=Count("pk"), later=Count("pk", filter=Q(charged=False))
    )
    return Funnel(
        claims=claims["all"],
        later_claims=claims["later"],
        pairs=sum(pairs.states.values()),
        queued=pairs.states[PairState.QUEUED],
        unscorable=pairs.states[PairState.UNSCORABLE],
        withdrawn=pairs.states[PairState.WITHDRAWN],
        in_review=pairs.states[PairState.IN_REVIEW],
        settled=pairs.states[PairState.SETTLED],
        false_negatives=pairs.outcomes[Outcome.FALSE_NEGATIVE],
        false_positives=pairs.outcomes[Outcome.FALSE_POSITIVE],
        agreed=pairs.outcomes[Outcome.AGREEMENT],
        ambiguous=pairs.outcomes[Outcome.AMBIGUOUS],
    )


def _labels(pairs: _Pairs) -> tuple[LabelOutcomes, ...]:
    """The labels with the most finds first."""
    names = {
        pk: (key, name) for pk, key, name in Label.objects.filter(pk__in=pairs.labels).values_list("pk", "key", "name")
    }
    lines = [
        LabelOutcomes(
            label=label,
            key=names[label][0],
            name=names[label][1],
            outcomes={outcome.value: counts[outcome] for outcome in Outcome},
            in_review=counts[PairState.IN_REVIEW],
            waiting=counts[PairState.QUEUED],
        )
        for label, counts in pairs.labels.items()
    ]
    found = (Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE)
    return tuple(
        sorted(lines, key=lambda one: (-sum(one.outcomes[outcome] for outcome in found), -one.pairs, one.name))
    )


def answers_since(challenge: Challenge, since: datetime) -> tuple[int, int]:
    """How many answers to pairs became final since then or may still be undone, and by how many raters. Both kinds have
    an index by time."""
    recent = Q(final_at__gt=since) | Q(state=RatingState.PROVISIONAL, created_at__gt=since)
    counted = Rating.objects.filter(recent, rater__challenge=challenge, pair__isnull=False).aggregate(
        answers=Count("pk"), raters=Count("rater", distinct=True)
    )
    return counted["answers"], counted["raters"]


def _days_until(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else (moment - at) / timedelta(days=1)
