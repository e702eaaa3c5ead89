"""The documentation pages drawn by a real browser under their Content-Security-Policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("page", "drawn"), [("docs", ".opblock-get"), ("redoc", "[data-section-id]")])
def test_documentation_is_drawn_and_asks_no_other_host(browser: Browser, live_server, page, drawn) -> None:
    tab = browser.new_page()
    answers: list[str] = []
    mistakes: list[str] = []
    tab.on("response", lambda response: answers.append(response.url))
    tab.on("pageerror", lambda error: mistakes.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and mistakes.append(message.text))
    tab.goto(f"{live_server.url}/api/{page}/")
    tab.wait_for_selector(drawn, timeout=30_000)
    tab.wait_for_timeout(1000)
    tab.close()
    # Redoc would fetch the picture of its maker's name from elsewhere; that is blocked, and nothing else is amiss.
    assert [mistake for mistake in mistakes if "redoc/logo-mini.svg" not in mistake] == []
    assert [url for url in answers if not url.startswith((live_server.url, "data:", "blob:"))] == []
