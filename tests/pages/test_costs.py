"""What the commonest pages ask of the database. No more than this: each statement is half a millisecond of a core."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cats4ml.ui.navigation import urls_by_uuid
from tests.factories import make_world
from tests.web import queries_of, signed_in


def test_what_a_finders_pages_ask_of_the_database(db) -> None:
    world = make_world()
    finder, slug = world.finder(), world.challenge.slug
    world.claim(finder, (0, "cat"), (1, "cat"))
    client = signed_in(finder.user)
    picture = reverse("pages:picture", args=[world.images[0].uuid])
    most = {
        reverse("pages:explore", args=[slug]): 11,
        reverse("submissions:submit", args=[slug]): 9,
        reverse("pages:mine", args=[slug]): 11,
        reverse("leaderboard:board", args=[slug]): 10,
    }
    costs = {page: queries_of(client, page) for page in most}
    assert costs == {page: min(cost, most[page]) for page, cost in costs.items()}
    with CaptureQueriesContext(connection) as asked:
        client.get(f"{picture}?size=small")
    assert len(asked) == 3  # the session, the person, and the picture with who may see it


def test_addresses_of_many_pictures_are_those_of_each(db) -> None:
    world = make_world()
    for name, args in (("pages:picture", []), ("pages:explore_like", [world.challenge.slug])):
        address = urls_by_uuid(name, *args)
        for image in world.images[:3]:
            assert address(image.uuid) == reverse(name, args=[*args, image.uuid])
