"""What people do in the browser."""

from __future__ import annotations

import re
import secrets

from playwright.sync_api import Browser, Page, expect

from tests.flows.site import Site

WIDE, NARROW = (1280, 800), (360, 640)
# Where the width changes nothing of the colours and the colours nothing of the width, each is looked at once.
LOOKS = [(WIDE, "light"), (NARROW, "dark")]


def new_page(browser: Browser, site: Site, size: tuple[int, int] = WIDE) -> Page:
    """A browser of its own for one person. What the console complains of is kept in `page.complaints`."""
    context = browser.new_context(
        base_url=site.address, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.complaints = complaints  # type: ignore[attr-defined]
    return page


def sign_in(page: Page, site: Site, role: str) -> None:
    name, password = site.people[role]
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.locator("main button.button-main").click()
    expect(page.get_by_text(name, exact=True).first).to_be_attached()


def sign_up(page: Page) -> str:
    name = f"visitor-{secrets.token_hex(3)}"
    page.goto("/accounts/signup/")
    page.locator("input[name=email]").fill(f"{name}@example.org")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password1]").fill("correct horse battery")
    page.locator("input[name=password2]").fill("correct horse battery")
    page.locator("main button[type=submit]").click()
    page.wait_for_url(lambda url: "signup" not in url)
    confirm_address(page, name)
    return name


def confirm_address(page: Page, name: str) -> None:
    """Open the link of the newest mail to this person, which lies in the browser where there is no mail server."""
    page.goto("/mail/")
    mail = page.locator("li", has_text=f"{name}@example.org").first
    mail.get_by_role("link").click()
    page.get_by_role("button", name="Yes, confirm it").click()
    page.wait_for_url(lambda url: "/confirm-email/" not in url)


def truth(page: Page, site: Site) -> str:
    """The answer that fits the question and the picture in view, by the data set's own label: Yes or No."""
    asked = re.search(r"digit (\d)", page.locator("#card h1").inner_text())
    assert asked is not None
    picture = page.request.get(page.get_by_role("img", name="The picture to judge").get_attribute("src") or "")
    return "Yes" if site.digit_in(picture.body()) == asked[1] else "No"


def warm_up(page: Page, site: Site, *, by_keys: bool) -> int:
    """From the words before a warm-up to the first question that counts. Returns how many questions it took."""
    expect(page.get_by_role("heading", name="A short warm-up first")).to_be_visible()
    _go_on(page, "Start the warm-up", by_keys=by_keys)
    for number in range(1, 13):
        expect(page.locator("[data-progress]")).to_contain_text("warm-up, does not count")
        answer = truth(page, site)
        if by_keys:
            page.keyboard.press("Escape")  # what counts lies open over the picture on a narrow screen
            page.wait_for_timeout(300)  # a key within a quarter of a second is meant for the picture before
            page.keyboard.press("1" if answer == "Yes" else "2")
        else:
            page.get_by_role("button", name=answer, exact=True).click()
        expect(page.locator("#card h1")).to_have_text(f"You said “{answer}”, and so do experts.")
        if page.get_by_text("That was the warm-up.").count():
            _go_on(page, "Start rating", by_keys=by_keys)
            return number
        _go_on(page, "Next question", by_keys=by_keys)
    raise AssertionError("the warm-up does not end")


def _go_on(page: Page, name: str, *, by_keys: bool) -> None:
    link = page.get_by_role("link", name=name)
    if not by_keys:
        link.click()
        return
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    expect(link).to_have_count(0)


def join(page: Page, *, as_rater: bool = False) -> None:
    page.goto("/challenges/digits/")
    page.get_by_role("link", name="Join the challenge").first.click()
    if as_rater:
        page.get_by_label("rate pictures").check()
    page.get_by_label("I have read the text above").check()
    page.get_by_role("button", name="Join the challenge").click()
    page.wait_for_url("**/review/" if as_rater else "**/explore/")
