"""Every page that somebody can open is looked at for accessibility in a browser, or it is said why not."""

from __future__ import annotations

from django.urls import resolve

from tests.flows.test_journey import ACCOUNT_PAGES, NOBODYS_PAGES, PAGES
from tests.security.facts import PAGES as FACTS
from tests.security.facts import ROLES, words_of

# Answers that are no page for people.
FILES = {
    "console:acts_csv", "console:pairs_csv", "console:finders_csv", "console:study_visits",
    "leaderboard:csv", "pages:data_checksums", "pages:data_file", "pages:release_root", "pages:release_file",
    "pages:picture", "review:picture", "review:example", "submissions:bad_rows", "evaluations:questions",
    "console:verdict_rule_csv", "operations:healthz", "operations:readyz", "operations:metrics",
}  # fmt: skip
# Of one thing, so that its address isn't known before; most of them are looked at by tests of their own.
OF_ONE_THING = {
    "console:adjudicate_pair", "console:dispute", "console:finder", "console:finder_disqualify",
    "console:label_guidance", "console:pair",
    "console:picture", "console:rater", "console:rater_discount", "console:roster",
    "console:study", "console:takedown", "console:takedown_picture", "console:verdict_rule_undo",
    "evaluations:board", "evaluations:evaluation",
    "pages:explore_like", "pages:explore_picture", "pages:leave", "pages:release", "pages:report_picture", "pages:team",
    "submissions:dispute", "submissions:upload",
}  # fmt: skip
WHY_NOT = {
    "account_confirm_email": "is opened by the link of a mail, once",
    "accounts:confirm_address": "is opened by the link of a mail, once",
    "account_reset_password_from_key": "is opened by the link of a mail, once",
    "account_set_password": "is for accounts without a password",
    "mfa_generate_recovery_codes": "is for accounts with a second factor",
    "console:edition_new": "is for people who may make challenges; nobody of the demonstration may",
    **dict.fromkeys(OF_ONE_THING, "is of one thing"),
}


def readable() -> set[str]:
    """The routes whose GET gives somebody something. The administration's pages are Django's own."""
    known = words_of(FACTS, ROLES)
    names = {name for name, found in known.items() if any(word.startswith("200") for word in found[0])}
    return {name for name in names if not name.startswith(("admin:", "api:"))}


def looked_at() -> set[str]:
    parts = [f"/challenges/digits/{part}" for pages in PAGES.values() for part in pages]
    return {resolve(address.partition("?")[0]).view_name for address in [*parts, *ACCOUNT_PAGES, *NOBODYS_PAGES]}


def test_every_page_is_looked_at_in_a_browser_or_it_is_said_why_not() -> None:
    left = readable() - FILES - looked_at()
    assert sorted(left ^ WHY_NOT.keys()) == []
