"""What the clock rings for: each task makes one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.pages import own_data_files


@shared_task
def sweep_own_data(**kwargs: object) -> None:
    own_data_files.sweep(at=timezone.now())
