"""The mails of notices: in the reader's language and time zone, gathered by kind, with a link that stops them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.accounts.mail import post
from cats4ml.accounts.models import Notice, NoticeKind, OutgoingMail, User
from cats4ml.accounts.notice_words import words_of
from cats4ml.ui.words import date_text

logger = logging.getLogger(__name__)

SALT = "cats4ml.notices-stop"
# What is told at once, each in a mail of its own; the rest waits a little for what follows it.
AT_ONCE = (NoticeKind.ACCOUNT, NoticeKind.ANNOUNCEMENT, NoticeKind.TAKEDOWN, NoticeKind.STALLED)
GATHERED_FOR = timedelta(minutes=5)
# Of more notices of a kind a mail says the number, and the site the rest.
MOST_IN_A_MAIL = 20
MOST_AT_A_TIME = 1_000


def link_to_stop(user: User, kind: NoticeKind) -> str:
    """The address that stops the mails of a kind for this person: signed, for it works without a sign-in."""
    link = signing.dumps([user.pk, kind.value], salt=SALT)
    return settings.SITE_URL + reverse("accounts:notices_stop", args=[link])


def reader_of_link(link: str) -> tuple[User, NoticeKind]:
    """Whose mails of which kind such a link stops. It works for good: a mail may be read after years.

    Raises `BadSignature` for a link that this site didn't make, `User.DoesNotExist` for somebody who is gone.
    """
    pk, kind = signing.loads(link, salt=SALT)
    return User.objects.get(pk=pk, is_active=True), NoticeKind(kind)


def post_mails(*, at: datetime) -> int:
    """Make the mails of the notices that wait for one: of one person and kind together, once the oldest of them has
    waited. Twice is once. Returns how many mails were made."""
    waiting = Notice.objects.filter(by_mail=True, mailed_at=None)
    oldest = waiting.order_by("created_at").values_list("user_id", "kind", "created_at")[:MOST_AT_A_TIME]
    due = {(user, kind) for user, kind, since in oldest if kind in AT_ONCE or since <= at - GATHERED_FOR}
    made = 0
    for user, kind in sorted(due):
        try:
            made += _post_of(user, NoticeKind(kind), at)
        except Exception:
            logger.exception("the mail about %s for user %d was not made", kind, user)
    return made


def _post_of(user_id: int, kind: NoticeKind, at: datetime) -> int:
    with transaction.atomic():
        rows = Notice.objects.filter(user=user_id, kind=kind, by_mail=True, mailed_at=None)
        # Of two workers one has the rows.
        notices = list(rows.select_for_update(skip_locked=True).order_by("pk"))
        user = User.objects.get(pk=user_id)
        groups: list[list[Notice]] = [[one] for one in notices] if kind in AT_ONCE else [notices] if notices else []
        if user.is_active and user.email:
            for group in groups:
                _write(user, kind, group, at)
        Notice.objects.filter(pk__in=[one.pk for one in notices]).update(mailed_at=at)
    return len(groups)


def _write(user: User, kind: NoticeKind, notices: Sequence[Notice], at: datetime) -> OutgoingMail:
    with translation.override(user.language or settings.LANGUAGE_CODE), timezone.override(_zone(user)):
        said = [words_of(one) for one in notices]
        subject = said[0][0] if len(said) == 1 else _subject(len(said), str(kind.label))
        parts = [_part(one, words) for one, words in zip(notices[:MOST_IN_A_MAIL], said, strict=False)]
        if len(notices) > MOST_IN_A_MAIL:
            more = len(notices) - MOST_IN_A_MAIL
            parts.append(ngettext("And %(n)d more in the site.", "And %(n)d more in the site.", more) % {"n": more})
        headers: dict[str, str] = {}
        if kind != NoticeKind.ACCOUNT:
            stop = link_to_stop(user, kind)
            parts.append(_("No more mails of this kind (%(kind)s): %(stop)s") % {"kind": kind.label, "stop": stop})
            headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        return post(to=user.email, subject=subject, body="\n\n".join(parts) + "\n", at=at, headers=headers)


def _subject(number: int, kind: str) -> str:
    return ngettext("%(n)d notice: %(kind)s", "%(n)d notices: %(kind)s", number) % {"n": number, "kind": kind}


def _part(notice: Notice, words: tuple[str, str]) -> str:
    title, text = words
    moment = timezone.localtime(notice.created_at)
    when = f"{date_text(moment, 'full')} {moment.tzname()}"
    address = settings.SITE_URL + notice.url if notice.url else ""
    return "\n".join(line for line in (title, when, text, address) if line)


def _zone(user: User) -> ZoneInfo:
    try:
        return ZoneInfo(user.time_zone or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
