"""The basket in the browser: put aside from any picture, looked through, and submitted with one button."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from cats4ml.catalog.actions import add_images
from cats4ml.catalog.models import Image
from cats4ml.challenges.actions import add_pool_images
from cats4ml.submissions.actions.basket import put_in_basket
from cats4ml.submissions.models import BasketItem, Submission
from tests.factories import START, World, make_world
from tests.pages.explored import explore_url
from tests.web import HTMX, attributes, queries_of, signed_in


def url(world: World, name: str = "basket") -> str:
    return reverse(f"submissions:{name}", args=[world.challenge.slug])


def put(world: World, client: Client, place: int, label: str, **headers):
    sent = {"image_id": world.images[place].image_id, "label": label, "next": explore_url(world, "?id=00")}
    return client.post(url(world, "basket_put"), sent, headers=headers or None)


def labels(world: World) -> list[str]:
    return [item.label.key if item.label else "" for item in BasketItem.objects.order_by("pk")]


def test_a_picture_is_put_aside_without_javascript_and_the_page_comes_back(world) -> None:
    client = signed_in(world.finder().user)
    reply = put(world, client, 0, "cat")
    assert (reply.status_code, reply.url, labels(world)) == (302, explore_url(world, "?id=00"), ["cat"])
    assert "is in your basket" in client.get(reply.url).content.decode()
    assert put(world, client, 0, "zebra").status_code == 302
    assert "not a target label" in client.get(explore_url(world)).content.decode()


def test_htmx_gets_the_part_of_the_page_that_changes_and_the_count_beside_it(world) -> None:
    client = signed_in(world.finder().user)
    page = client.get(explore_url(world)).content.decode()
    part = put(world, client, 0, "dog", **HTMX).content.decode()
    form = f'id="basket-{world.images[0].uuid}"'
    assert (page.count(form), part.count(form), "<html" in part) == (1, 1, False)
    assert ("Basket (0)" in page, "Basket (1)" in part, "In your basket: Dog" in part) == (True, True, True)
    assert 'value="dog" selected' in part
    refused = put(world, client, 1, "zebra", **HTMX).content.decode()
    assert ("Not added:" in refused, labels(world)) == (True, ["dog"])


def test_nobody_is_led_away_from_the_site_after_putting_a_picture_aside(world) -> None:
    client = signed_in(world.finder().user)
    for wanted in ("https://example.org/", "//example.org/", "javascript:alert(1)", "", "\\\\example.org"):
        sent = {"image_id": world.images[0].image_id, "label": "cat", "next": wanted}
        assert client.post(url(world, "basket_put"), sent).url == url(world)


def test_pictures_that_are_not_in_the_pool_are_not_found(world) -> None:
    client = signed_in(world.finder().user)
    for image in (make_world(pictures=7).images[6].image_id, "", "\x00", "x" * 500):
        sent = {"image_id": image, "label": "cat"}
        assert client.post(url(world, "basket_put"), sent).status_code == 404
    assert BasketItem.objects.count() == 0


def test_only_participants_have_a_basket(world) -> None:
    for client in (Client(), signed_in(world.rater().user)):
        assert "basket" not in client.get(explore_url(world)).content.decode().lower()
        assert [put(world, client, 0, "cat").status_code, client.get(url(world)).status_code] == [302, 302]
    assert BasketItem.objects.count() == 0


def test_the_basket_says_what_each_item_lacks_and_what_submitting_would_cost(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    world.claim(world.finder(), (1, "cat"))
    for place, label in ((0, "cat"), (1, "cat"), (2, ""), (3, "owl")):
        put_in_basket(participation=finder, image=world.images[place], label=label, at=START)
    html = signed_in(finder.user).get(url(world)).content.decode()
    said = [
        "Submit 2 pairs", "You already claimed this pair.", "<b>Label is missing.</b>  Choose one.",
        "Somebody claimed it before you", "this basket would use 1", "98 left after it",
    ]  # fmt: skip
    assert [words for words in said if words not in html] == []


def test_one_button_keeps_what_was_written_and_claims_what_is_ready(world) -> None:
    finder = world.finder()
    client = signed_in(finder.user)
    items = [put_in_basket(participation=finder, image=world.images[place], label="", at=START) for place in range(3)]
    sent = {f"label-{items[0].pk}": "cat", f"rationale-{items[0].pk}": "Striped", f"label-{items[1].pk}": ""}
    assert client.post(url(world, "basket_submit"), sent).url == url(world)
    assert "1 pair submitted. 2 pictures stayed in the basket" in client.get(url(world)).content.decode()
    assert list(Submission.objects.values_list("pair__label__key", "rationale")) == [("cat", "Striped")]
    sent = {f"label-{item.pk}": label for item, label in zip(items[1:], ("dog", "owl"), strict=True)}
    assert client.post(url(world, "basket_submit"), sent).url == reverse("pages:mine", args=[world.challenge.slug])
    assert (Submission.objects.count(), BasketItem.objects.count()) == (3, 0)
    client.post(url(world, "basket_submit"), sent)
    assert Submission.objects.count() == 3


def test_saving_and_taking_out_keep_what_was_written_beside(world) -> None:
    finder = world.finder()
    client = signed_in(finder.user)
    for label in ("cat", "dog"):
        put_in_basket(participation=finder, image=world.images[0], label=label, at=START)
    first, second = BasketItem.objects.order_by("pk")
    sent = {f"label-{first.pk}": "zebra", f"label-{second.pk}": "owl", "remove": first.pk, "next": url(world)}
    client.post(url(world, "basket_save"), sent)
    assert labels(world) == ["owl"]
    client.post(url(world, "basket_save"), {f"label-{second.pk}": "zebra", "label-x": "cat", f"label-{10**30}": "cat"})
    assert "not a target label" in client.get(url(world)).content.decode()
    assert labels(world) == ["owl"]
    client.post(url(world, "basket_clear"))
    assert "Your basket is empty." in client.get(url(world)).content.decode()


def test_a_large_basket_comes_in_pages(world) -> None:
    finder = world.finder()
    new = add_images(
        collection=world.challenge.slug, images=[Image(image_id=f"new-{number:03}") for number in range(60)]
    )
    add_pool_images(challenge=world.challenge, images=new)
    for image in new:
        put_in_basket(participation=finder, image=image, label="cat", at=START)
    client = signed_in(finder.user)
    pages = [client.get(f"{url(world)}?page={number}").content.decode() for number in (1, 2, 99, "x")]
    assert [page.count('name="remove"') for page in pages] == [50, 10, 10, 50]
    assert ("?page=2" in attributes(pages[0], "href"), "?page=1" in attributes(pages[1], "href")) == (True, True)


def test_the_basket_costs_as_many_queries_for_three_pictures_as_for_one(db) -> None:
    costs = []
    for number in (1, 3):
        world = make_world(pictures=number)
        finder = world.finder()
        for place in range(number):
            put_in_basket(participation=finder, image=world.images[place], label="cat", at=START)
        costs.append(queries_of(signed_in(finder.user), url(world)))
    assert (costs[0] == costs[1], costs[0] <= 22) == (True, True)
