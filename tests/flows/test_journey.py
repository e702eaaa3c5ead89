"""The whole journey in a real browser, with real workers: from signing up to a credited pair and an exported set."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import time
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accessibility import broken_rules
from tests.flows.people import LOOKS, NARROW, WIDE, join, new_page, sign_in, sign_up, warm_up
from tests.flows.site import Site, start, stop

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

PATIENCE_MS = 240_000
HEADER = "image_id,label_id,label_name,hum_yes_rating,hum_no_rating,hum_dont_know_rating,machine_score"


def unclaimed_find(page: Page, site: Site, kind: str, number: int) -> tuple[str, str]:
    """An adverse pair that nobody claimed yet. `number` keeps the journeys out of each other's way."""
    claimed: set[str] = set()
    address = "/challenges/digits/queue/"
    while address:
        page.goto(address)
        claimed |= set(page.locator("td.id > a").all_inner_texts())
        link = page.get_by_role("link", name="Next")
        address = "/challenges/digits/queue/" + link.get_attribute("href") if link.count() else ""
    found = [(image, label) for image, label, one in site.adverse_pairs() if one == kind and image not in claimed]
    return found[number]


def claim(page: Page, image: str, label: str, rationale: str = "") -> None:
    page.goto(f"/challenges/digits/submit/?image={image}")
    expect(page.get_by_role("img", name=f"Picture {image}")).to_be_visible()
    page.get_by_label("Label").select_option(label)
    page.get_by_label("Why might the machines get it wrong?").fill(rationale)
    page.get_by_role("button", name="Submit this pair").click()
    page.wait_for_url("**/submissions/")


