"""Taking a picture down, everywhere and at once, and showing it again.

A picture that is taken down stays a row, for pairs, answers and credits hang on it. But everything that tells of it is
taken out of the row and put into `Takedown`: its id, its file, its addresses, its author. Its own address (`uuid`) is
another one from then on, so that no page names one that a browser has in its cache. So what forgets to ask `shown`
shows a placeholder, and never the picture.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import ComplaintKind, Image, ImageWords, ScoringFailure, Takedown
from cats4ml.catalog.words import refresh_words

M = TypeVar("M", bound=Model)

# For SQL of our own: ids of the pictures that are taken down, by an index, however large the catalogue.
HIDDEN_IDS = "(SELECT id FROM catalog_image WHERE hidden_at IS NOT NULL)"
PLACEHOLDER = "taken-down-"
MAX_REASON = 1_000
# The columns that tell of a picture.
TELLING = (
    "file", "sha256", "upright", "thumbnail", "perceptual_hash", "original_url", "original_bytes", "original_md5",
    "thumbnail_url", "landing_url", "license", "author", "author_url", "title",
)  # fmt: skip
_FILES = ("file", "upright", "thumbnail")
_EMPTY: dict[str, Any] = {"perceptual_hash": None, "original_bytes": None}


class HidingRefused(Exception):
    """Why a picture can't be taken down, shown again or deleted, in a sentence. Nothing was written."""


def hidden_images() -> QuerySet[Image, int]:
    """Ids of the pictures that are taken down, for a subquery."""
    return Image.objects.filter(hidden_at__isnull=False).values_list("pk", flat=True)


def shown(rows: QuerySet[M], image: str = "image") -> QuerySet[M]:
    """Without the rows whose picture is taken down. `image`: the way from a row to its picture."""
    return rows.exclude(**{f"{image}__in": hidden_images()})


def hold_pictures(images: Collection[int]) -> set[int]:
    """Keep these pictures from being taken down until the transaction ends; a takedown that is under way is waited for.
    Returns which of them are taken down.

    Whoever writes rows that a takedown changes, and whose foreign keys are checked when they commit, asks this first:
    else each would hold what the other waits for. Many may hold a picture at once.
    """
    if not images:
        return set()
    with connection.cursor() as cursor:
        # Django has no FOR KEY SHARE; it is what the foreign keys themselves take.
        cursor.execute(
            "SELECT id, hidden_at IS NOT NULL FROM catalog_image WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
            [sorted(images)],
        )
        return {pk for pk, hidden in cursor.fetchall() if hidden}


def takedown_of(image: Image) -> Takedown | None:
    """The takedown that stands."""
    return Takedown.objects.filter(image=image, lifted_at=None).select_related("by").first()


def was_taken_down(address: uuid.UUID) -> bool:
    """Whether a picture that is taken down had this address, or has it now."""
    standing = Takedown.objects.filter(former_uuid=address, lifted_at=None).exists()
    return standing or Image.objects.filter(uuid=address, hidden_at__isnull=False).exists()


def taken_down_ids(collection: str, ids: Iterable[str]) -> dict[str, int]:
    """Of these ids of a collection those whose picture is taken down, with the number of its row."""
    wanted = [one for one in ids if "\0" not in one]
    rows = Takedown.objects.filter(collection=collection, former_id__in=wanted, lifted_at=None)
    return dict(rows.values_list("former_id", "image_id"))


def all_taken_down_bytes() -> set[str]:
    """The SHA-256 of every picture that is taken down: these bytes come back under no id."""
    rows = Takedown.objects.filter(lifted_at=None).exclude(sha256="")
    return set(rows.values_list("sha256", flat=True))


def checked_reason(reason: str) -> str:
    """The reason without space round it. Raises `HidingRefused`."""
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise HidingRefused(_("Say why: a picture is taken down or shown again only with a reason."))
    if len(reason) > MAX_REASON:
        words = _("The reason has %(length)s characters; %(most)s are the most.")
        raise HidingRefused(words % {"length": f"{len(reason):,}", "most": f"{MAX_REASON:,}"})
    return reason


