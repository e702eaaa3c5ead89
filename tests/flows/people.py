"""What people do in the browser."""

from __future__ import annotations

import secrets

from playwright.sync_api import Browser, Page, expect

from tests.flows.site import Site

WIDE, NARROW = (1280, 800), (360, 640)


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
    page.locator("main button[type=submit]").click()
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
    return name


def join(page: Page, *, as_rater: bool = False) -> None:
    page.goto("/challenges/digits/")
    page.get_by_role("link", name="Join the challenge").first.click()
    if as_rater:
        page.get_by_label("rate pictures").check()
    page.get_by_label("I have read the text above").check()
    page.get_by_role("button", name="Join the challenge").click()
    page.wait_for_url("**/review/" if as_rater else "**/explore/")
