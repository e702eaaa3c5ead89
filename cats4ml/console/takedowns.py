"""Taking a picture down: what hangs on it, the act, and all that follows from it.

What stops the picture from being seen is one transaction. What follows (its pairs, the releases that hold it) is done
right after it, step by step; where the process dies on the way the sweep goes on, for a takedown is unfinished until
everything is done.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.urls import reverse

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify, rename_in_notices
from cats4ml.catalog.complaints import forget_contacts, resolve_complaints
from cats4ml.catalog.hiding import checked_reason, delete_bytes, hide_picture, show_picture_again
from cats4ml.catalog.models import ComplaintKind, Image, PictureComplaint, Resolution, Takedown
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.hiding import editions_with, follow_in_editions
from cats4ml.challenges.models import ActKind, Challenge, DataFile, DataFileState
from cats4ml.challenges.organisers import organisers_of
from cats4ml.locking import Lock, alone
from cats4ml.releases.models import Release
from cats4ml.releases.withdrawing import releases_with, replace, withdraw_releases
from cats4ml.review.actions.hiding import close_pairs_of, reopen_pairs_of, retire_controls_of
from cats4ml.review.models import ControlQuestion, Lease
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.hiding import forget_picture, name_picture_again
from cats4ml.submissions.models import BasketItem, Credit, Pair

logger = logging.getLogger(__name__)

WITHDRAWN_BECAUSE = "A picture in it was taken down."


@dataclass(frozen=True)
class Rehearsal:
    """What taking a picture down does, counted before it is done. `settled` pairs and their `points` stand."""

    editions: list[Challenge]
    withdrawn: int
    settled: int
    points: int
    held: int
    controls: int
    baskets: int
    data_files: int
    releases: list[Release]


def rehearse(image: Image) -> Rehearsal:
    """Reads what `take_down` would change. A handful of queries."""
    pairs = Pair.objects.filter(image=image, withdrawn_reason="")
    settled = pairs.filter(state=PairState.SETTLED)
    editions = list(editions_with(image))
    live = [one.pk for one in editions if not one.is_final]
    files = DataFile.objects.filter(challenge__in=editions, state=DataFileState.READY)
    return Rehearsal(
        editions=editions,
        withdrawn=pairs.filter(challenge__in=live).exclude(state=PairState.SETTLED).count(),
        settled=settled.count(),
        points=Credit.objects.filter(pair__in=settled).aggregate(n=Sum("points"))["n"] or 0,
        held=Lease.objects.filter(pair__image=image, closed_at=None).count(),
        controls=ControlQuestion.objects.filter(image=image, retired_at=None).count(),
        baskets=BasketItem.objects.filter(image=image).count(),
        data_files=files.exclude(kind="labels").count(),
        releases=list(_holding(image)),
    )


def _holding(image: Image) -> list[Release]:
    rows = Release.objects.filter(pairs__pair__image=image, withdrawn_at=None).distinct()
    return list(rows.select_related("challenge").order_by("challenge", "number"))


def take_down(*, image: Image, kind: ComplaintKind, reason: str, by: User | None, at: datetime) -> Takedown:
    """Take a picture down in the whole site, and do what follows. Twice is once. Raises `HidingRefused`.

    When this returns nobody sees the picture, its id or a file with it any more, whatever happens next.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        before = image.image_id
        takedown = hide_picture(image=image, reason=reason, kind=kind, by=by, at=at)
        image.refresh_from_db()
        takedown.image = image
        if image.image_id != before:
            summary = f"Took a picture down: {ComplaintKind(kind).name.lower()}"
            follow_in_editions(
                image, summary=summary, reason=reason, by=by, at=at, kind=str(kind), takedown=takedown.pk
            )
            forget_picture(takedown)
            rename_in_notices(name="image", before=takedown.former_id, after=image.image_id)
            retire_controls_of(image=image, by=by, at=at)
            withdraw_releases(takedown, reason=WITHDRAWN_BECAUSE, at=at)
            open_ones = PictureComplaint.objects.filter(image=image, resolved_at=None).values_list("pk", flat=True)
            resolve_complaints(ids=list(open_ones), resolution=Resolution.HIDDEN, by=by, at=at)
            _tell(takedown, at)
    finish(takedown, at=at)
    return takedown


