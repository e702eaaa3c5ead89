"""What the clock and organisers ring for: each task makes one call into the actions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.review.actions import policy_work
from cats4ml.review.actions.answering import finalise_due as finalise_due_ratings
from cats4ml.review.actions.leasing import close_leases as close_ended_leases
from cats4ml.review.actions.queueing import sweep_queues as mend_queues
from cats4ml.review.crowd_ids import forget_ids
from cats4ml.review.skills import rebuild_due


@shared_task
def finalise_due(**kwargs: object) -> None:
    finalise_due_ratings(at=timezone.now())


@shared_task
def close_leases(**kwargs: object) -> None:
    close_ended_leases(at=timezone.now())


@shared_task
def rebuild_skills(**kwargs: object) -> None:
    rebuild_due(at=timezone.now())


@shared_task
def sweep_queues(**kwargs: object) -> None:
    mend_queues(at=timezone.now())


@shared_task(name=policy_work.WORK_OFF)
def work_off_policy(*, work: int, **kwargs: object) -> None:
    policy_work.work_off(work=work, at=timezone.now())


@shared_task
def sweep_policy_work(**kwargs: object) -> None:
    policy_work.sweep_policy_work(at=timezone.now())


@shared_task
def forget_crowd_ids(**kwargs: object) -> None:
    forget_ids(at=timezone.now())
