"""From the key to the next picture: how long a rater waits, in a real browser, on a site that runs (`make run`).

    python -m benchmarks.rating_page --address http://127.0.0.1:8000 --user rater --password … [--answers 100]
        [--delay 300] [--width 360 --height 640]

`--delay`: milliseconds that every request takes longer, as on a slow network. Prints JSON: the median, 95th percentile
and worst of the milliseconds from the key to the frame in which the next picture is painted.
"""

from __future__ import annotations

import argparse
import json

from playwright.sync_api import Page, sync_playwright

from benchmarks.clicks import percentile
from tests.chromium import find_chromium

LOOK_MS = 400  # a quick rater

# From the key's own time stamp until the frame after the one in which the next picture, decoded, was in the page.
WATCH = """() => {
    window.waits = [];
    addEventListener("keydown", event => {
        const before = document.getElementById("card").dataset.token;
        const look = () => {
            const card = document.getElementById("card"), picture = card.querySelector(".review-well img");
            const there = card.dataset.token !== before && picture && picture.complete;
            if (!there) { requestAnimationFrame(look); return; }
            picture.decode().then(() => requestAnimationFrame(
                () => requestAnimationFrame(now => window.waits.push(now - event.timeStamp))));
        };
        requestAnimationFrame(look);
    }, true);
}"""


def sign_in(page: Page, options: argparse.Namespace) -> None:
    page.goto(f"{options.address}/accounts/login/")
    page.locator("input[name=login]").fill(options.user)
    page.locator("input[name=password]").fill(options.password)
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()


def measure(page: Page, options: argparse.Namespace) -> list[float]:
    """The waits after each answer; fewer than asked for where the queue ran empty."""
    page.goto(f"{options.address}/challenges/{options.challenge}/review/?begin=1")
    page.evaluate(WATCH)
    if options.delay:
        session = page.context.new_cdp_session(page)
        limits = {"offline": False, "latency": options.delay, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", limits)
    for number in range(options.answers):
        if page.locator(".answer").count() == 0:
            if page.locator("[data-next]").count() == 0:
                break
            page.locator("[data-next]").click()
            page.wait_for_selector(".answer")
        page.wait_for_timeout(LOOK_MS)
        page.keyboard.press("123"[number % 3])
        page.wait_for_timeout(LOOK_MS)
    page.wait_for_timeout(2 * LOOK_MS + options.delay)
    return list(page.evaluate("window.waits"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True)
    parser.add_argument("--challenge", default="digits")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--delay", type=int, default=0)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=800)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": options.width, "height": options.height})
        sign_in(page, options)
        waits = sorted(measure(page, options))
        browser.close()
    found = {"answers": len(waits), "delay_ms": options.delay}
    if waits:
        found |= {"p50_ms": percentile(waits, 50), "p95_ms": percentile(waits, 95), "worst_ms": waits[-1]}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