def _tell(takedown: Takedown, at: datetime) -> None:
    """The organisers of every edition that has it, but for who did it."""
    for edition in editions_with(takedown.image):
        people = [one.user for one in organisers_of(edition) if one.user_id != takedown.by_id]
        notify(
            users=people,
            kind=NoticeKind.TAKEDOWN,
            what="picture_taken_down",
            key=f"taken-down-{takedown.pk}-{edition.pk}",
            at=at,
            url=reverse("console:takedown", args=[edition.slug, takedown.pk]),
            values={"edition": edition.title},
        )


def finish(takedown: Takedown, *, at: datetime) -> bool:
    """Do what follows from a takedown, as far as it can be done now. Twice is once; of two at once one does it. Whether
    all of it is done."""
    with alone(Lock.TAKEDOWN, takedown.pk) as free:
        current = Takedown.objects.select_related("image", "by").get(pk=takedown.pk)
        if not free or current.finished_at is not None or current.lifted_at is not None:
            return current.finished_at is not None
        close_pairs_of(image=current.image, by=current.by, at=at)
        # A release that was being built meanwhile may hold it too.
        withdraw_releases(current, reason=WITHDRAWN_BECAUSE, at=at)
        editions = Challenge.objects.filter(pk__in=editions_with(current.image).values("pk")).order_by("pk")
        building = Release.objects.filter(challenge__in=editions, state__in=["waiting", "building"])
        had_it = Release.objects.filter(pk__in=releases_with(current).values("pk")).values("challenge")
        done = [replace(one, by=current.by, at=at) for one in editions.filter(pk__in=had_it)]
        if not all(done) or building.exists():
            return False
        return bool(Takedown.objects.filter(pk=current.pk, finished_at=None).update(finished_at=at))


def sweep(*, at: datetime) -> int:
    """Go on with takedowns that aren't finished, and forget addresses that are no longer needed. Returns how many were
    finished."""
    forget_contacts(at=at)
    unfinished = Takedown.objects.filter(finished_at=None, lifted_at=None).order_by("pk")
    return sum(finish(one, at=at) for one in unfinished)


def show_again(*, takedown: Takedown, reason: str, by: User | None, at: datetime) -> Image:
    """Show a picture again, and put back the pairs that were taken out with it. Its control questions stay retired, and
    the releases withdrawn. Twice is once. Raises `HidingRefused`."""
    reason = checked_reason(reason)
    with transaction.atomic():
        image = Image.objects.get(pk=takedown.image_id)
        placeholder = image.image_id
        image = show_picture_again(takedown=takedown, reason=reason, by=by, at=at)
        if image.image_id != placeholder:
            takedown.refresh_from_db()
            takedown.image = image
            summary = "Showed a picture again that was taken down"
            follow_in_editions(image, summary=summary, reason=reason, by=by, at=at, takedown=takedown.pk)
            name_picture_again(takedown, placeholder)
    reopen_pairs_of(image=image, reason=reason, by=by, at=at)
    return image


def delete_for_good(*, takedown: Takedown, by: User | None, at: datetime) -> bool:
    """Delete the bytes of a picture that is taken down. Twice is once. Raises `HidingRefused`."""
    with transaction.atomic():
        done = delete_bytes(takedown=takedown, at=at)
        if done:
            for edition in editions_with(takedown.image):
                record_act(
                    challenge=edition,
                    kind=ActKind.TAKEDOWN,
                    summary="Deleted the file of a picture for good",
                    details={"takedown": takedown.pk, "image": takedown.image_id},
                    reason=takedown.reason,
                    by=by,
                    at=at,
                )
    return done


def people_to_tell(image: Image) -> Collection[User]:
    """Organisers of every edition that has the picture, and those of the whole site."""
    found = {one.pk: one for one in User.objects.filter(is_superuser=True, is_active=True)}
    for edition in editions_with(image):
        found |= {one.user_id: one.user for one in organisers_of(edition)}
    return list(found.values())
