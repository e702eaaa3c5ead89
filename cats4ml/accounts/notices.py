"""Telling people: in the site, by mail, or not at all, as each of them chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import Notice, NoticeChoice, NoticeKind, User

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
