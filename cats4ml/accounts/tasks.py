"""What workers do about accounts."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cats4ml.accounts import actions, mail, notice_mails


@shared_task(name=mail.SEND_MAILS)
def send_mails() -> None:
    mail.send_due()


@shared_task(name="cats4ml.accounts.tasks.keep_house")
def keep_house() -> None:
    """Once an hour: old mails go, and who has a token that soon ends is told once."""
    at = timezone.now()
    mail.forget_old(at=at)
    actions.tell_of_ending_tokens(at=at)


@shared_task
def post_notice_mails(**kwargs: object) -> None:
    notice_mails.post_mails(at=timezone.now())
