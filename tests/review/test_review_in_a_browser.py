"""Rating in a real browser: by keyboard alone, at once, and with whatever the network does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cats4ml.review.models import Device, Lease, LeaseEnd, PictureReport, Rating
from tests.flows.people import NARROW, WIDE
from tests.pages.test_explore_in_a_browser import page_of
from tests.review.questions import make_edition

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOK_MS = 300  # a little longer than what the page takes for a slip of the finger
LINE = "#review-error"


@pytest.fixture
def world():
    return make_edition(waiting=6)


@pytest.fixture
def rater(world):
    return world.rater()


@pytest.fixture
def page(browser: Browser, live_server, world, rater) -> Iterator[Page]:
    one = page_of(browser, live_server, rater)
    open_review(one, world)
    yield one
    one.context.close()


def open_review(page: Page, world) -> None:
    page.goto(f"/challenges/{world.challenge.slug}/review/")


def token(page: Page) -> str:
    return page.locator("#card").get_attribute("data-token") or ""


def press(page: Page, key: str) -> None:
    """As somebody does who has looked at the picture: until another question is there."""
    before = token(page)
    page.wait_for_function("() => document.querySelector('.review-well img')?.complete ?? true")
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press(key)
    page.wait_for_function("before => (document.getElementById('card').dataset.token || '') !== before", arg=before)
    assert fits(page)


def fits(page: Page) -> bool:
    """Nothing is to be scrolled, once the fonts are there."""
    return page.evaluate(
        "document.fonts.ready.then(() => document.documentElement.scrollHeight <= innerHeight"
        " && document.documentElement.scrollWidth <= innerWidth)"
    )


def settled(page: Page) -> None:
    """Wait until nothing is left to be sent."""
    page.wait_for_function("() => window.reviewSending.isIdle()")
    page.wait_for_load_state("networkidle")


def answers() -> list[str]:
    return list(Rating.objects.filter(pair__isnull=False).order_by("pk").values_list("answer", flat=True))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_fifteen_pairs_are_rated_by_keyboard_alone_without_scrolling(browser: Browser, live_server, size) -> None:
    world = make_edition(waiting=19, warm_up=2)
    rater = world.rater()
    page = page_of(browser, live_server, rater, size=size)
    open_review(page, world)
    assert fits(page)
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("Enter")
    guide = page.locator(".review-guide")
    for warm_up in range(2):
        expect(guide).to_have_attribute("open", "")
        assert fits(page)
        page.keyboard.press("Escape")
        press(page, "1")
        expect(page.locator("h1")).to_contain_text("You said “Yes”")
        assert token(page) == ""
        press(page, " " if warm_up else "x")
    skipped = reported = ""
    given = []
    for number in range(15):
        key = "123"[number % 3]
        if number == 4:
            skipped = token(page)
            press(page, "s")
        if number == 9:
            reported = token(page)
            page.keyboard.press("r")
            page.keyboard.press("3")
            expect(page.get_by_label("It shows a person")).to_be_checked()
            assert fits(page)
            press(page, "Enter")
        if number == 12:
            mistaken = token(page)
            press(page, "3")
            press(page, "Backspace")
            assert token(page) == mistaken
        if guide.count() and number > 9:
            page.keyboard.press("g")
            expect(guide).to_have_attribute("open", "")
            assert fits(page)
            page.keyboard.press("g")
        press(page, key)
        given.append({"1": "yes", "2": "no", "3": "dont_know"}[key])
    settled(page)
    assert answers() == given
    assert [str(lease.token) for lease in Lease.objects.filter(ended=LeaseEnd.SKIPPED)] == [skipped]
    assert [(str(one.kind), one.note) for one in PictureReport.objects.all()] == [("person", "")]
    assert str(Lease.objects.get(ended=LeaseEnd.REPORTED).token) == reported
    assert set(Rating.objects.values_list("device", flat=True)) == {Device.DESKTOP}
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()


def test_the_next_question_is_there_before_the_answer_has_arrived(page) -> None:
    first, arrived = token(page), []
    page.on("response", lambda reply: arrived.append(reply.url) if "/answer/" in reply.url else None)
    page.evaluate(
        "window.fetch = (real => (...all) => new Promise(go => setTimeout(go, 1500)).then(() => real(...all)))(fetch)"
    )
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    second = token(page)
    assert (second != first, arrived, fits(page)) == (True, [], True)
    assert page.evaluate("document.querySelector('.review-well img').complete")
    expect(page.locator(".review-last")).to_have_text("Last answer: Yes")
    # Another answer before that: it waits for its turn, and nothing is answered twice.
    page.wait_for_timeout(LOOK_MS)
    for _ in range(3):
        page.keyboard.press("2")
    assert token(page) == second
    page.wait_for_function("before => (document.getElementById('card').dataset.token || '') !== before", arg=second)
    settled(page)
    assert answers() == ["yes", "no"]
    assert str(Rating.objects.order_by("pk").first().lease.token) == first


def test_an_answer_given_without_a_connection_is_kept_and_sent_once(page) -> None:
    page.wait_for_timeout(LOOK_MS)
    page.context.set_offline(True)
    page.keyboard.press("3")
    expect(page.locator(LINE)).to_contain_text("Your answer is kept")
    shown = token(page)
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    assert (token(page), answers()) == (shown, [])
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(LINE)).to_be_hidden()
    settled(page)
    assert (token(page), answers()) == (shown, ["dont_know"])


def test_an_answer_whose_reply_was_lost_counts_once(page) -> None:
    lost = []

    def lose(route) -> None:
        route.fetch()  # it arrives, and what it is answered does not
        lost.append(route.request.post_data)
        route.abort()

    page.route("**/review/answer/", lose, times=1)
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    expect(page.locator(LINE)).to_contain_text("Your answer is kept")
    expect(page.locator(LINE)).to_be_hidden(timeout=5000)
    assert (len(lost), answers()) == (1, ["yes"])


def test_an_answer_that_did_not_arrive_is_sent_after_a_reload(page) -> None:
    page.route("**/review/answer/", lambda route: route.abort())
    page.wait_for_timeout(LOOK_MS)
    answered = token(page)
    page.keyboard.press("2")
    expect(page.locator(LINE)).to_contain_text("Your answer is kept")
    page.unroute("**/review/answer/")
    page.reload()
    page.wait_for_function("before => (document.getElementById('card').dataset.token || '') !== before", arg=answered)
    settled(page)
    assert answers() == ["no"]


def test_whoever_was_signed_out_signs_in_and_finds_the_answer_counted(page, rater) -> None:
    page.wait_for_timeout(LOOK_MS)
    answered = token(page)
    page.context.clear_cookies()
    page.keyboard.press("1")
    page.wait_for_url("**/accounts/login/**")
    page.locator("input[name=login]").fill(rater.user.username)
    page.locator("input[name=password]").fill("correct horse battery")
    page.locator("main button.button-main").click()
    page.wait_for_url("**/review/")
    page.wait_for_function("before => (document.getElementById('card').dataset.token || '') !== before", arg=answered)
    settled(page)
    assert answers() == ["yes"]


def test_another_tab_answers_the_same_question_once(page, world) -> None:
    other = page.context.new_page()
    open_review(other, world)
    assert token(other) == token(page)
    press(page, "1")
    settled(page)
    press(other, "2")
    expect(other.locator("[data-notice]")).to_have_text("You have answered this question. Undo that answer first.")
    settled(other)
    assert (answers(), token(other)) == (["yes"], token(page))


def test_a_tab_that_comes_back_shows_the_question_that_is_open_now(page, world) -> None:
    other = page.context.new_page()
    open_review(other, world)
    press(page, "1")
    settled(page)
    other.evaluate(
        """() => {
            const hidden = value => Object.defineProperty(document, "hidden", { value, configurable: true });
            const now = Date.now; hidden(true); document.dispatchEvent(new Event("visibilitychange"));
            Date.now = () => now() + 60000; hidden(false); document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    expect(other.locator("#card")).to_have_attribute("data-token", token(page))


def test_a_double_press_and_a_held_key_answer_one_question(page) -> None:
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    page.keyboard.press("1")
    settled(page)
    page.wait_for_timeout(LOOK_MS)
    for _ in range(5):
        page.keyboard.down("2")
    settled(page)
    assert answers() == ["yes", "no"]


def test_a_double_click_answers_one_question(page) -> None:
    page.wait_for_timeout(LOOK_MS)
    page.get_by_role("button", name="No", exact=True).dblclick()
    settled(page)
    assert answers() == ["no"]


def test_no_key_answers_while_a_note_is_written(page) -> None:
    asked = token(page)
    page.keyboard.press("r")
    note = page.get_by_label("Note (optional)")
    note.fill("")
    note.press_sequentially("1 2 3 4 s g r ?")
    expect(note).to_have_value("1 2 3 4 s g r ?")
    assert (token(page), answers(), page.locator(".review-report").get_attribute("open")) == (asked, [], "")
    page.keyboard.press("Escape")
    expect(page.locator(".review-report summary")).to_be_focused()


def test_the_keys_can_be_turned_off(page) -> None:
    asked = token(page)
    page.keyboard.press("?")
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    page.reload()
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("1")
    assert (token(page), answers()) == (asked, [])
    page.get_by_role("button", name="Yes").click()
    settled(page)
    assert answers() == ["yes"]


def test_the_new_question_is_announced_and_nothing_else(page) -> None:
    press(page, "1")
    expect(page.locator("#announce")).to_have_text(page.locator("h1").inner_text())


def test_after_an_hour_a_line_asks_to_rest_the_eyes(page) -> None:
    expect(page.locator("[data-rest]")).to_be_hidden()
    hour_ago = "{ began: Date.now() - 61 * 60000, last: Date.now() }"
    page.evaluate(f"sessionStorage.setItem('review-sitting', JSON.stringify({hour_ago}))")
    press(page, "2")
    expect(page.locator("[data-rest]")).to_contain_text("You have rated for an hour.")
    settled(page)
    assert fits(page)


def test_a_phone_says_that_it_is_one(browser: Browser, live_server, world, rater) -> None:
    page = page_of(browser, live_server, rater, size=NARROW, has_touch=True, is_mobile=True)
    open_review(page, world)
    page.wait_for_timeout(LOOK_MS)
    page.get_by_role("button", name="Yes").tap()
    settled(page)
    assert list(Rating.objects.values_list("device", flat=True)) == [Device.PHONE]
    page.context.close()
