"""Mails wait in a table, and a worker sends them, again and again until the mail server took them."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from cats4ml.accounts.models import MailState, OutgoingMail
from scoring.contract import INTERACTIVE, WEB_QUEUE

logger = logging.getLogger(__name__)

SEND_MAILS = "cats4ml.accounts.tasks.send_mails"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
# After each try that failed; the last one is two days after the first.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 420, 720, 1440))
MOST_AT_ONCE = 100
# A mail that ended tells whom this site wrote to, and when. That is kept as long as somebody may ask where it is.
KEPT_FOR = timedelta(days=30)
NO_SERVER = "There is no mail server: EMAIL_HOST is not set."


def post(*, to: str, subject: str, body: str, at: datetime, headers: Mapping[str, str] | None = None) -> OutgoingMail:
    """Have a mail sent. It is on its way once the transaction that this is part of is committed."""
    return _put(
        to=to, sender=settings.DEFAULT_FROM_EMAIL, subject=subject, body=body, headers=dict(headers or {}), at=at
    )


def _put(*, to: str, sender: str, subject: str, body: str, headers: dict[str, str], at: datetime) -> OutgoingMail:
    mail = OutgoingMail.objects.create(
        to=to,
        sender=sender,
        subject=" ".join(subject.split())[:300],
        body=body,
        headers=headers,
        created_at=at,
        next_try_at=at,
    )
    if settings.EMAIL_HOST:
        transaction.on_commit(ring, robust=True)
    return mail


def ring() -> None:
    """Have what is due sent, at most once a second however often this is called; the clock rings again."""
    if not cache.add("mails-rung", 1, timeout=1):
        return
    try:
        current_app.send_task(SEND_MAILS, queue=WEB_QUEUE, priority=INTERACTIVE)
    except OperationalError as error:
        logger.warning("no broker for mails: %s; they will be rung again", error)


class Outbox(BaseEmailBackend):
    """Django's way to the table: whatever sends a mail has it kept until the mail server took it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        at = timezone.now()
        for message in email_messages:
            if message.attachments:
                raise ValueError("the mails of this site are plain text, without attachments")
            headers = {name: str(value) for name, value in message.extra_headers.items()}
            for recipient in message.recipients():
                _put(
                    to=parseaddr(recipient)[1],
                    sender=message.from_email,
                    subject=str(message.subject),
                    body=str(message.body),
                    headers=headers,
                    at=at,
                )
        return len(email_messages)


def send_due(*, now: Callable[[], datetime] = timezone.now) -> dict[str, int]:
    """Hand the mails that are due to the mail server, each in a transaction of its own and under its row's lock.

    Several workers share the work and send none twice. One who is killed sends nothing, or a mail whose sending was not
    written down: that one goes again under the same `Message-ID`. A server that can't be reached ends the call.
    """
    counts = {"sent": 0, "failed": 0, "later": 0}
    if not settings.EMAIL_HOST:
        # On a person's own machine they are kept to be read.
        counts["failed"] = _give_up_all(now()) if settings.PRODUCTION else 0
        return counts
    connection = get_connection(SMTP)
    assert isinstance(connection, EmailBackend)
    try:
        for _ in range(MOST_AT_ONCE):
            outcome, server_answers = _send_next(connection, now())
            if outcome:
                counts[outcome] += 1
            if not outcome or not server_answers:
                break
    finally:
        connection.close()
    return counts


def _send_next(connection: EmailBackend, at: datetime) -> tuple[str, bool]:
    """What became of the mail that waits longest, '' where none is due; and whether the server answers."""
    with transaction.atomic():
        due = OutgoingMail.objects.select_for_update(skip_locked=True).order_by("next_try_at", "pk")
        mail = due.filter(state=MailState.WAITING, next_try_at__lte=at).first()
        if mail is None:
            return "", True
        try:
            connection.open()
            connection.send_messages([_message_of(mail)])
        except (smtplib.SMTPException, OSError, ValueError) as problem:
            return _note_failure(mail, problem, at), isinstance(problem, ValueError) or _is_about_the_mail(problem)
        _end(mail, MailState.SENT, "", at)
        return "sent", True


def _message_of(mail: OutgoingMail) -> EmailMessage:
    domain = parseaddr(mail.sender)[1].partition("@")[2] or "localhost"
    headers = {**mail.headers, "Message-ID": f"<mail-{mail.pk}-{mail.created_at:%Y%m%d%H%M%S}@{domain}>"}
    headers.setdefault("Auto-Submitted", "auto-generated")
    return EmailMessage(mail.subject, mail.body, mail.sender, [mail.to], headers=headers)


def _is_about_the_mail(problem: Exception) -> bool:
    return isinstance(problem, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)


def _refusal(problem: Exception) -> tuple[int, str]:
    """The server's number and words; 0 where it gave none."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(problem.recipients.values()))
        return code, _text(words)
    if isinstance(problem, smtplib.SMTPResponseException):
        return problem.smtp_code, _text(problem.smtp_error)
    return 0, str(problem) or type(problem).__name__


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _note_failure(mail: OutgoingMail, problem: Exception, at: datetime) -> str:
    code, words = _refusal(problem)
    words = " ".join(f"{code or ''} {words}".replace("\0", "").split())[:500]
    # What concerns the sender or the password is the operator's to mend: mails wait for that.
    hopeless = (_is_about_the_mail(problem) and code >= 500) or isinstance(problem, ValueError)
    if hopeless or mail.attempts >= len(WAITS):
        mail.attempts += 1
        _end(mail, MailState.FAILED, words, at)
        logger.warning("mail %s is given up after %s tries: %s", mail.pk, mail.attempts, words)
        return "failed"
    mail.next_try_at, mail.error = at + WAITS[mail.attempts], words
    mail.attempts += 1
    mail.save(update_fields=["attempts", "next_try_at", "error"])
    return "later"


def _end(mail: OutgoingMail, state: MailState, error: str, at: datetime) -> None:
    """`body` goes with it: it may hold a link that opens an account."""
    mail.state, mail.error, mail.ended_at, mail.body = state, error, at, ""
    mail.attempts += state == MailState.SENT
    mail.save(update_fields=["state", "error", "ended_at", "body", "attempts"])


def _give_up_all(at: datetime) -> int:
    old = OutgoingMail.objects.filter(state=MailState.WAITING, created_at__lt=at - sum(WAITS, timedelta()))
    return old.update(state=MailState.FAILED, error=NO_SERVER, ended_at=at, body="")


def forget_old(*, at: datetime) -> int:
    """Remove the mails that ended long ago, and those that nobody sends and that lie as long. How many."""
    old = OutgoingMail.objects.filter(created_at__lt=at - KEPT_FOR)
    if settings.EMAIL_HOST:
        old = old.exclude(state=MailState.WAITING)
    return old.delete()[0]


def waiting_mails_are_shown() -> bool:
    """Whether mails are shown in the browser: on a person's own machine that has no mail server."""
    return not settings.PRODUCTION and not settings.EMAIL_HOST
