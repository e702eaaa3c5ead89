"""The pages about agreement in a real browser: for everybody to read, at any width, in both themes."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from PIL import Image as Pillow
from playwright.sync_api import Browser, expect

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.models import Image
from cats4ml.console.agreement import agreement_of
from cats4ml.rules.policy import Policy
from tests.accessibility import broken_rules
from tests.console.disagreeing import busy, organiser
from tests.factories import World, make_world
from tests.flows.people import LOOKS
from tests.web import signed_in

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def edition() -> World:
    world = make_world(pictures=24, policy=Policy(quorum=3))
    for place, image in enumerate(world.images):
        buffer = io.BytesIO()
        size = [(96, 72), (72, 96), (120, 40)][place % 3]
        Pillow.new("RGB", size, (40 + 8 * place, 200 - 6 * place, 120)).save(buffer, "PNG")
        image.file, image.sha256 = store_picture(content=buffer.getvalue(), suffix=".png")
        image.width, image.height = size
        image.author, image.license = "Ada Lovelace", "https://creativecommons.org/licenses/by/2.0/"
    Image.objects.bulk_update(world.images, ["file", "sha256", "width", "height", "author", "license"])
    busy(world)
    return world


def addresses(world: World) -> list[str]:
    slug = world.challenge.slug
    pair = agreement_of(world.challenge).divided[0]
    return [
        reverse("console:agreement", args=[slug]),
        reverse("console:agreement_answers", args=[slug]),
        reverse("console:pair", args=[slug, pair]),
        reverse("console:overview", args=[slug]),
    ]


def test_everybody_can_read_the_pages_at_any_width_in_both_themes(edition, browser: Browser, live_server) -> None:
    session = signed_in(organiser(edition)).cookies["sessionid"].value
    found = {}
    for (width, height), scheme in LOOKS:
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said, kept=complaints: kept.append(said.text) if said.type == "error" else None)
        for address in addresses(edition):
            page.goto(address)
            for summary in page.locator("details.disclosure > summary").all():
                summary.click()
            broken = broken_rules(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                broken.append("scrolls sideways")
            if broken or complaints:
                found[address, width, scheme] = [*broken, *complaints]
        context.close()
    assert found == {}


def test_a_divided_pair_leads_to_its_page_by_keyboard(edition, browser: Browser, live_server) -> None:
    context = browser.new_context(base_url=live_server.url)
    session = signed_in(organiser(edition)).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(addresses(edition)[0])
    page.locator("#divided ~ ul h3 a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Under each rule")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dog")
    context.close()
