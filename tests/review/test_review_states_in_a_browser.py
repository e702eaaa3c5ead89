"""Every state of the rater's page in a real browser: for everybody to use, without scrolling, without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from cats4ml.review.models import Device, Lease, PauseCause, RaterPause, Rating
from tests.accessibility import broken_rules
from tests.flows.people import LOOKS, NARROW, WIDE
from tests.pages.test_explore_in_a_browser import page_of
from tests.review.questions import LONG, explain, make_edition
from tests.review.test_review_in_a_browser import answers, fits, open_review, press

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ON_ITS_SIDE, TABLET = (640, 360), (768, 1024)


def problems(page: Page) -> list[str]:
    found = broken_rules(page)
    return found if fits(page) else [*found, "scrolls"]


@pytest.mark.parametrize(("size", "scheme"), [*LOOKS, (ON_ITS_SIDE, "dark"), (TABLET, "light")])
def test_no_state_of_the_page_breaks_an_accessibility_rule_or_scrolls(
    browser: Browser, live_server, size: tuple[int, int], scheme: str
) -> None:
    world = make_edition(waiting=3, warm_up=1)
    explain(world, "dog", LONG, fits=[4], fits_not=[5])
    rater = world.rater()
    page = page_of(browser, live_server, rater, size=size, scheme=scheme)
    found = {}
    open_review(page, world)
    found["intro"] = problems(page)
    press(page, "Enter")
    found["guidance, first met"] = problems(page)
    page.keyboard.press("g")
    found["question of the warm-up"] = problems(page)
    press(page, "2")
    found["told"] = problems(page)
    press(page, "ArrowRight" if size == WIDE else "n")
    found["question"] = problems(page)
    for key, name in {"r": "report", "?": "help", "g": "guidance"}.items():
        page.keyboard.press(key)
        expect(page.locator("details[open]")).to_have_count(1)
        found[name] = problems(page)
        page.keyboard.press("Escape")
        expect(page.locator("details[open]")).to_have_count(0)
    press(page, "1")
    press(page, "3")
    press(page, "2")
    expect(page.locator("h1")).to_have_text("Nothing waits for you right now")
    found["nothing waits"] = problems(page)
    RaterPause.objects.create(rater=rater, cause=PauseCause.TOO_FAST, created_at=world.clock)
    page.reload()
    expect(page.locator("h1")).to_have_text("Time for a pause")
    found["paused"] = problems(page)
    assert {state: broken for state, broken in found.items() if broken} == {}
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_everything_works_without_javascript(browser: Browser, live_server, size) -> None:
    world = make_edition(waiting=5, warm_up=1)
    rater = world.rater()
    page = page_of(browser, live_server, rater, size=size, java_script_enabled=False)

    def click(name: str) -> None:
        exact = page.get_by_role("button", name=name, exact=name in ("Yes", "No"))
        exact.or_(page.get_by_role("link", name=name, exact=True)).click()

    open_review(page, world)
    click("Start the warm-up")
    expect(page.get_by_text("This counts")).to_be_visible()
    page.locator(".review-guide summary").click()
    expect(page.get_by_text("This counts")).to_be_hidden()
    click("Don’t know")
    expect(page.locator("h1")).to_have_text("You said “Don’t know”. Experts say “Yes”.")
    expect(page.get_by_text("From here on your answers count.")).to_be_visible()
    click("Start rating")
    click("Yes")
    expect(page.get_by_text("Last answer: Yes")).to_be_visible()
    click("Undo")
    expect(page.get_by_text("Last answer: Don’t know")).to_be_visible()
    click("No")
    click("Skip")
    page.locator(".review-report summary").click()
    page.get_by_label("It is offensive").check()
    click("Report and go on")
    expect(page.get_by_text("Thank you. The organisers will look at it")).to_be_visible()
    click("Yes")
    click("Yes")
    expect(page.locator("h1")).to_have_text("Nothing waits for you right now")
    assert answers() == ["no", "yes", "yes"]
    assert sorted(Lease.objects.values_list("ended", flat=True)) == ["answered"] * 4 + ["reported", "skipped"]
    assert set(Rating.objects.values_list("device", flat=True)) == {Device.DESKTOP}
    page.context.close()
