"""Whoever finds pictures sees on every page of theirs what is left to claim, and the way to the basket."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.basket import put_in_basket
from tests.factories import START, make_world
from tests.pages.explored import picture_url
from tests.web import signed_in

OWN = ["submissions:submit", "pages:mine", "submissions:hints"]
OPEN = ["pages:data", "pages:explore", "submissions:queue"]


@pytest.mark.parametrize("name", [*OWN, *OPEN, "explore_picture", "explore_like"])
def test_a_finder_has_the_quota_and_the_basket_in_view(world, name) -> None:
    finder = world.finder()
    put_in_basket(participation=finder, image=world.images[0], label="cat", at=START)
    world.claim(finder, (1, "cat"))
    address = reverse(name, args=[world.challenge.slug]) if ":" in name else picture_url(world, 1, name)
    html = signed_in(finder.user).get(address).content.decode()
    assert ("1 of 100 used" in html, html.count("Basket (1)")) == (True, 1)


@pytest.mark.parametrize("name", OPEN)
def test_who_finds_nothing_here_sees_no_quota_and_no_basket(world, name) -> None:
    address = reverse(name, args=[world.challenge.slug])
    for client in (Client(), signed_in(world.rater().user)):
        html = client.get(address).content.decode()
        assert ("claims left" in html, "basket-link" in html) == (False, False)


def test_the_label_goes_along_from_the_gallery_to_a_picture_and_to_those_like_it(world) -> None:
    client = Client()
    gallery = client.get(reverse("pages:explore", args=[world.challenge.slug]) + "?label=cat&annotation=none&words=")
    html = gallery.content.decode()
    for name in ("explore_picture", "explore_like"):
        assert f'href="{picture_url(world, 0, name)}?label=cat"' in html
    page = client.get(picture_url(world, 0) + "?label=cat")
    assert page.context["filters"].along == "?label=cat"


@pytest.mark.parametrize(("bonus", "waits"), [(0, False), (2, True)])
def test_who_has_no_claim_left_is_told_what_can_be_done(db, bonus, waits) -> None:
    world = make_world(policy=Policy(base_quota=1, bonus_per_adverse=bonus))
    finder = world.finder()
    client, address = signed_in(finder.user), reverse("submissions:submit", args=[world.challenge.slug])
    before = client.get(address).content.decode()
    world.claim(finder, (0, "cat"))
    html = client.get(address).content.decode()
    told = ["You have no claim left" in page for page in (before, html)]
    assert (told, "adds to your quota" in html) == ([False, True], waits)
