"""What the bytes of a picture tell a rater, and a participant: the picture, and nothing of whose it is."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.models import Image
from cats4ml.catalog.pictures import examine, store
from cats4ml.review.models import Lease
from models_zoo.pictures import decode
from tests.catalog.picture_files import SECRETS, encoded, opened, photo, with_notes
from tests.factories import World


def give(world: World, content: bytes, suffix: str) -> Image:
    """The first picture of the world gets another file, as it came."""
    key, digest = store_picture(content=content, suffix=suffix)
    Image.objects.filter(pk=world.images[0].pk).update(file=key, sha256=digest)
    return Image.objects.get(pk=world.images[0].pk)


def seen_by_a_rater(world: World) -> tuple[str, list[bytes]]:
    """The media type and bytes that the page's address gives, and the API's."""
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.9})
    rater = world.rater()
    client = Client()
    client.force_login(rater.user)
    client.get(reverse("review:review", args=[world.challenge.slug]))
    lease = Lease.objects.get(rater=rater, closed_at=None)
    replies = [
        client.get(reverse(name, args=[world.challenge.slug, lease.token]))
        for name in ("review:picture", "api:rating_picture")
    ]
    assert [reply.status_code for reply in replies] == [200, 200]
    return replies[0].headers["Content-Type"], [b"".join(reply.streaming_content) for reply in replies]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_rater_gets_the_picture_without_the_title_and_author_in_its_file(world, orientation) -> None:
    content = with_notes(orientation)
    give(world, content, ".jpg")
    kind, contents = seen_by_a_rater(world)
    assert kind == "image/jpeg"
    assert [secret in shown for secret in SECRETS for shown in contents] == [False] * 4
    assert [decode(shown).tobytes() for shown in contents] == [decode(content).tobytes()] * 2


def test_a_rater_gets_a_format_with_notes_that_nobody_can_cut_out_as_another(world) -> None:
    give(world, encoded(photo(), "TIFF", description=SECRETS[0].decode(), artist=SECRETS[1].decode()), ".tif")
    kind, contents = seen_by_a_rater(world)
    assert (kind, [decode(shown).tobytes() for shown in contents]) == ("image/png", [photo().tobytes()] * 2)
    assert [secret in shown for secret in SECRETS for shown in contents] == [False] * 4


def test_people_see_the_upright_version_and_the_small_one_where_they_are(world) -> None:
    stored = store(examine(with_notes(orientation=6)))
    Image.objects.filter(pk=world.images[0].pk).update(
        file=stored.file, upright=stored.upright, thumbnail=stored.thumbnail
    )
    address = reverse("pages:picture", args=[world.images[0].uuid])
    whole, small = (b"".join(Client().get(address + ask).streaming_content) for ask in ("", "?size=small"))
    assert whole == default_storage.open(stored.upright).read()
    assert small == default_storage.open(stored.thumbnail).read()
    assert (opened(whole).size, opened(small).size) == ((64, 96), (64, 96))


def test_where_there_is_no_small_version_the_picture_is_shown(world) -> None:
    address = reverse("pages:picture", args=[world.images[0].uuid])
    whole, small = (b"".join(Client().get(address + ask).streaming_content) for ask in ("", "?size=small"))
    assert small == whole
    Image.objects.filter(pk=world.images[0].pk).update(thumbnail="aa/aa/lost.jpg", upright="aa/aa/lost.jpg")
    assert b"".join(Client().get(f"{address}?size=small").streaming_content) == whole


def test_a_file_that_is_no_picture_is_shown_to_nobody(world) -> None:
    image = give(world, b"<script>alert(1)</script>", ".jpg")
    assert Client().get(reverse("pages:picture", args=[image.uuid])).status_code == 404
