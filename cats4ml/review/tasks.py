"""What the clock rings for: each task makes one call into the actions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.review import actions


@shared_task
def finalise_due(**kwargs: object) -> None:
    actions.finalise_due(at=timezone.now())


@shared_task
def close_leases(**kwargs: object) -> None:
    actions.close_leases(at=timezone.now())
