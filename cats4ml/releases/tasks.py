"""Inbound messages: each task makes one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.releases import building
from cats4ml.releases.dispatch import BUILD_RELEASE


@shared_task(name=BUILD_RELEASE)
def build_release(*, release: int, **kwargs: object) -> None:
    building.build_waiting(release_id=release, at=timezone.now())


@shared_task
def sweep_releases(**kwargs: object) -> None:
    building.sweep(at=timezone.now())
