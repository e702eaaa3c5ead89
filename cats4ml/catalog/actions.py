"""Writes to the catalogue: labels, pictures and classifiers. Each may run twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from cats4ml.catalog.hiding import taken_down_ids
from cats4ml.catalog.models import Annotation, Classifier, Image, Label


class NewLabel(NamedTuple):
    key: str
    name: str
    description: str = ""


def add_labels(*, vocabulary: str, labels: Iterable[NewLabel]) -> list[Label]:
    """The labels of these keys, created where they don't exist. A label that exists keeps its name.

    Returns them in the order given. Raises nothing for a key that exists.
    """
    wanted = list(labels)
    Label.objects.bulk_create(
        [Label(vocabulary=vocabulary, key=new.key, name=new.name, description=new.description) for new in wanted],
        ignore_conflicts=True,
    )
    keys = [new.key for new in wanted]
    found = {label.key: label for label in Label.objects.filter(vocabulary=vocabulary, key__in=keys)}
    return [found[new.key] for new in wanted]


def store_picture(*, content: bytes, suffix: str) -> tuple[str, str]:
    """Keep the bytes of a picture under a name made of their SHA-256, so that the name tells nothing.

    Returns the storage key and the digest in hex. The same bytes are kept once.
    """
    digest = hashlib.sha256(content).hexdigest()
    key = f"{digest[:2]}/{digest[2:4]}/{digest}{suffix.lower()}"
    if not default_storage.exists(key):
        saved = default_storage.save(key, ContentFile(content))
        if saved != key:  # somebody stored the same bytes meanwhile
            default_storage.delete(saved)
    return key, digest


def add_images(*, collection: str, images: Sequence[Image]) -> list[Image]:
    """The images of these ids in the collection, created where they don't exist, in the order given.

    For an id whose picture is taken down it is the row of that picture, which tells nothing and stays as it is.
    """
    ids = [image.image_id for image in images]
    for image in images:
        image.collection = collection
    hidden = taken_down_ids(collection, ids)
    new = [image for image in images if image.image_id not in hidden]
    Image.objects.bulk_create(new, ignore_conflicts=True, batch_size=2000)
    found = {image.image_id: image for image in Image.objects.filter(collection=collection, image_id__in=ids)}
    rows = Image.objects.in_bulk(hidden.values())
    found |= {former: rows[pk] for former, pk in hidden.items()}
    return [found[one] for one in ids]


def add_annotations(annotations: Iterable[Annotation]) -> None:
    """Keep what is said of pictures and labels. The first word of a source on an image and a label stands."""
    Annotation.objects.bulk_create(annotations, ignore_conflicts=True, batch_size=5000)


def add_classifier(*, card: Mapping[str, Any]) -> Classifier:
    """The classifier version of this card; two cards of one digest are one classifier.

    `card` is what `python -m models_zoo.roster` prints for a classifier: it holds `digest`, `name`, `vocabulary`
    and `labels`, the label keys in the order of the outputs. Raises `KeyError` where one of these is missing.
    """
    classifier, _ = Classifier.objects.get_or_create(
        digest=card["digest"],
        defaults={
            "name": card["name"],
            "vocabulary": card["vocabulary"],
            "outputs": list(card["labels"]),
            "card": dict(card),
        },
    )
    return classifier


def add_joint_classifier(*, card: Mapping[str, Any]) -> Classifier:
    """The joint text-image card that `python -m models_zoo.joint` prints: a classifier without labels."""
    classifier, _ = Classifier.objects.get_or_create(
        digest=card["digest"],
        defaults={"name": card["name"], "vocabulary": "", "outputs": [], "card": dict(card)},
    )
    return classifier


def picture_suffix(name: str) -> str:
    """The file name's ending if it is a picture's, else nothing; the rest of the name is not kept."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"} else ""
