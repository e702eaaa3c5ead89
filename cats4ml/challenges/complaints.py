"""Reports about pictures reach the organisers at once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.catalog.complaints import complain
from cats4ml.catalog.models import ComplaintKind, Image, PictureComplaint
from cats4ml.challenges.hiding import editions_with
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.organisers import organisers_of
from cats4ml.ui.languages import in_english
from cats4ml.ui.navigation import url_or_empty


def report_to_organisers(
    *, image: Image, kind: ComplaintKind, note: str, contact: str = "", by: User | None, sender: str, at: datetime
) -> PictureComplaint:
    """`catalog.complaints.complain`, and tell the organisers of every edition that has the picture. Raises
    `ComplaintRefused`."""
    with transaction.atomic():
        made = complain(image=image, kind=kind, note=note, contact=contact, by=by, sender=sender, at=at)
        tell_organisers(image=image, what=kind.label, at=at)
    return made


def tell_organisers(*, image: Image, what: str | Promise, at: datetime) -> None:
    """Once a day about a picture, however many people report it: organisers of each edition that has it, with a way to
    its console; organisers of the whole site by the way of the first. `what` is kept in English,
    and read in each reader's language."""
    with in_english():
        said = str(what)
    editions = list(editions_with(image))
    key = f"picture-reported-{image.pk}-{at:%Y-%m-%d}"
    for edition in editions:
        _tell(edition, [one.user for one in organisers_of(edition)], image, key, said, at)
    if editions:
        _tell(editions[0], list(User.objects.filter(is_superuser=True, is_active=True)), image, key, said, at)


def _tell(edition: Challenge, people: list[User], image: Image, key: str, what: str, at: datetime) -> None:
    notify(
        users=people,
        kind=NoticeKind.TAKEDOWN,
        what="picture_reported",
        key=key,
        at=at,
        url=url_or_empty("console:picture", edition.slug, image.pk),
        values={"edition": edition.title, "kind": what},
    )
