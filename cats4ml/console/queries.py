"""What organisers watch, counted anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.challenges.rosters import labels_that_cannot_be_scored
from cats4ml.review.models import PictureReport, Rating, RatingState
from cats4ml.review.queries import reports_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Pair, Submission

STALLED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Funnel:
    """From claims to finds; each step is a part of the one before it."""

    claims: int
    later_claims: int
    pairs: int
    queued: int
    unscorable: int
    withdrawn: int
    in_review: int
    settled: int
    adverse: int

    @property
    def scored(self) -> int:
        return self.in_review + self.settled


def funnel(challenge: Challenge) -> Funnel:
    claims = Submission.objects.filter(pair__challenge=challenge, retracted_at=None).aggregate(
        all=Count("pk"), later=Count("pk", filter=Q(charged=False))
    )
    states = dict(Pair.objects.filter(challenge=challenge).order_by().values_list("state").annotate(n=Count("pk")))
    outcomes = outcome_counts(challenge)
    return Funnel(
        claims=claims["all"],
        later_claims=claims["later"],
        pairs=sum(states.values()),
        queued=states.get(PairState.QUEUED, 0),
        unscorable=states.get(PairState.UNSCORABLE, 0),
        withdrawn=states.get(PairState.WITHDRAWN, 0),
        in_review=states.get(PairState.IN_REVIEW, 0),
        settled=states.get(PairState.SETTLED, 0),
        adverse=outcomes[Outcome.FALSE_NEGATIVE] + outcomes[Outcome.FALSE_POSITIVE],
    )


def outcome_counts(challenge: Challenge) -> dict[Outcome, int]:
    counts = dict(
        Pair.objects.filter(challenge=challenge, state=PairState.SETTLED)
        .order_by()
        .values_list("outcome")
        .annotate(n=Count("pk"))
    )
    return {outcome: counts.get(outcome.value, 0) for outcome in Outcome}


def stalled_pairs(challenge: Challenge, at: datetime) -> QuerySet[Pair]:
    """Queued pairs that have waited for a score for more than two minutes."""
    return Pair.objects.filter(
        challenge=challenge, state=PairState.QUEUED, state_changed_at__lt=at - STALLED_AFTER
    ).order_by("state_changed_at")


def open_reports(challenge: Challenge) -> QuerySet[PictureReport]:
    return reports_of(challenge).filter(resolved_at=None).order_by("created_at")


def ratings_last_hour(challenge: Challenge, at: datetime) -> tuple[int, int]:
    """How many ratings were given in the last hour, and by how many raters."""
    counted = Rating.objects.filter(pair__challenge=challenge, created_at__gt=at - timedelta(hours=1)).aggregate(
        ratings=Count("pk"), raters=Count("rater", distinct=True)
    )
    return counted["ratings"], counted["raters"]


def ratings_spent(challenge: Challenge) -> tuple[int, float | None]:
    """How many ratings counted, and the mean number for each settled pair (None before the first)."""
    final = Rating.objects.filter(pair__challenge=challenge, state=RatingState.FINAL)
    settled = Pair.objects.filter(challenge=challenge, state=PairState.SETTLED).count()
    on_settled = final.filter(pair__state=PairState.SETTLED).count()
    return final.count(), on_settled / settled if settled else None


def unscored_labels(challenge: Challenge) -> int:
    """How many target labels too few classifiers know. 0 for an edition that was imported whole and has no roster."""
    if challenge.roster_id is None and challenge.status != ChallengeStatus.DRAFT:
        return 0
    return len(labels_that_cannot_be_scored(challenge))
