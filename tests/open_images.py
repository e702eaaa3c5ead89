"""A little Open Images: five labels in a hierarchy, pictures with authors, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence

from cats4ml.catalog.actions import NewLabel, add_images, add_labels, store_picture
from cats4ml.catalog.models import Annotation, AnnotationSource, Image, Label, LabelEdge
from cats4ml.challenges.editions import create_edition
from cats4ml.challenges.models import Challenge
from cats4ml.rules.policy import Policy
from tests.factories import png

ANIMAL, BIRD, OWL, BUN, OTHER_BUN = "/m/0jbk", "/m/015p6", "/m/09d5_", "/m/01bun", "/m/02bun"
NAMES = {ANIMAL: "Animal", BIRD: "Bird", OWL: "Owl", BUN: "Bun", OTHER_BUN: "Bun"}
PEOPLE, APP, MACHINE = AnnotationSource.VERIFICATION, AnnotationSource.CROWDSOURCE, AnnotationSource.MACHINE


def image_id(number: int) -> str:
    return f"{number:016x}"


def make_labels() -> dict[str, Label]:
    """The labels by id: an owl is a bird, a bird an animal, and by mistake an animal an owl."""
    names = [NewLabel(key, name) for key, name in NAMES.items()]
    labels = {label.key: label for label in add_labels(vocabulary="openimages", labels=names)}
    for parent, child in ((ANIMAL, BIRD), (BIRD, OWL), (OWL, ANIMAL)):
        LabelEdge.objects.get_or_create(parent=labels[parent], child=labels[child], kind="subcategory")
    return labels


def make_pictures(numbers: Sequence[int], *, files: bool = False, subset: str = "train") -> dict[int, Image]:
    """Pictures of these numbers, in the order in which they are imported."""
    made = []
    for number in numbers:
        key, digest = store_picture(content=png(colour=number % 256), suffix=".PNG") if files else ("", "")
        made.append(
            Image(
                image_id=image_id(number),
                subset=subset,
                file=key,
                sha256=digest,
                original_url=f"https://host.example/{number}_o.jpg",
                landing_url=f"https://host.example/{number}",
                license="https://creativecommons.org/licenses/by/2.0/",
                author_url="https://host.example/ada/",
                author="Ada",
                title=f"Picture {number}",
            )
        )
    return {int(image.image_id, 16): image for image in add_images(collection="openimages", images=made)}


def say(image: Image, label: Label, source: AnnotationSource = PEOPLE, confidence: float = 1.0) -> None:
    Annotation.objects.create(image=image, label=label, source=source, confidence=confidence)


def make_draft(slug: str = "birds") -> Challenge:
    return create_edition(slug=slug, title="Birds", summary="", vocabulary="openimages", policy=Policy())
