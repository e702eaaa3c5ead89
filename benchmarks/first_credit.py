"""How long a lone visitor of the demo waits for the first credit: `python -m benchmarks.first_credit`.

Starts the whole platform in a home of its own, claims `--claims` adverse pairs one after the other in a browser, and
prints one JSON object with the seconds from the click to the machine score, to the verdict, and to the board. The
promise is 120 seconds from the click to the credit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.chromium import NONE_FOUND, find_chromium
from tests.flows.people import join, new_page, sign_up
from tests.flows.site import Site, running_site
from tests.flows.test_journey import claim, unclaimed_find

PROMISE = 120.0
PATIENCE_MS = 300_000


def measure(page: Page, site: Site, number: int) -> dict[str, float]:
    """Seconds from the click for one pair, by what became of it."""
    image, label = unclaimed_find(page, site, "false_negative", number)
    began = time.monotonic()
    claim(page, image, label)
    row = page.locator("article.claim").first
    expect(row).to_contain_text("In review", timeout=PATIENCE_MS)
    scored = time.monotonic() - began
    expect(row).to_contain_text("1 point.", timeout=PATIENCE_MS)
    settled = time.monotonic() - began
    page.goto("/challenges/digits/leaderboard/")
    expect(page.locator("tr.you .c-points")).to_have_text(str(number + 1), timeout=PATIENCE_MS)
    return {"scored": scored, "settled": settled, "on_the_board": time.monotonic() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds from a visitor's click to the credit, in the demo.")
    parser.add_argument("--claims", type=int, default=3)
    claims = parser.parse_args().claims
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(NONE_FOUND)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        with running_site(Path(folder) / "home") as site:
            page = new_page(browser, site)
            sign_up(page)
            join(page)
            runs = [measure(page, site, number) for number in range(claims)]
    worst = max(run["on_the_board"] for run in runs)
    rounded = [{name: round(seconds, 1) for name, seconds in run.items()} for run in runs]
    print(json.dumps({"runs": rounded, "worst": round(worst, 1), "of_the_promise": round(worst / PROMISE, 2)}))


if __name__ == "__main__":
    main()
