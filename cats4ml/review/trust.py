"""Pausing raters, and what an organiser decides about it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation
from cats4ml.review.models import Lease, LeaseEnd, PauseCause, PauseDecision, RaterPause


class PauseRefused(Exception):
    """Why a pause can't be decided so, in a sentence that says what to do. Nothing was written."""


def pause_rater(*, rater: Participation, by: User, note: str, at: datetime) -> RaterPause:
    """An organiser's own pause. Where one stands already it is given back as it is."""
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=rater.pk)
        standing = RaterPause.objects.filter(rater=rater).exclude(decision=PauseDecision.RESUMED).first()
        if standing is not None:
            return standing
        Lease.objects.filter(rater=rater, closed_at=None).update(closed_at=at, ended=LeaseEnd.WITHDRAWN)
        return RaterPause.objects.create(
            rater=rater, cause=PauseCause.ORGANISER, evidence={"by": by.public_name}, note=note, created_at=at
        )


def decide_pause(*, pause: RaterPause, decision: PauseDecision, by: User, note: str, at: datetime) -> RaterPause:
    """Let a paused rater go on, or end their part. The same decision twice is taken once."""
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=pause.rater_id)
        locked = RaterPause.objects.get(pk=pause.pk)
        if locked.decision == decision:
            return locked
        if locked.decision == PauseDecision.RESUMED:
            raise PauseRefused("This rater went on after that pause. Pause them again, and then decide.")
        locked.decision, locked.decided_by, locked.decided_at = decision, by, at
        locked.note = note or locked.note
        locked.save(update_fields=["decision", "decided_by", "decided_at", "note"])
        return locked
