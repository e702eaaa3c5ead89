"""An expert decides by keyboard alone, on a wide screen and on a narrow one, and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from cats4ml.challenges.models import Participation
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.models import Adjudication, Dispute
from tests.accessibility import broken_rules
from tests.factories import World, make_world
from tests.flows.people import LOOKS, NARROW, WIDE
from tests.pages.test_explore_in_a_browser import page_of
from tests.submissions.disputed import WORDS, organiser, settled

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def waiting() -> World:
    """Three ambiguous pairs, the last of them disputed."""
    world = make_world()
    finder = world.finder()
    claims = [settled(world, finder, place) for place in range(3)]
    dispute_outcome(participation=finder, submission_id=claims[2].pk, reason=WORDS, at=world.pass_time(1))
    return world


def expert_of(world: World) -> Participation:
    return Participation.objects.select_related("user").get(user=organiser(world))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_pairs_are_decided_by_keyboard_alone(browser: Browser, live_server, waiting, size) -> None:
    page = page_of(browser, live_server, expert_of(waiting), size)
    page.goto(f"/challenges/{waiting.challenge.slug}/console/ambiguous/")
    page.get_by_role("link", name="Decide the first one").focus()
    page.keyboard.press("Enter")
    for place, key, steps in ((2, "1", 0), (0, "2", 1), (1, "3", 5)):
        page.wait_for_url(f"**/ambiguous/{waiting.pair(place, 'cat').pk}/*")
        page.keyboard.press(key)
        page.keyboard.press("Space")
        for _ in range(steps):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("No pair needs an expert")
    assert [
        (waiting.pair(place, "cat").verdict, waiting.pair(place, "cat").adjudicated_reason) for place in range(3)
    ] == [
        ("no", "It is nowhere in the picture."),
        ("undecided", "It is too small, too dark or too much hidden to tell."),
        ("yes", "The picture shows it clearly."),
    ]
    assert Dispute.objects.get().answer == "The picture shows it clearly."
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()


def test_what_others_said_comes_once_it_is_asked_for_and_the_choice_stays(browser, live_server, waiting) -> None:
    page = page_of(browser, live_server, expert_of(waiting))
    page.goto(f"/challenges/{waiting.challenge.slug}/console/ambiguous/{waiting.pair(2, 'cat').pk}/")
    page.keyboard.press("1")
    page.get_by_label("Or, and, in your own words").fill("Look left: 1, 2, 3.")
    page.get_by_role("link", name="See what machines and raters said").click()
    expect(page.locator("#facts")).to_contain_text(WORDS)
    assert page.locator("[name=verdict][value=yes]").is_checked()
    page.get_by_label("Or, and, in your own words").press("Control+Enter")
    expect(page.get_by_text("It counts as false negative now.")).to_be_visible()
    assert Adjudication.objects.get().reason == "Look left: 1, 2, 3."
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()


def test_all_of_it_works_without_javascript(browser: Browser, live_server, waiting) -> None:
    page = page_of(browser, live_server, expert_of(waiting), java_script_enabled=False)
    base = f"/challenges/{waiting.challenge.slug}/console"
    page.goto(f"{base}/ambiguous/")
    page.get_by_role("link", name="Decide the first one").click()
    page.get_by_role("link", name="See what machines and raters said").click()
    page.get_by_role("radio", name="Can’t tell").check()
    page.get_by_text("It is nowhere in the picture.").click()
    page.get_by_role("button", name="Decide and go on").click()
    assert waiting.pair(2, "cat").adjudicated_reason == "It is nowhere in the picture."
    page.goto(f"{base}/disputes/?answered=1")
    page.get_by_role("link", name="See the pair").click()
    expect(page.get_by_text("An expert looked too and could not tell.")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_no_page_breaks_an_accessibility_rule_or_scrolls_sideways(
    browser: Browser, live_server, waiting, size, scheme
) -> None:
    made, base = Dispute.objects.get(), f"/challenges/{waiting.challenge.slug}"
    pk = waiting.pair(0, "cat").pk
    page = page_of(browser, live_server, expert_of(waiting), size, scheme)
    found = {}
    for address in (
        f"{base}/console/ambiguous/",
        f"{base}/console/ambiguous/{pk}/",
        f"{base}/console/ambiguous/{pk}/?see=1",
        f"{base}/console/disputes/",
        f"{base}/console/disputes/{made.pk}/",
    ):
        page.goto(address)
        broken = broken_rules(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            broken.append("scrolls sideways")
        found[address] = [*broken, *page.complaints]  # type: ignore[attr-defined]
    finder = page_of(browser, live_server, made.submission.participation, size, scheme)
    for address in (
        f"{base}/submissions/",
        f"{base}/submissions/{waiting.pair(0, 'cat').submissions.get().pk}/dispute/",
    ):
        finder.goto(address)
        found[address] = broken_rules(finder)
        if finder.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[address].append("scrolls sideways")
    assert {address: broken for address, broken in found.items() if broken} == {}
    page.context.close()
    finder.context.close()
