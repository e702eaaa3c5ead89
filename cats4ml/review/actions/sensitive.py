"""What not everybody wants to see: said of pictures by organisers, chosen by who looks, heeded by the queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image, SensitiveKind
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import ActKind, Challenge, Participation, PoolImage
from cats4ml.review.actions.leasing import close_these
from cats4ml.review.models import Lease, Waiting

AT_ONCE = 1_000


def in_order(kinds: Collection[str]) -> list[str]:
    """These kinds as they are kept, each once; what is none of them is left out."""
    return [kind.value for kind in SensitiveKind if kind.value in kinds]


def mark_sensitive(*, challenge: Challenge, kinds: Mapping[int, Collection[str]], by: User | None, at: datetime) -> int:
    """Say of pictures, by the numbers of their rows, which kinds they are of, in place of what was said before.

    It holds in every edition that has them: the queues follow, and raters who hold one that they don't want to see are
    asked something else. Pictures out of the edition's pool are left out. Twice is once. Returns how many changed.
    """
    changed = 0
    ids = sorted(shown_pool(challenge).filter(image__in=kinds).values_list("image_id", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            rows = Image.objects.filter(pk__in=ids[start : start + AT_ONCE]).select_for_update(no_key=True)
            by_kinds: dict[tuple[str, ...], list[int]] = defaultdict(list)
            for image in rows.order_by("pk"):
                wanted = in_order(kinds[image.pk])
                if image.sensitive != wanted:
                    by_kinds[tuple(wanted)].append(image.pk)
            for wanted_kinds, images in by_kinds.items():
                _mark(images, list(wanted_kinds))
            done = [pk for images in by_kinds.values() for pk in images]
            if done:
                _write_down(done, by, at)
        close_unwanted(Lease.objects.filter(pair__image__in=done), at=at)
        close_unwanted(Lease.objects.filter(control__image__in=done), at=at)
        changed += len(done)
    return changed


def _mark(images: list[int], kinds: list[str]) -> None:
    Image.objects.filter(pk__in=images).update(sensitive=kinds)
    waiting = Waiting.objects.filter(pair__image__in=images).order_by("pk").select_for_update(of=("self",), no_key=True)
    Waiting.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(sensitive=kinds)


def _write_down(images: list[int], by: User | None, at: datetime) -> None:
    number = len(images)
    editions = Challenge.objects.filter(pk__in=PoolImage.objects.filter(image__in=images).values("challenge"))
    for edition in editions.order_by("pk"):
        record_act(
            challenge=edition,
            kind=ActKind.EDITED,
            summary=f"Said what is sensitive of {number:,} picture{'' if number == 1 else 's'}",
            details={"images": images[:100], "number": number},
            by=by,
            at=at,
        )


def choose_kinds(*, part: Participation, kinds: Collection[str], at: datetime) -> list[str]:
    """Which kinds of sensitive pictures this person will see in this edition, in whatever role: at any time another
    choice. Questions that they hold and don't want to see any more are taken back; it is held against nobody. Twice is
    once. Returns the kinds."""
    chosen = in_order(kinds)
    mine = Participation.objects.filter(challenge=part.challenge_id, user=part.user_id)
    with transaction.atomic():
        list(mine.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        mine.update(sensitive_kinds=chosen)
    part.sensitive_kinds = chosen
    close_unwanted(Lease.objects.filter(rater__in=mine), at=at)
    return chosen


def close_unwanted(leases: QuerySet[Lease], *, at: datetime) -> int:
    """Take those of these open questions back whose picture is of a kind that its rater hasn't chosen."""
    rows = leases.filter(closed_at=None).select_related("rater", "pair__image", "control__image")
    found = [one.pk for one in rows if not set(one.subject.image.sensitive) <= set(one.rater.sensitive_kinds or [])]
    return close_these(found, at=at) if found else 0
