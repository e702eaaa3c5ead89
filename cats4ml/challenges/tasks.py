"""Inbound messages: each task makes one call into the actions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.challenges import data_files, neighbours, pool_counts, pool_orders
from cats4ml.challenges.dispatch import BUILD_DATA_FILE, COUNT_POOL, DRAW_POOL


@shared_task(name=BUILD_DATA_FILE)
def build_data_file(*, data_file: int, **kwargs: object) -> None:
    data_files.build(data_file=data_file, at=timezone.now())


@shared_task(name=COUNT_POOL)
def count_pool(*, challenge: int, **kwargs: object) -> None:
    pool_counts.count_pool(challenge_id=challenge, at=timezone.now())


@shared_task(name=DRAW_POOL)
def draw_pool(*, order: int, **kwargs: object) -> None:
    pool_orders.carry_out(order=order, at=timezone.now())


@shared_task
def sweep_pool_orders(**kwargs: object) -> None:
    pool_orders.sweep(at=timezone.now())


@shared_task
def sweep_data_files(**kwargs: object) -> None:
    data_files.sweep(at=timezone.now())


@shared_task
def index_embeddings(**kwargs: object) -> None:
    neighbours.ensure_indexes()
