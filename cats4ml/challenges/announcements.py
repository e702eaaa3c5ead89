"""What organisers tell everybody: plain text, the newest first, taken down and not deleted."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Announcement, Challenge, ChallengeStatus
from cats4ml.challenges.queries import people_of
from cats4ml.ui.words import figure

MOST_TITLE = 120
MOST_TEXT = 5_000


class AnnouncementRefused(Exception):
    """Why it can't be announced, in a sentence that says how to mend it."""


def live_announcements(challenge: Challenge) -> QuerySet[Announcement]:
    """What everybody reads, newest first, with who wrote it."""
    shown = Announcement.objects.filter(challenge=challenge, taken_down_at=None)
    return shown.select_related("by").order_by("-pk")


def announce(*, challenge: Challenge, title: str, text: str, by: User | None, at: datetime) -> Announcement:
    """Tell everybody something. What stands there already in the same words is not said twice. Raises
    `AnnouncementRefused` for an empty or overlong text."""
    title, text = title.strip(), text.replace("\r\n", "\n").strip()
    for name, said, most in ((_("title"), title, MOST_TITLE), (_("text"), text, MOST_TEXT)):
        if not said or len(said) > most or "\0" in said:
            raise AnnouncementRefused(
                _("The %(name)s should have 1 to %(most)s characters, not %(said)s.")
                % {"name": name, "most": figure(most), "said": figure(len(said))}
            )
    with transaction.atomic():
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        there = live_announcements(challenge).filter(title=title, text=text).first()
        if there is not None:
            return there
        made = Announcement.objects.create(challenge=challenge, title=title, text=text, by=by, created_at=at)
        _record(made, f"Announced “{title}”", {"announcement": made.pk, "text": text}, by, at)
        if challenge.status != ChallengeStatus.DRAFT:
            notify(
                users=people_of(challenge),
                kind=NoticeKind.ANNOUNCEMENT,
                what="announcement",
                key=f"announcement-{made.pk}",
                at=at,
                url=reverse("pages:challenge", args=[challenge.slug]),
                values={"edition": challenge.title, "title": title, "text": text},
            )
    return made


def take_down(*, challenge: Challenge, pk: int, by: User | None, at: datetime) -> bool:
    """Show an announcement to nobody any more. Whether it was shown. Raises `Announcement.DoesNotExist`."""
    with transaction.atomic():
        row = Announcement.objects.select_for_update(no_key=True).get(challenge=challenge, pk=pk)
        if row.taken_down_at is not None:
            return False
        row.taken_down_at = at
        row.save(update_fields=["taken_down_at"])
        _record(row, f"Took the announcement “{row.title}” down", {"announcement": row.pk}, by, at)
    return True


def _record(row: Announcement, summary: str, details: dict[str, object], by: User | None, at: datetime) -> None:
    record_act(challenge=row.challenge, kind=ActKind.ANNOUNCED, summary=summary, by=by, at=at, details=details)
