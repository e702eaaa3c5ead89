"""Inbound messages: each task makes one call into the console."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.console import takedowns
from cats4ml.console.counted import COUNT_FIGURES, Count, keep
from cats4ml.console.finder_lines import count_finders
from cats4ml.console.patterns import count_patterns
from cats4ml.console.standstills import look
from cats4ml.console.watching import count_overview
from cats4ml.heartbeats import WEB, beat

COUNTS: dict[str, Count[Any]] = {
    "overview": count_overview,
    "finders": count_finders,
    "patterns": count_patterns,
}


@shared_task(name=COUNT_FIGURES)
def count_figures(*, name: str, challenge: int, **kwargs: object) -> None:
    keep(name, Challenge.objects.select_related("policy").get(pk=challenge), COUNTS[name], at=timezone.now())


@shared_task
def look_for_standstills(**kwargs: object) -> None:
    at = timezone.now()
    beat(WEB, at)
    look(at=at)


@shared_task
def sweep_takedowns(**kwargs: object) -> None:
    takedowns.sweep(at=timezone.now())
