"""What raters say is wrong with a picture."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.complaints import tell_organisers
from cats4ml.challenges.models import ActKind, Challenge, Participation
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.locks import lock_rater
from cats4ml.review.models import Lease, LeaseEnd, PictureReport, ReportKind
from cats4ml.review.queries import ended_among_last, reports_of
from cats4ml.review.queue import recount
from cats4ml.review.trust import look_at_passed_over

# A report hands its question back, as a skip does: so many of the last hundred questions, or it would be a skip that
# never runs out.
MOST_REPORTS, QUESTIONS = 20, 100


def report_picture(
    *, rater: Participation, token: uuid.UUID, kind: ReportKind, note: str, at: datetime
) -> PictureReport:
    """Keep a rater's report about the picture they hold, and hand the question back. A second report changes nothing.

    Raises `RatingRefused` for a lease that isn't this rater's, and where they have reported many of the last questions.
    """
    with transaction.atomic():
        # Two reports at once must not both be the last one.
        lock_rater(rater)
        leases = Lease.objects.select_for_update(of=("self",), no_key=True).select_related("pair", "control")
        lease = leases.filter(token=token, rater=rater).first()
        if lease is None:
            raise RatingRefused(gettext("This question isn’t yours, or doesn’t exist."))
        if lease.closed_at is None and ended_among_last(rater, QUESTIONS, LeaseEnd.REPORTED) >= MOST_REPORTS:
            raise RatingRefused(
                gettext(
                    "You have reported %(reports)s of your last %(questions)s questions: the organisers look at those "
                    "first. Answer “Don’t know” where the picture doesn’t let you tell."
                )
                % {"reports": MOST_REPORTS, "questions": QUESTIONS}
            )
        report, _ = PictureReport.objects.get_or_create(
            pair=lease.pair,
            control=lease.control,
            rater=rater,
            defaults={"kind": kind, "note": note[:500], "created_at": at},
        )
        if lease.closed_at is None:
            lease.closed_at, lease.ended = at, LeaseEnd.REPORTED
            lease.shown_at = lease.shown_at or at
            lease.save(update_fields=["closed_at", "ended", "shown_at"])
            recount([] if lease.pair_id is None else [lease.pair_id])
            tell_organisers(image=lease.subject.image, what=ReportKind(kind).label, at=at)
    look_at_passed_over(lease, at=at)
    return report


def resolve_reports(
    *, challenge: Challenge, reports: Collection[int], by: User | None = None, at: datetime
) -> list[PictureReport]:
    """Mark these of an edition's reports as dealt with, and write that down. Returns those that were open; the others
    stay as they are."""
    with transaction.atomic():
        found = _marked(challenge, reports, at, resolved_at=None)
        _write_down(challenge, "Dealt with", found, by, at)
    return found


def reopen_reports(
    *, challenge: Challenge, reports: Collection[int], by: User | None = None, at: datetime
) -> list[PictureReport]:
    """Let these of an edition's reports wait for an organiser again. Returns those that were dealt with."""
    with transaction.atomic():
        found = _marked(challenge, reports, None, resolved_at__isnull=False)
        _write_down(challenge, "Opened again", found, by, at)
    return found


def _write_down(challenge: Challenge, said: str, found: list[PictureReport], by: User | None, at: datetime) -> None:
    if found:
        number = len(found)
        record_act(
            challenge=challenge,
            kind=ActKind.REPORTS,
            summary=f"{said} {number:,} report{'' if number == 1 else 's'} by raters",
            details={"reports": [one.pk for one in found]},
            by=by,
            at=at,
        )


def _marked(challenge: Challenge, reports: Collection[int], at: datetime | None, **now: object) -> list[PictureReport]:
    with transaction.atomic():
        rows = reports_of(challenge).filter(pk__in=reports, **now).select_for_update(of=("self",), no_key=True)
        found = list(rows.order_by("pk"))
        PictureReport.objects.filter(pk__in=[one.pk for one in found]).update(resolved_at=at)
    return found