def hide_picture(*, image: Image, reason: str, kind: ComplaintKind, by: User | None, at: datetime) -> Takedown:
    """Take a picture down in the whole site. Twice is once, and the first reason stands.

    What is stored elsewhere under its id is changed by `challenges.hiding` and what is above it, in the same
    transaction. Raises `HidingRefused` without a reason.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        locked = Image.objects.select_for_update().get(pk=image.pk)
        if locked.hidden_at is not None:
            return Takedown.objects.get(image=locked, lifted_at=None)
        takedown = Takedown.objects.create(
            image=locked,
            kind=kind,
            reason=reason,
            by=by,
            created_at=at,
            collection=locked.collection,
            former_id=locked.image_id,
            former_uuid=locked.uuid,
            sha256=locked.sha256,
            perceptual_hash=locked.perceptual_hash,
            kept={name: _plain(getattr(locked, name)) for name in TELLING},
        )
        for name in TELLING:
            setattr(locked, name, _EMPTY.get(name, ""))
        locked.image_id = f"{PLACEHOLDER}{secrets.token_hex(6)}"
        locked.uuid, locked.hidden_at = uuid.uuid4(), at
        locked.save(update_fields=[*TELLING, "image_id", "uuid", "hidden_at"])
        ImageWords.objects.filter(image=locked).delete()
    image.refresh_from_db()
    return takedown


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)


def show_picture_again(*, takedown: Takedown, reason: str, by: User | None, at: datetime) -> Image:
    """Put a picture back as it was. Twice is once.

    Raises `HidingRefused` without a reason, where its bytes are deleted, and where its id is another picture's by now.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        image = Image.objects.select_for_update().get(pk=takedown.image_id)
        current = Takedown.objects.select_for_update(of=("self",)).get(pk=takedown.pk)
        if current.lifted_at is not None:
            return image
        if current.deleted_at is not None:
            raise HidingRefused(_("The file of this picture was deleted for good: it can’t be shown again."))
        if Image.objects.filter(collection=current.collection, image_id=current.former_id).exists():
            raise HidingRefused(_("The collection has another picture of this id by now: that one is shown."))
        for name, value in current.kept.items():
            setattr(image, name, value)
        image.image_id, image.uuid, image.hidden_at = current.former_id, current.former_uuid, None
        image.save(update_fields=[*current.kept, "image_id", "uuid", "hidden_at"])
        # Asked for while it had no file.
        ScoringFailure.objects.filter(image=image, classifier=None).delete()
        current.lifted_at, current.lifted_by, current.lifted_reason = at, by, reason
        current.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])
        refresh_words(images=Image.objects.filter(pk=image.pk))
    return image


def delete_bytes(*, takedown: Takedown, at: datetime) -> bool:
    """Delete the files of a picture that is taken down from the storage for good; its digest and its id stay, so that
    it never comes back. Whether that was done now. Twice is once.

    Raises `HidingRefused` where the picture is shown again, and where another one that is shown has the same bytes.
    """
    with transaction.atomic():
        current = Takedown.objects.select_for_update(of=("self",)).get(pk=takedown.pk)
        if current.lifted_at is not None:
            raise HidingRefused(_("This picture is shown again. Take it down first."))
        if current.deleted_at is not None:
            return False
        if current.sha256 and Image.objects.filter(sha256=current.sha256).exists():
            raise HidingRefused(_("Another picture has the same bytes and is shown. Take that one down first."))
        files = {str(current.kept.get(name) or "") for name in _FILES} - {""}
        in_use = Q(file__in=files) | Q(upright__in=files) | Q(thumbnail__in=files)
        used = set(Image.objects.filter(in_use).values_list("file", "upright", "thumbnail")) if files else set()
        files -= {name for names in used for name in names}
        current.kept = {name: "" if name in _FILES else value for name, value in current.kept.items()}
        current.deleted_at = at
        current.save(update_fields=["kept", "deleted_at"])
        # Within the transaction: a storage that refuses must not leave a row that says that it is done.
        for name in sorted(files):
            default_storage.delete(name)
    return True


def near_copies_of(takedown: Takedown, *, bits: int = 6, most: int = 50) -> list[Image]:
    """Pictures that are shown and look like one that is taken down: of the same bytes, or with a perceptual hash that
    differs in at most `bits` of 64. The nearest first. Every hash is compared, for it is asked seldom."""
    same = list(Image.objects.filter(sha256=takedown.sha256).order_by("pk")[:most]) if takedown.sha256 else []
    if takedown.perceptual_hash is None:
        return same
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM catalog_image WHERE perceptual_hash IS NOT NULL"
            " AND bit_count((perceptual_hash # %(hash)s::bigint)::bit(64)) <= %(bits)s"
            " ORDER BY bit_count((perceptual_hash # %(hash)s::bigint)::bit(64)), id LIMIT %(most)s",
            {"hash": takedown.perceptual_hash, "bits": bits, "most": most},
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    known = {one.pk for one in same}
    found = Image.objects.in_bulk([pk for pk in ids if pk not in known])
    return [*same, *(found[pk] for pk in ids if pk in found)][:most]