def test_a_visitor_alone_sees_a_pair_scored_rated_settled_and_credited(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    name = sign_up(page)
    join(page)
    image, label = unclaimed_find(page, site, "false_negative", 0)
    claim(page, image, label, "Looks like another digit to a machine.")
    row = page.locator("article.claim")
    expect(row).to_contain_text("In review", timeout=PATIENCE_MS)
    expect(row.get_by_text("False negative", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(row).to_contain_text("All five raters said yes, the machines’ mean was 0.")
    expect(row).to_contain_text("1 point.")
    page.goto("/challenges/digits/leaderboard/")
    mine = page.locator("tr.you")
    expect(mine).to_contain_text(name)
    expect(mine.locator(".c-points")).to_have_text("1", timeout=30_000)
    page.goto("/challenges/digits/submit/")
    expect(page.get_by_text("104 claims left")).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_csv_is_checked_row_by_row_before_anything_is_charged(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    sign_up(page)
    join(page)
    image, label = unclaimed_find(page, site, "false_positive", 1)
    lines = ["\ufeffImage_ID,Label_ID,Rationale", f"{image},{label},curly", f"{image},{label},again"]
    lines += ["ffffffffffffffff,3,no such picture", f"{image},zebra,no such label"]
    page.goto("/challenges/digits/submit/")
    content = "\r\n".join(lines).encode()
    page.get_by_label("CSV file").set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_role("heading", name="1 pair is ready to go")).to_be_visible()
    expect(page.get_by_text("Nothing has been charged yet")).to_be_visible()
    reasons = page.locator("table").first.locator("tbody tr").all_inner_texts()
    assert sorted(reason.split("\t")[1] for reason in reasons) == [
        "Label is not a target label",
        "Picture is not in the target pool",
        "Same pair earlier in this file",
    ]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download these rows (CSV)").click()
    kept = list(csv.DictReader(download.value.path().open(encoding="utf-8")))
    assert [row["line"] for row in kept] == ["3", "4", "5"]
    page.get_by_role("button", name="Submit 1 pair").click()
    expect(page.get_by_role("heading", name="1 pair submitted")).to_be_visible()
    expect(page.get_by_text("99 claims left")).to_be_visible()


DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_dropped_file_is_checked_at_once_and_its_bar_moves_with_its_claims(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    sign_up(page)
    join(page)
    finds = [unclaimed_find(page, site, "false_negative", number) for number in (3, 4)]
    page.goto("/challenges/digits/submit/")
    page.evaluate(DROP, ["claims.xlsx", '{"image_id": 1}'])
    expect(page.locator("#upload-part")).to_contain_text("Not sent: This is JSON, not a CSV.")
    lines = ["image_id;label_id", *(f"{image};{label}" for image, label in finds)]
    page.evaluate(DROP, ["claims.csv", "\n".join(lines)])
    expect(page.get_by_role("heading", name="2 pairs are ready to go")).to_be_visible()
    page.get_by_role("button", name="Submit 2 pairs").press("Enter")
    progress = page.locator("#upload-progress")
    expect(progress.get_by_role("heading")).to_contain_text("2 of 2 scored", timeout=PATIENCE_MS)
    expect(progress.get_by_role("img")).to_have_attribute("aria-label", re.compile("0 in line for a score$"))
    page.get_by_role("link", name="See these claims").click()
    expect(page.locator("article.claim")).to_have_count(2)
    page.get_by_role("link", name="What has worked for you so far").click()
    expect(page.get_by_role("heading", name="By label")).to_be_visible()
    assert [said for said in page.complaints if "422" not in said] == []  # type: ignore[attr-defined]


def answer_by_key(page: Page, key: str) -> None:
    page.wait_for_timeout(300)  # a key within a quarter of a second is meant for the picture before
    page.keyboard.press(key)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_rater_answers_by_keyboard_alone_and_takes_one_back(
    site: Site, browser: Browser, size: tuple[int, int]
) -> None:
    page = new_page(browser, site, size)
    sign_up(page)
    join(page, as_rater=True)
    question = page.locator("#card h1")
    assert warm_up(page, site, by_keys=True) >= 6
    expect(question).to_contain_text("Is this the digit")
    expect(page.locator("[data-progress]")).to_contain_text("0 of 100")
    expect(page.locator("[data-undo]")).to_be_disabled()
    first = page.locator("input[name=token]").first.get_attribute("value")
    answer_by_key(page, "1")
    expect(page.locator("[data-progress]")).to_contain_text("1 of 100")
    page.keyboard.press("Backspace")
    expect(page.locator("[data-progress]")).to_contain_text("0 of 100")
    expect(page.locator("[data-undo]")).to_be_disabled()
    assert page.locator("input[name=token]").first.get_attribute("value") == first
    answer_by_key(page, "3")
    expect(page.get_by_text("Last answer: Don’t know")).to_be_visible()
    answer_by_key(page, "2")
    expect(page.get_by_text("Last answer: No", exact=True)).to_be_visible()
    expect(page.locator("[data-progress]")).to_contain_text("2 of 100")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.complaints == []  # type: ignore[attr-defined]


def test_the_whole_journey_works_without_javascript(site: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=site.address, java_script_enabled=False)
    page = context.new_page()
    sign_up(page)
    join(page, as_rater=True)
    assert warm_up(page, site, by_keys=False) >= 6
    for number, answer in enumerate(("Yes", "No"), start=1):
        page.get_by_role("button", name=answer, exact=True).click()
        expect(page.get_by_text(f"Last answer: {answer}")).to_be_visible()
        expect(page.locator("[data-progress]")).to_contain_text(f"{number} of 100")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-progress]")).to_contain_text("1 of 100")
    expect(page.get_by_role("button", name="Don’t know")).to_be_visible()


def test_an_organiser_exports_the_adverse_test_set_by_page_and_by_token(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    sign_in(page, site, "organiser")
    page.goto("/challenges/digits/console/")
    with page.expect_download() as download:
        page.get_by_role("link", name="adverse pair").click()
    by_page = download.value.path().read_bytes()
    page.goto("/account/tokens/")
    page.get_by_label("Name").fill(f"export {time.monotonic()}")
    page.get_by_label("Export and organise").check()
    page.get_by_role("button", name="Make the token").click()
    key = page.get_by_label("Token", exact=True).input_value()
    address = f"{site.address}/api/v1/challenges/digits/pairs/?format=csv&outcome=adverse"
    request = urllib.request.Request(address, headers={"Authorization": f"Token {key}"})
    with urllib.request.urlopen(request) as response:
        by_token = response.read()
    assert by_token.startswith(by_page)
    assert by_page.decode().splitlines()[0] == HEADER
    rows = list(csv.DictReader(io.StringIO(by_page.decode())))
    assert rows
    for row in rows:
        people_yes = int(row["hum_yes_rating"]) > int(row["hum_no_rating"])
        assert people_yes != (row["machine_score"] == "1")


def test_a_killed_scoring_worker_loses_nothing(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    sign_up(page)
    join(page)
    image, label = unclaimed_find(page, site, "false_negative", 2)
    workers = site.children("scoring.app worker")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    claim(page, image, label)
    expect(page.locator("article.claim")).to_contain_text("In review", timeout=PATIENCE_MS)
    assert workers
    assert not set(site.children("scoring.app worker")) & set(workers)


def test_the_organiser_of_the_demo_sees_where_raters_agree_and_where_not(site: Site, browser: Browser) -> None:
    page = new_page(browser, site)
    sign_in(page, site, "organiser")
    page.goto("/challenges/digits/console/")
    page.get_by_role("link", name="Agreement (alpha)").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("alpha 0.")
    assert page.locator("table.dots tbody tr").count() > 5
    assert page.locator(".columns-plot rect").count() > 1
    page.locator("#divided ~ ul h3 a").first.click()
    expect(page.get_by_role("heading", name="Under each rule")).to_be_visible()
    page.goto("/challenges/digits/console/agreement/answers/")
    assert page.locator(".multiples > li").count() >= 5
    assert page.locator(".plot-shares circle").count() > 0
    assert page.complaints == []  # type: ignore[attr-defined]


NOBODYS_PAGES = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/mail/",
    "/accounts/confirm-email/",
    "/",
    "/accounts/inactive/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/3rdparty/login/cancelled/",
]
ACCOUNT_PAGES = [
    "/account/preferences/",
    "/account/tokens/",
    "/account/notices/",
    "/account/notices/choices/",
    "/account/teams/",
    "/account/consents/",
    "/account/data/",
    "/account/data/delete/",
    "/account/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/2fa/",
    "/accounts/2fa/webauthn/",
    "/accounts/3rdparty/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
]
PAGES = {
    "nobody": ["", "data/", "explore/", "queue/", "leaderboard/", "releases/"],
    "participant": ["explore/", "basket/", "submit/", "submissions/", "submissions/hints/", "join/", "sensitive/"],
    "rater": ["review/"],
    "organiser": [
        "console/",
        "console/pairs/",
        "console/raters/",
        "console/agreement/",
        "console/agreement/answers/",
        "console/verdict-rule/",
        "console/releases/",
        "console/verdict-rule/?verdict_rule=lead",
        "console/controls/",
        "console/controls/from-pairs/",
        "console/guidance/",
        "console/ambiguous/",
        "console/disputes/",
        "console/reports/",
        "console/takedowns/",
        "console/sensitive/",
        "console/studies/",
        "console/classifiers/",
        "console/near-copies/",
        "console/finders/",
        "console/patterns/",
        "console/edition/",
        "console/edition/texts/",
        "console/edition/labels/?find=1",
        "console/edition/pool/",
        "console/edition/classifiers/",
        "console/edition/policy/",
        "console/edition/dates/",
        "console/edition/consent/",
        "console/edition/organisers/",
        "console/edition/preview/",
        "console/edition/move/pause/",
        "console/announcements/",
        "console/vouching/",
        "console/acts/",
    ],
}


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_no_page_breaks_an_accessibility_rule_or_scrolls_sideways(
    site: Site, browser: Browser, size: tuple[int, int], scheme: str
) -> None:
    found = {}
    for role, pages in PAGES.items():
        page = new_page(browser, site, size)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if role != "nobody":
            sign_in(page, site, role)
        others = {"nobody": NOBODYS_PAGES, "participant": ACCOUNT_PAGES}.get(role, [])
        for address in [*(f"/challenges/digits/{part}" for part in pages), *others]:
            page.goto(address)
            broken = broken_rules(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                broken.append("scrolls sideways")
            if page.complaints:  # type: ignore[attr-defined]
                broken += page.complaints  # type: ignore[attr-defined]
            if broken:
                found[address] = broken
        page.context.close()
    assert found == {}


def read(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(address) as response:
        return list(json.load(response)["results"])


def test_a_stopped_platform_leaves_no_process_and_starts_again_with_everything_as_it_was(site: Site) -> None:
    """The last journey: it stops the platform that the others used. What was provisional may settle meanwhile."""
    api = "/api/v1/challenges/digits"
    pairs = read(f"{site.address}{api}/queue/?page_size=1000")
    board = read(f"{site.address}{api}/standings/")
    stop(site)
    assert site.children("") == []
    again = start(site.home, site.log)
    try:
        kept = read(f"{again.address}{api}/queue/?page_size=1000")
        points = {line["name"]: line["points"] for line in read(f"{again.address}{api}/standings/")}
    finally:
        stop(again)
    assert [(pair["image_id"], pair["label_id"]) for pair in kept] == [
        (pair["image_id"], pair["label_id"]) for pair in pairs
    ]
    assert [line["name"] for line in board if points[line["name"]] < line["points"]] == []
    assert again.children("") == []
