"""A folder of pictures becomes a draft edition: labels, pool, pictures and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

from django.db import transaction

from cats4ml.catalog.actions import add_annotations, add_images, add_labels
from cats4ml.catalog.fetching.writing import record_stored
from cats4ml.catalog.hiding import all_taken_down_bytes
from cats4ml.catalog.models import Annotation, Image, Label, Takedown
from cats4ml.catalog.pictures import PictureRefused, Stored, examine, store
from cats4ml.catalog.words import refresh_words
from cats4ml.challenges.actions import add_pool_images, add_target_labels
from cats4ml.challenges.data_files import have_built_anew
from cats4ml.challenges.editions import EditionRefused, check_new_slug, create_edition
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.console.folder_data import FolderAnnotation, FolderData, FolderImage, Gone
from cats4ml.console.progress import Progress
from cats4ml.console.tables import longest_of
from cats4ml.rules.policy import Policy

BATCH = 64
ANNOTATIONS_AT_ONCE = 5000


class ImportStopped(Exception):
    """Why an import can't go on, in a sentence."""


@dataclass(frozen=True)
class Imported:
    """What became of a folder. `images`: rows that are in the edition now, `new` of them by this run."""

    challenge: str
    labels: int
    images: int
    new: int
    annotations: int
    bad: int


def collection_of(slug: str) -> str:
    """The pictures of a folder have ids of their own; those of another collection may be the same."""
    return f"folder-{slug}"


def known_digests(slug: str, image_ids: list[str]) -> Mapping[str, str]:
    there = Image.objects.filter(collection=collection_of(slug), image_id__in=image_ids).exclude(file="")
    return dict(there.values_list("image_id", "sha256"))


def taken_down(slug: str) -> Gone:
    rows = Takedown.objects.filter(collection=collection_of(slug), lifted_at=None)
    return Gone(frozenset(rows.values_list("former_id", flat=True)), frozenset(all_taken_down_bytes()))


def check_edition(*, slug: str, vocabulary: str) -> None:
    """Raises `EditionRefused` unless the edition can be made, or is a draft that can be filled."""
    longest = longest_of(Label, "vocabulary")
    if not 0 < len(vocabulary) <= longest:
        raise EditionRefused(
            f"the vocabulary {vocabulary!r} has more than {longest} characters: choose a shorter one with --vocabulary"
        )
    there = Challenge.objects.filter(slug=slug).first()
    if there is None:
        check_new_slug(slug)
    elif there.status != ChallengeStatus.DRAFT:
        raise EditionRefused(f"{slug} is no draft any more, and its pool stands: choose another slug")
    elif there.vocabulary != vocabulary:
        raise EditionRefused(f"{slug} takes its labels from {there.vocabulary!r}: use --vocabulary {there.vocabulary}")


def write_folder(data: FolderData, *, slug: str, title: str, vocabulary: str, bar: Progress) -> Imported:
    """Make the edition, or fill it, with what is in `data`. What is there stays as it is.

    Written in batches, each whole: an interrupted import goes on when it is run again. Raises `EditionRefused`, and
    `ImportStopped` where the pictures can't be stored.
    """
    with transaction.atomic():
        challenge = Challenge.objects.filter(slug=slug).first() or create_edition(
            slug=slug, title=title or slug, summary="", vocabulary=vocabulary, policy=Policy()
        )
        _hold_draft(challenge)
        labels = add_labels(vocabulary=vocabulary, labels=data.labels)
        add_target_labels(challenge=challenge, labels=labels)
    new = 0
    with ThreadPoolExecutor(cpu_count()) as pool:
        for start in range(0, len(data.images), BATCH):
            some = data.images[start : start + BATCH]
            new += _write_images(challenge, some, pool)
            bar.add(len(some))
    annotations = _write_annotations(challenge, data.annotations, {label.key: label for label in labels})
    refresh_words(images=Image.objects.filter(pk__in=challenge.pool.values("image")))
    # Somebody may have looked at the data page before the last annotations were there.
    have_built_anew(challenge=challenge)
    return Imported(slug, len(labels), len(data.images), new, annotations, len(data.bad))


def _hold_draft(challenge: Challenge) -> None:
    """Nobody opens the edition before this transaction's end. Raises `EditionRefused` where somebody did."""
    current = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
    if current.status != ChallengeStatus.DRAFT:
        raise EditionRefused(
            f"{current.slug} left the draft while it was filled: what came until then is in it, and nothing more comes"
        )


def _write_images(challenge: Challenge, rows: list[FolderImage], pool: ThreadPoolExecutor) -> int:
    there = known_digests(challenge.slug, [row.image_id for row in rows])
    lacking = [row for row in rows if row.image_id not in there]
    stored = dict(zip([row.image_id for row in lacking], pool.map(_stored, lacking), strict=True))
    with transaction.atomic():
        _hold_draft(challenge)
        images = add_images(
            collection=collection_of(challenge.slug),
            images=[Image(image_id=row.image_id, **row.texts) for row in rows],
        )
        record_stored({one.pk: stored[one.image_id] for one in images if one.image_id in stored})
        add_pool_images(challenge=challenge, images=images)
    return len(lacking)


def _stored(row: FolderImage) -> Stored:
    try:
        return store(examine(row.path.read_bytes()))
    except PictureRefused as refusal:
        raise ImportStopped(f"{row.path.name} was changed while it was imported: {refusal.detail}") from refusal
    except OSError as error:
        raise ImportStopped(f"{row.path.name} can't be stored: {error}") from error
    except Exception as error:  # an object storage's driver raises anything
        raise ImportStopped(f"the picture storage can't be written: {type(error).__name__}: {error}") from error


def _write_annotations(challenge: Challenge, rows: list[FolderAnnotation], labels: Mapping[str, Label]) -> int:
    for start in range(0, len(rows), ANNOTATIONS_AT_ONCE):
        some = rows[start : start + ANNOTATIONS_AT_ONCE]
        wanted = {row.image_id for row in some}
        found = Image.objects.filter(collection=collection_of(challenge.slug), image_id__in=wanted)
        images = dict(found.values_list("image_id", "pk"))
        add_annotations(_annotations(some, images, labels))
    return len(rows)


def _annotations(
    rows: list[FolderAnnotation], images: Mapping[str, int], labels: Mapping[str, Label]
) -> Iterator[Annotation]:
    for row in rows:
        yield Annotation(
            image_id=images[row.image_id],
            label=labels[row.label_id],
            source=row.source,
            confidence=row.confidence,
        )
