"""What anybody says is wrong with a picture: made by everybody, dealt with by organisers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import ComplaintKind, Image, PictureComplaint, Resolution
from cats4ml.json_cache import count_once

MOST_NOTE = 1_000
# So many in an hour from one address or person, and about one picture, before somebody has looked.
BY_SENDER, BY_PICTURE, AN_HOUR = 10, 20, 3_600
# So long an address to answer to is kept after the report was dealt with.
CONTACT_KEPT = timedelta(days=90)


class ComplaintRefused(Exception):
    """Why a report is not taken, in a sentence that says what to do."""


def open_complaints(images: QuerySet[Image] | QuerySet[Image, int] | QuerySet) -> QuerySet[PictureComplaint]:  # type: ignore[type-arg]  # a subquery of ids
    """Reports about these pictures that nobody has dealt with, oldest first."""
    return PictureComplaint.objects.filter(image__in=images, resolved_at=None).order_by("created_at", "pk")


def complain(
    *,
    image: Image,
    kind: ComplaintKind,
    note: str,
    contact: str = "",
    by: User | None,
    sender: str,
    at: datetime,
) -> PictureComplaint:
    """Keep somebody's report about a picture. The same person's second one of a kind is the first, as long as that is
    open. `sender` tells senders apart, for a limit: an account or an address; it is not kept.

    Raises `ComplaintRefused` beyond the limits, and about a picture that is taken down already.
    """
    if image.hidden_at is not None:
        raise ComplaintRefused(_("This picture was taken down already. Thank you."))
    open_ones = PictureComplaint.objects.filter(image=image, resolved_at=None)
    if by is not None and (same := open_ones.filter(by=by, kind=kind).first()) is not None:
        return same
    if _beyond(f"complaints-{sha256(sender.encode()).hexdigest()}", BY_SENDER):
        raise ComplaintRefused(_("You have reported many pictures within an hour. The organisers look at those first."))
    if open_ones.filter(created_at__gt=at - timedelta(seconds=AN_HOUR)).count() >= BY_PICTURE:
        raise ComplaintRefused(_("This picture was reported many times already. The organisers are looking at it."))
    with transaction.atomic():
        made, _new = PictureComplaint.objects.get_or_create(
            image=image,
            by=by,
            kind=kind,
            resolved_at=None,
            note=note.replace("\0", "").strip()[:MOST_NOTE],
            contact=contact,
            defaults={"created_at": at},
        )
    return made


def _beyond(key: str, most: int) -> bool:
    return count_once(key, seconds=AN_HOUR) > most


def resolve_complaints(
    *, ids: Collection[int], resolution: Resolution, by: User | None, at: datetime
) -> list[PictureComplaint]:
    """Mark these as dealt with. Returns those that were open; the others stay as they are."""
    with transaction.atomic():
        rows = PictureComplaint.objects.filter(pk__in=ids, resolved_at=None).select_for_update(no_key=True)
        found = list(rows.order_by("pk"))
        PictureComplaint.objects.filter(pk__in=[one.pk for one in found]).update(
            resolved_at=at, resolved_by=by, resolution=resolution
        )
    return found


def forget_contacts_of(user: User) -> None:
    """Take out where somebody wanted an answer: their account is deleted, and no address of theirs is kept."""
    PictureComplaint.objects.filter(by=user).exclude(contact="").update(contact="")


def reopen_complaints(*, ids: Collection[int]) -> list[PictureComplaint]:
    """Let these wait again. Returns those that were dealt with."""
    with transaction.atomic():
        rows = PictureComplaint.objects.filter(pk__in=ids, resolved_at__isnull=False).select_for_update(no_key=True)
        found = [one for one in rows.order_by("pk") if not _stands_open(one)]
        PictureComplaint.objects.filter(pk__in=[one.pk for one in found]).update(
            resolved_at=None, resolved_by=None, resolution=""
        )
    return found


def _stands_open(one: PictureComplaint) -> bool:
    """Whether the same person has said the same again meanwhile."""
    return (
        one.by_id is not None
        and PictureComplaint.objects.filter(image=one.image_id, by=one.by_id, kind=one.kind, resolved_at=None).exists()
    )


def forget_contacts(*, at: datetime) -> int:
    """Forget where to answer to, three months after a report was dealt with. Twice is once."""
    old = PictureComplaint.objects.filter(resolved_at__lt=at - CONTACT_KEPT).exclude(contact="")
    return old.update(contact="")
