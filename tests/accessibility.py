"""axe-core on a page: which of WCAG 2.2's rules of levels A and AA it breaks."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def broken_rules(page: Page) -> list[str]:
    """Each broken rule with the first element that breaks it.

    All rules are run. Of those that hold axe describes no element: that is a third of its work.
    """
    options = {"runOnly": LEVELS, "resultTypes": ["violations"]}
    violations = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
