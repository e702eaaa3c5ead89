"""A pool with annotations, words and embeddings, and what is shown of it."""

from __future__ import annotations

import numpy as np
from django.contrib.postgres.search import SearchVector
from django.db.models import Value
from django.test import Client
from django.urls import reverse

from cats4ml.catalog.arrays import ArrayRow
from cats4ml.catalog.models import Annotation, AnnotationSource, ImageWords, Label
from cats4ml.catalog.recording import record_embeddings
from cats4ml.catalog.words import CONFIG
from tests.factories import START, World

SOURCES = {
    "yes": (AnnotationSource.VERIFICATION, 1.0),
    "no": (AnnotationSource.VERIFICATION, 0.0),
    "crowd yes": (AnnotationSource.CROWDSOURCE, 1.0),
    "machine": (AnnotationSource.MACHINE, 0.8),
}


def annotate(world: World, place: int, label: str, said: str) -> None:
    """Have the collection say something of a picture (by its place) and a label."""
    source, confidence = SOURCES[said]
    one = Label.objects.get(vocabulary=world.challenge.vocabulary, key=label)
    Annotation.objects.create(image=world.images[place], label=one, source=source, confidence=confidence)


def write_words(world: World, place: int, text: str) -> None:
    ImageWords.objects.create(image=world.images[place], words=SearchVector(Value(text), config=CONFIG))


def embed_all(world: World, vectors: np.ndarray) -> None:
    kept = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    rows = zip(world.images, kept, strict=True)
    record_embeddings([ArrayRow(image.pk, world.classifiers[0].pk, one) for image, one in rows], at=START)


def explore_url(world: World, query: str = "") -> str:
    return reverse("pages:explore", args=[world.challenge.slug]) + query


def picture_url(world: World, place: int, name: str = "explore_picture") -> str:
    return reverse(f"pages:{name}", args=[world.challenge.slug, world.images[place].uuid])


def places(world: World, client: Client, address: str) -> list[int]:
    """Which pictures a page shows, by their places, in its order."""
    order = {image.pk: place for place, image in enumerate(world.images)}
    reply = client.get(address)
    assert reply.status_code == 200
    return [order[one.image.pk] for one in reply.context["rows"]]
