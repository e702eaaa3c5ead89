"""What workers do about accounts."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.accounts import notice_mails


@shared_task
def post_notice_mails(**kwargs: object) -> None:
    notice_mails.post_mails(at=timezone.now())
