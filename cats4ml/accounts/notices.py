"""Telling people: in the site, by mail, or not at all, as each of them chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import Notice, NoticeChoice, NoticeKind, User
from cats4ml.ui.paging import whole_number

# Kind: in the site, by mail.
DEFAULTS: Mapping[NoticeKind, tuple[bool, bool]] = {
    NoticeKind.ACCOUNT: (True, True),
    NoticeKind.TEAM: (True, True),
    NoticeKind.ANNOUNCEMENT: (True, True),
    NoticeKind.PAIRS: (True, False),
    NoticeKind.DISPUTE: (True, True),
    NoticeKind.STANDING: (True, True),
    NoticeKind.FILES: (True, False),
    NoticeKind.TAKEDOWN: (True, True),
    NoticeKind.STALLED: (True, True),
}
assert set(DEFAULTS) == set(NoticeKind)
MOST_COUNTED = 100


def notify(
    *,
    users: Iterable[User],
    kind: NoticeKind,
    what: str,
    key: str,
    at: datetime,
    url: str = "",
    values: Mapping[str, object] | None = None,
) -> list[Notice]:
    """Tell these people one thing. `key` names the happening: the same key again tells nobody a second time.

    Guests and erased accounts are told nothing. Returns the notices that were made now.
    """
    people = [one for one in users if one.is_active and not one.is_guest and not one.is_simulated]
    chosen = {
        choice.user_id: (choice.on_site, choice.by_mail)
        for choice in NoticeChoice.objects.filter(user__in=people, kind=kind)
        if kind != NoticeKind.ACCOUNT
    }
    rows = []
    for person in people:
        on_site, by_mail = chosen.get(person.pk, DEFAULTS[kind])
        row = Notice(user=person, kind=kind, what=what, key=key, url=url, values=dict(values or {}), created_at=at)
        row.on_site, row.by_mail = on_site, by_mail and bool(person.email)
        if row.on_site or row.by_mail:
            rows.append(row)
    with transaction.atomic():
        known = set(
            Notice.objects.filter(user__in=people, key=key).select_for_update().values_list("user_id", flat=True)
        )
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
    return [row for row in rows if row.user_id not in known]


def choices_of(user: User) -> dict[NoticeKind, tuple[bool, bool]]:
    """By kind, whether somebody is told in the site and by mail."""
    rows = NoticeChoice.objects.filter(user=user)
    chosen = {NoticeKind(row.kind): (row.on_site, row.by_mail) for row in rows}
    return {
        kind: DEFAULTS[kind] if kind == NoticeKind.ACCOUNT else chosen.get(kind, DEFAULTS[kind]) for kind in NoticeKind
    }


def choose(*, user: User, kind: NoticeKind, on_site: bool, by_mail: bool) -> None:
    """Be told of a kind so from now on. Of the own account everybody is told: that choice changes nothing."""
    if kind != NoticeKind.ACCOUNT and (on_site, by_mail) != choices_of(user)[kind]:
        NoticeChoice.objects.update_or_create(user=user, kind=kind, defaults={"on_site": on_site, "by_mail": by_mail})


def stop_mails(*, user: User, kind: NoticeKind) -> None:
    """No more mails of a kind, those that wait among them. Twice is once."""
    choose(user=user, kind=kind, on_site=choices_of(user)[kind][0], by_mail=False)
    if kind != NoticeKind.ACCOUNT:
        Notice.objects.filter(user=user, kind=kind, by_mail=True, mailed_at=None).update(by_mail=False)


def mark_read(*, user: User, at: datetime, until: str = "", only: int | None = None) -> int:
    """Have notices read: one, or all up to an id. Twice is once. Returns how many were unread."""
    unread = Notice.objects.filter(user=user, on_site=True, read_at=None)
    last = whole_number(until)
    if only is not None:
        unread = unread.filter(pk=only)
    elif last is not None:
        unread = unread.filter(pk__lte=last)
    else:
        return 0
    return unread.update(read_at=at)


def unread_count(user: User) -> int:
    """How many notices somebody has not read, `MOST_COUNTED` at most: by the index of unread ones alone."""
    unread = Notice.objects.filter(user=user, on_site=True, read_at=None).order_by()
    return len(unread.values_list("pk", flat=True)[:MOST_COUNTED])


def rename_in_notices(*, name: str, before: str, after: str) -> int:
    """Where notices tell a value that nobody may be told any more (a picture's id, say), tell another one instead.
    Returns in how many. Twice is once."""
    rows = list(Notice.objects.filter(values__contains={name: before}))
    for row in rows:
        row.values = {**row.values, name: after}
    Notice.objects.bulk_update(rows, ["values"], batch_size=500)
    return len(rows)
