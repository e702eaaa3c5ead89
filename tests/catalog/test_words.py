"""The words by which pictures are found."""

from __future__ import annotations

import pytest
from django.contrib.postgres.search import SearchQuery

from cats4ml.catalog import words
from cats4ml.catalog.actions import NewLabel, add_images, add_labels
from cats4ml.catalog.models import Annotation, AnnotationSource, Image, ImageWords
from cats4ml.catalog.words import CONFIG, refresh_words
from cats4ml.challenges.actions import add_pool_images
from tests.catalog.openimages_files import LABEL_HEADER, write
from tests.console.commands import command_json

PEOPLE = AnnotationSource.VERIFICATION
pytestmark = pytest.mark.django_db


def picture(image_id: str, title: str, **said: tuple[AnnotationSource, float]) -> Image:
    (image,) = add_images(collection="openimages", images=[Image(image_id=image_id, title=title)])
    labels = add_labels(
        vocabulary="openimages", labels=[NewLabel(f"/m/{name}", name.replace("_", " ")) for name in said]
    )
    for label, (source, confidence) in zip(labels, said.values(), strict=True):
        Annotation.objects.create(image=image, label=label, source=source, confidence=confidence)
    return image


def found(text: str) -> list[str]:
    query = SearchQuery(text, config=CONFIG, search_type="websearch")
    rows = ImageWords.objects.filter(words=query).order_by("image__image_id")
    return list(rows.values_list("image__image_id", flat=True))


@pytest.fixture
def pictures() -> None:
    picture("a", "Die Kerze am See", Bird=(PEOPLE, 1.0), Dog=(PEOPLE, 0.0))
    picture("b", "My dog's birthday", Hot_dog=(AnnotationSource.MACHINE, 0.6))
    picture("c", "")


def test_a_picture_is_found_by_its_title_and_by_what_is_said_to_be_in_it(pictures: None) -> None:
    assert refresh_words(images=Image.objects.all()) == 3
    assert {text: found(text) for text in ("birds", "dogs", "hot dog", "kerze", "the", "dog -hot", "lake")} == {
        "birds": ["a"],
        "dogs": ["b"],
        "hot dog": ["b"],
        "kerze": ["a"],
        "the": [],
        "dog -hot": [],
        "lake": [],
    }


def test_words_are_written_where_they_differ(pictures: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "IMAGES_AT_ONCE", 2)
    seen: list[int] = []
    assert refresh_words(images=Image.objects.all(), follow=seen.append) == 3
    assert seen == [2, 3]
    assert refresh_words(images=Image.objects.all()) == 0
    Image.objects.filter(image_id="c").update(title="Lake")
    assert refresh_words(images=Image.objects.exclude(image_id="c")) == 0
    assert refresh_words(images=Image.objects.all()) == 1
    assert found("lake") == ["c"]


def test_an_import_brings_the_words_of_the_pool_up_to_date(pictures: None, world, tmp_path) -> None:
    add_pool_images(challenge=world.challenge, images=Image.objects.filter(image_id="c"))
    add_images(collection="openimages", images=[Image(image_id=f"{1:016x}", title="lake")])
    path = write(tmp_path / "labels.csv", LABEL_HEADER)
    assert command_json("import_openimages", path)["words"] == 1
    assert list(ImageWords.objects.values_list("image__image_id", flat=True)) == ["c"]
