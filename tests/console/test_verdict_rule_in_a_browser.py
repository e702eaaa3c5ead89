"""The page about the verdict rule in a real browser: read, tried and put in force by keyboard, on wide and narrow."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from cats4ml.challenges.models import Challenge, Role
from tests.factories import World, make_user
from tests.flows.people import LOOKS, WIDE
from tests.review.rated import random_edition
from tests.web import signed_in

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def organisers_page(world: World, browser: Browser, live_server, size, scheme: str = "light", **more) -> Page:
    user = make_user("olga")
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    session = signed_in(user).cookies["sessionid"].value
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, **more
    )
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return context.new_page()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_page_breaks_no_accessibility_rule_and_does_not_scroll_sideways(
    db, browser: Browser, live_server, size, scheme
) -> None:
    world, _ = random_edition(3)
    page = organisers_page(world, browser, live_server, size, scheme)
    address = reverse("console:verdict_rule", args=[world.challenge.slug])
    found = {}
    for query in ("", "?verdict_rule=lead&lead=3&points=1", "?verdict_rule=lead&quorum=none&warm_up=-1"):
        page.goto(address + query)
        violations = [one["id"] for one in Axe().run(page).response["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[query] = (violations, wide)
    assert found == dict.fromkeys(found, ([], 0))


@pytest.mark.parametrize("scripts", [True, False])
def test_a_rule_is_tried_and_put_in_force(db, browser: Browser, live_server, scripts) -> None:
    world, _ = random_edition(3)
    page = organisers_page(world, browser, live_server, WIDE, java_script_enabled=scripts)
    page.goto(reverse("console:verdict_rule", args=[world.challenge.slug]))
    page.get_by_label("Verdict rule").select_option("lead")
    page.get_by_label("Answers ahead").fill("99")
    page.get_by_role("button", name="See what it would do").press("Enter")
    expect(page.get_by_label("Answers ahead")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Answers ahead").fill("2")
    page.get_by_label("Answers at most").fill("6")
    page.get_by_role("button", name="See what it would do").press("Enter")
    expect(page.get_by_text("Two to six raters look at each pair.").first).to_be_visible()
    page.get_by_label("Settled pairs too, as shown above").check()
    page.get_by_label("Reason", exact=True).fill("Half the answers.")
    page.get_by_role("button", name="Put this policy in force").press("Enter")
    expect(page.get_by_text("The policy is in force.").first).to_be_visible()
    expect(page.get_by_text("Half the answers.")).to_be_visible()
    rules = Challenge.objects.get(pk=world.challenge.pk).rules
    assert (rules.verdict_rule, rules.lead, rules.max_ratings) == ("lead", 2, 6)
