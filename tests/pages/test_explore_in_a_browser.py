"""Explore in a real browser: by keyboard alone, with the basket filling beside it, and for everybody to use."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Page, expect

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.models import Image
from cats4ml.submissions.actions.basket import put_in_basket
from cats4ml.submissions.models import BasketItem
from tests.accessibility import broken_rules
from tests.factories import START, World, make_world
from tests.flows.people import LOOKS, WIDE
from tests.pages.explored import annotate, embed_all, explore_url, picture_url, write_words
from tests.web import signed_in

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PICTURES = 60
LICENCE = "https://creativecommons.org/licenses/by/2.0/"


@pytest.fixture
def gallery() -> World:
    """A pool of sixty pictures of all colours and shapes, with words, annotations and embeddings; one isn't fetched."""
    world = make_world(pictures=PICTURES)
    colours = np.random.default_rng(5).integers(40, 230, size=(PICTURES, 3))
    for place, image in enumerate(world.images):
        image.width, image.height = [(96, 72), (72, 96), (96, 96), (120, 40)][place % 4]
        buffer = io.BytesIO()
        Pillow.new("RGB", (image.width, image.height), tuple(int(one) for one in colours[place])).save(buffer, "PNG")
        image.file, image.sha256 = store_picture(content=buffer.getvalue(), suffix=".png")
        image.author, image.license, image.landing_url = "Ada Lovelace", LICENCE, "https://example.org/photos/1"
        image.title = ["", "A cat on a mat", "Cat_0007 averylongfilenamethatneverbreaks_anywhere.jpg"][place % 3]
        annotate(world, place, "cat", ["yes", "no", "machine"][place % 3])
        write_words(world, place, image.title)
    world.images[5].file = ""
    Image.objects.bulk_update(
        world.images, ["file", "sha256", "width", "height", "author", "license", "landing_url", "title"]
    )
    embed_all(world, colours.astype(float) - 135)
    return world


@pytest.fixture
def finder(gallery: World):
    return gallery.finder()


def page_of(browser: Browser, live_server, finder, size=WIDE, scheme="light", **more: object) -> Page:
    """A page of one participant's who is signed in. What the console complains of is kept in `page.complaints`."""
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme,
        reduced_motion="reduce", **more,
    )  # fmt: skip
    session = signed_in(finder.user).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))  # type: ignore[attr-defined]
    return page


@pytest.fixture
def page(browser: Browser, live_server, finder) -> Iterator[Page]:
    one = page_of(browser, live_server, finder)
    yield one
    assert one.complaints == []  # type: ignore[attr-defined]
    one.context.close()


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.id")


def test_the_arrows_go_from_picture_to_picture_by_rows_and_columns(gallery, page) -> None:
    page.goto(explore_url(gallery))
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.gallery')).gridTemplateColumns.split(' ').length"
    )
    keys = ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp"]
    seen = []
    for key in keys:
        page.keyboard.press(key)
        seen.append(focused(page))
    expected = [0, 1, 2, 2 + columns, 1 + columns, 1, 1]
    assert seen == [picture_url(gallery, place) for place in expected]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{picture_url(gallery, 1)}")


def test_keys_fill_the_basket_and_lead_to_claim_alike_pages_and_words(gallery, finder, page) -> None:
    page.goto(explore_url(gallery, "?label=cat"))
    page.keyboard.press("b")  # nothing is chosen yet: it leads to the first picture
    assert (focused(page), BasketItem.objects.count()) == (picture_url(gallery, 0) + "?label=cat", 0)
    page.keyboard.press("b")
    expect(page.get_by_role("link", name="Basket (1)")).to_be_visible()
    expect(page.locator("#news")).to_have_text("1 picture in your basket")
    page.keyboard.press("ArrowRight")
    assert focused(page) == picture_url(gallery, 1) + "?label=cat"
    page.keyboard.press("b")
    expect(page.get_by_role("link", name="Basket (2)")).to_be_visible()
    kept = BasketItem.objects.order_by("pk").values_list("image", "label__key")
    assert list(kept) == [(gallery.images[0].pk, "cat"), (gallery.images[1].pk, "cat")]
    page.keyboard.press("n")
    page.wait_for_url("**after=**")
    page.keyboard.press("p")
    page.wait_for_url("**before=**")
    page.keyboard.press("/")
    assert focused(page) == "filter-words"
    page.keyboard.type("ablc?n")
    assert (page.locator("#filter-words").input_value(), BasketItem.objects.count()) == ("ablc?n", 2)
    page.goto(explore_url(gallery))
    page.keyboard.press("?")
    expect(page.get_by_text("from picture to picture")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("from picture to picture")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    page.wait_for_url(f"**{picture_url(gallery, 0, 'explore_like')}")
    page.goto(picture_url(gallery, 3))
    page.keyboard.press("c")
    page.wait_for_url(f"**/submit/?image={gallery.images[3].image_id}")


def test_a_finder_without_javascript_fills_a_basket_and_submits_it(gallery, finder, browser, live_server) -> None:
    page = page_of(browser, live_server, finder, java_script_enabled=False)
    page.goto(explore_url(gallery))
    page.get_by_label("Label", exact=True).select_option("Cat")
    page.get_by_label("Annotations say of it").select_option("People said no")
    page.get_by_label("Words in titles and labels").fill("cats")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("status").get_by_text("20 pictures")).to_be_visible()
    page.get_by_role("button", name="Add to basket").first.click()
    expect(page.get_by_text("is in your basket")).to_be_visible()
    page.get_by_role("link", name="Cat: people said no").click()
    expect(page.get_by_role("link", name="Words: cats")).to_be_visible()
    page.get_by_role("link", name="Basket (1)").click()
    page.get_by_label("Why might the machines get it wrong?").fill("It sleeps.")
    page.get_by_role("button", name="Submit 1 pair").click()
    page.wait_for_url("**/submissions/")
    expect(page.get_by_text("1 pair submitted.")).to_be_visible()
    expect(page.get_by_text("“It sleeps.”")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_no_page_of_explore_breaks_an_accessibility_rule_or_scrolls_sideways(
    gallery, finder, browser, live_server, size, scheme
) -> None:
    gallery.claim(finder, (1, "cat"))
    for place, label in ((0, "cat"), (1, "cat"), (2, ""), (5, "dog")):
        put_in_basket(participation=finder, image=gallery.images[place], label=label, at=START)
    page, found = page_of(browser, live_server, finder, size, scheme), {}
    addresses = {
        "gallery": explore_url(gallery),
        "filtered": explore_url(gallery, "?label=cat&annotation=no&words=cat&id=00&unclaimed=1"),
        "nothing": explore_url(gallery, "?words=zebra"),
        "like": picture_url(gallery, 0, "explore_like"),
        "picture": picture_url(gallery, 1),
        "not fetched": picture_url(gallery, 5),
        "basket": f"/challenges/{gallery.challenge.slug}/basket/",
    }
    for name, address in addresses.items():
        page.goto(address)
        if page.locator("[data-keys] summary").count() and name != "gallery":
            page.locator("[data-keys] summary").click()
        broken = broken_rules(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            broken.append("scrolls sideways")
        if broken or page.complaints:  # type: ignore[attr-defined]
            found[name] = broken + page.complaints  # type: ignore[attr-defined]
    page.context.close()
    assert found == {}
