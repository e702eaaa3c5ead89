"""What waits for an organiser, counted anew for each look: every count has an index, or is of few rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from cats4ml.accounts.models import User
from cats4ml.catalog.complaints import open_complaints
from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolImage
from cats4ml.challenges.rosters import labels_that_cannot_be_scored
from cats4ml.console.adjudication import impartial, open_disputes
from cats4ml.console.rater_pages import waiting_pauses
from cats4ml.console.standstills import in_words, standing_still
from cats4ml.releases.models import Release, ReleaseState
from cats4ml.review.models import PictureReport
from cats4ml.review.queries import reports_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.disputing import is_disputed
from cats4ml.submissions.models import Pair, TallySource

STALLED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Needs:
    """How many of each kind there are, and since when the oldest waits. `standstills`: what stands still, by name, and
    what to do."""

    unscored: int
    stalled: int
    stalled_since: datetime | None
    unscorable: int
    disputes: int
    disputes_since: datetime | None
    ambiguous: int
    paused: int
    paused_since: datetime | None
    reports: int
    reports_since: datetime | None
    failed: Release | None
    standstills: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> int:
        """How many kinds of things there are."""
        counts = (
            self.unscored, self.stalled, self.unscorable, self.disputes, self.ambiguous, self.paused, self.reports,
        )  # fmt: skip
        return sum(bool(number) for number in counts) + (self.failed is not None) + len(self.standstills)


def needs_of(challenge: Challenge, organiser: User, at: datetime) -> Needs:
    stalled = stalled_pairs(challenge, at)
    disputes, pauses, reports = open_disputes(challenge), waiting_pauses(challenge), open_reports(challenge)
    number_stalled, number_disputes = stalled.count(), disputes.count()
    complaints = open_complaints(challenge.pool.values("image"))
    number_paused, number_complaints = pauses.count(), complaints.count()
    number_reports = reports.count() + number_complaints
    return Needs(
        unscored=unscored_labels(challenge),
        stalled=number_stalled,
        stalled_since=_first(stalled, "state_changed_at") if number_stalled else None,
        unscorable=Pair.objects.filter(challenge=challenge, state=PairState.UNSCORABLE).count(),
        disputes=number_disputes,
        disputes_since=_first(disputes, "created_at") if number_disputes else None,
        ambiguous=ambiguous_pairs(challenge, organiser).count(),
        paused=number_paused,
        paused_since=_first(pauses, "created_at") if number_paused else None,
        reports=number_reports,
        reports_since=_oldest(_first(reports, "created_at"), _first(complaints, "created_at"))
        if number_reports
        else None,
        failed=failed_release(challenge),
        standstills=tuple(in_words(row) for row in standing_still(challenge)),
    )


def _oldest(*times: datetime | None) -> datetime | None:
    return min((one for one in times if one is not None), default=None)


def _first(rows: QuerySet[Any], field: str) -> datetime | None:
    found: datetime | None = rows.order_by(field).values_list(field, flat=True).first()
    return found


def ambiguous_pairs(challenge: Challenge, expert: User) -> QuerySet[Any]:
    """Those of `adjudication.needs_expert` that are not disputed, asked for so that their index is used: the other
    question looks at every settled pair."""
    rows = shown(Pair.objects.filter(challenge=challenge, outcome=Outcome.AMBIGUOUS, adjudicated_reason=""))
    rows = rows.filter(~is_disputed(), tally_source=TallySource.RATINGS)
    return rows.none() if challenge.is_final else impartial(rows, expert)


def stalled_pairs(challenge: Challenge, at: datetime) -> QuerySet[Pair]:
    """Queued pairs that have waited for a score for more than two minutes."""
    return Pair.objects.filter(
        challenge=challenge, state=PairState.QUEUED, state_changed_at__lt=at - STALLED_AFTER
    ).order_by("state_changed_at")


def open_reports(challenge: Challenge) -> QuerySet[PictureReport]:
    return reports_of(challenge).filter(resolved_at=None).order_by("created_at")


def reports_waiting(challenge: Challenge) -> int:
    """Reports about pictures that nobody has dealt with, by raters and by anybody."""
    anybody = open_complaints(PoolImage.objects.filter(challenge=challenge).values("image"))
    return open_reports(challenge).order_by().count() + anybody.order_by().count()


def unscored_labels(challenge: Challenge) -> int:
    """How many target labels too few classifiers know. 0 for an edition that was imported whole and has no roster."""
    if challenge.roster_id is None and challenge.status != ChallengeStatus.DRAFT:
        return 0
    return len(labels_that_cannot_be_scored(challenge))


def failed_release(challenge: Challenge) -> Release | None:
    """The newest release, where it could not be built."""
    newest = Release.objects.filter(challenge=challenge).order_by("-number").first()
    return newest if newest is not None and newest.state == ReleaseState.FAILED else None
