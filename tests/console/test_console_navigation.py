"""The console's sub-navigation: one list of pages on each of them, and the present one is marked."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from cats4ml.challenges.models import Role
from cats4ml.ui.navigation import CONSOLE_GROUPS, console_links
from tests.factories import World, make_user
from tests.web import signed_in

HERE = {
    "console:overview": "Overview",
    "console:edition": "Edition",
    "console:edition_texts": "Edition",
    "console:edition_labels": "Edition",
    "console:edition_pool": "Edition",
    "console:edition_classifiers": "Edition",
    "console:edition_policy": "Edition",
    "console:edition_dates": "Edition",
    "console:edition_consent": "Edition",
    "console:edition_organisers": "Edition",
    "console:announcements": "Announcements",
    "console:acts": "What was done",
    "console:pairs": "Pairs",
    "console:raters": "Raters",
    "console:studies": "Studies",
    "console:classifiers": "Classifiers",
    "console:near_copies": "Near-copies",
    "console:finders": "Finders",
    "console:patterns": "Patterns",
    "console:vouching": "People without mail",
    "console:adjudicate": "Ambiguous pairs",
    "console:disputes": "Disputes",
    "console:reports": "Reports",
    "console:takedowns": "Taken down",
    "console:sensitive": "Sensitive pictures",
    "console:controls": "Control questions",
    "console:controls_from_pairs": "Control questions",
    "console:guidance": "Control questions",
    "console:agreement": "Agreement",
    "console:agreement_answers": "Agreement",
    "console:verdict_rule": "Policy",
    "console:releases": "Releases",
}


@pytest.fixture
def organiser(world: World):
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return signed_in(user)


def links_of(html: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', html)


def test_each_page_of_the_console_leads_to_all_others_and_marks_itself(world, organiser) -> None:
    groups = console_links(challenge=world.challenge, current="")
    every = [link.href for group in groups for link in group.links]
    for page, label in HERE.items():
        html = organiser.get(reverse(page, args=[world.challenge.slug])).content.decode()
        wide, narrow = html.split('<div class="console-nav-wide">')[1].split('<details class="console-nav-narrow">')
        own = next(group for group in groups if label in [link.label for link in group.links])
        pages = [link.href for link in own.links] if len(own.links) > 1 else []
        assert links_of(wide) == [*(group.href for group in groups), *pages]
        assert re.findall(r'aria-current="page">([^<]+)<', wide) == [label]
        assert links_of(narrow.split("</details>")[0]) == every
        assert f"<summary>Console: {label} <span>All pages</span></summary>" in html


def test_a_page_that_is_not_there_yet_is_left_out(world, settings) -> None:
    names = [section.name for _, sections in CONSOLE_GROUPS for section in sections]
    assert (names[0], names[-1], len(set(names))) == ("overview", "releases", len(names))
    settings.ROOT_URLCONF = "cats4ml.accounts.urls"
    assert console_links(challenge=world.challenge, current="overview") == ()
