"""Pausing raters, and what an organiser decides about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation
from cats4ml.review.models import Lease, LeaseEnd, PauseCause, PauseDecision, RaterPause


class TrustRefused(Exception):
    """Why a pause can't be made or decided, in a sentence."""


def pause_rater(
    *, rater: Participation, cause: PauseCause, at: datetime, evidence: Mapping[str, Any] | None = None, note: str = ""
) -> RaterPause:
    """Ask this rater nothing until an organiser decides. One that is paused or has ended keeps that pause."""
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=rater.pk)
        standing = RaterPause.objects.filter(rater=rater).exclude(decision=PauseDecision.RESUMED).first()
        if standing is not None:
            return standing
        Lease.objects.filter(rater=rater, closed_at=None).update(closed_at=at, ended=LeaseEnd.WITHDRAWN)
        return RaterPause.objects.create(
            rater=rater, cause=cause, evidence=dict(evidence or {}), note=note, created_at=at
        )


def decide_pause(
    *, pause: RaterPause, decision: PauseDecision, by: User | None, at: datetime, note: str = ""
) -> RaterPause:
    """Let a paused rater go on, or end it. The same decision twice is one. One who has ended may be let go on later.

    Raises `TrustRefused` where they went on already, or another pause stands.
    """
    with transaction.atomic():
        Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=pause.rater_id)
        locked = RaterPause.objects.get(pk=pause.pk)
        if locked.decision == decision:
            return locked
        if locked.decision == PauseDecision.RESUMED:
            raise TrustRefused("This rater was let go on already. Pause them anew.")
        locked.decision, locked.decided_by, locked.decided_at, locked.note = decision, by, at, note
        locked.save(update_fields=["decision", "decided_by", "decided_at", "note"])
        return locked
