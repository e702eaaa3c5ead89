"""Mails wait in a table, and a worker sends them, again and again until the mail server took them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from cats4ml.accounts.models import OutgoingMail


def post(*, to: str, subject: str, body: str, at: datetime, headers: Mapping[str, str] | None = None) -> OutgoingMail:
    """Have a mail sent. It is on its way once the transaction that this is part of is committed."""
    return OutgoingMail.objects.create(
        to=to,
        sender=settings.DEFAULT_FROM_EMAIL,
        subject=" ".join(subject.split())[:300],
        body=body,
        headers=dict(headers or {}),
        created_at=at,
        next_try_at=at,
    )
