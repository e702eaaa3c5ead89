"""Inbound messages: each task makes one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.releases import building, evaluation_runs
from cats4ml.releases.dispatch import BUILD_RELEASE
from cats4ml.releases.evaluation_dispatch import EVALUATE


@shared_task(name=BUILD_RELEASE)
def build_release(*, release: int, **kwargs: object) -> None:
    building.build_waiting(release_id=release, at=timezone.now())


@shared_task
def sweep_releases(**kwargs: object) -> None:
    building.sweep(at=timezone.now())


@shared_task(name=EVALUATE)
def evaluate(*, evaluation: int, **kwargs: object) -> None:
    evaluation_runs.advance(evaluation_id=evaluation, at=timezone.now())


@shared_task
def sweep_evaluations(**kwargs: object) -> None:
    evaluation_runs.sweep(at=timezone.now())
