"""The search by meaning in a real browser: it goes on by itself when the words are known, and works without scripts."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from cats4ml.catalog.actions import add_joint_classifier
from cats4ml.catalog.models import Embedding
from cats4ml.challenges.editions import set_joint_classifier
from cats4ml.submissions.meaning import record_text_vectors
from scoring.contract import TextResult, pack_half
from tests.accessibility import broken_rules
from tests.factories import World
from tests.flows.people import LOOKS
from tests.pages.test_explore_in_a_browser import finder, gallery, page_of  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def meant(gallery: World) -> World:  # noqa: F811
    """The gallery, whose second picture is nearest to "a red owl"; it isn't known yet what that means."""
    card = {"digest": gallery.challenge.slug, "name": "joint", "family": "joint", "dimensions": 2, "text": {}}
    classifier = add_joint_classifier(card=card)
    set_joint_classifier(challenge=gallery.challenge, classifier=classifier)
    vectors = [[0.0, 1.0] if place == 1 else [1.0, 0.0] for place in range(len(gallery.images))]
    Embedding.objects.bulk_create(
        Embedding(image=image, classifier=classifier, vector=vector)
        for image, vector in zip(gallery.images, vectors, strict=True)
    )
    return gallery


def know(world: World) -> None:
    record_text_vectors(result=TextResult(world.challenge.slug, ("a red owl",), (pack_half([0.0, 1.0]),), (False,)))


def test_the_pictures_come_by_themselves_once_the_words_are_known(
    meant,
    browser: Browser,
    live_server,
    finder,  # noqa: F811
) -> None:
    page = page_of(browser, live_server, finder)
    page.goto(reverse("pages:explore", args=[meant.challenge.slug]))
    page.get_by_label("Words in titles and labels").fill("a red owl")
    page.get_by_label("by their meaning").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("A scoring worker works out “a red owl”.")).to_be_visible()
    know(meant)
    first = page.locator("[data-gallery] > [data-picture]").first
    expect(first.locator(".id")).to_have_text(meant.images[1].image_id)
    expect(page.locator("#news")).to_have_text("The nearest pictures are shown.")
    page.keyboard.press("Escape")
    first.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("link", name="Basket (1)")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("[data-picture]")).to_have_count(len(meant.images) - 48)
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()


def test_without_scripts_a_link_looks_again(meant, browser: Browser, live_server, finder) -> None:  # noqa: F811
    page = page_of(browser, live_server, finder, java_script_enabled=False)
    page.goto(reverse("pages:meaning", args=[meant.challenge.slug]))
    page.get_by_label("Words").fill("a red owl")
    page.get_by_role("button", name="Search").click()
    know(meant)
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("[data-picture]")).to_have_count(48)
    page.context.close()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_it_is_for_everybody_to_use(meant, browser: Browser, live_server, finder, size, scheme) -> None:  # noqa: F811
    page = page_of(browser, live_server, finder, size=size, scheme=scheme)
    for known in (False, True):
        if known:
            know(meant)
        page.goto(reverse("pages:meaning", args=[meant.challenge.slug]) + "?q=a+red+owl")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert broken_rules(page) == []
    page.context.close()
