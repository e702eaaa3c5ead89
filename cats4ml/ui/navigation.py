"""The header's links: which there are, in which order, for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Section:
    """`role` is the attribute of `viewer`, and `edition` the one of the edition, that must be true for the link to
    show; '' shows it to everybody."""

    name: str
    label: str
    url_name: str
    role: str = ""
    edition: str = ""


SECTIONS = (
    Section("challenge", "Challenge", "pages:challenge"),
    Section("data", "Data", "pages:data"),
    Section("explore", "Explore", "pages:explore"),
    Section("submit", "Submit", "submissions:submit", "is_finder"),
    Section("mine", "My submissions", "pages:mine", "is_finder"),
    Section("review", "Review", "review:review", "is_rater"),
    Section("queue", "Queue", "submissions:queue"),
    Section("leaderboard", "Leaderboard", "leaderboard:board"),
    Section("releases", "Releases", "pages:releases", edition="is_released"),
    Section("console", "Console", "console:overview", "is_organiser"),
)

# The console's own pages, by what they are about. A group's name leads to its first page.
CONSOLE_GROUPS: tuple[tuple[str, tuple[Section, ...]], ...] = (
    ("Overview", (Section("overview", "Overview", "console:overview"),)),
    (
        "Edition",
        (
            Section("edition", "Edition", "console:edition"),
            Section("rule", "Policy", "console:verdict_rule"),
            Section("classifiers", "Classifiers", "console:classifiers"),
            Section("announcements", "Announcements", "console:announcements"),
            Section("acts", "What was done", "console:acts"),
        ),
    ),
    (
        "Pairs",
        (
            Section("pairs", "Pairs", "console:pairs"),
            Section("adjudicate", "Ambiguous pairs", "console:adjudicate"),
            Section("disputes", "Disputes", "console:disputes"),
            Section("reports", "Reports", "console:reports"),
            Section("near-copies", "Near-copies", "console:near_copies"),
        ),
    ),
    (
        "Raters",
        (
            Section("raters", "Raters", "console:raters"),
            Section("agreement", "Agreement", "console:agreement"),
            Section("controls", "Control questions", "console:controls"),
            Section("studies", "Studies", "console:studies"),
        ),
    ),
    (
        "Finders",
        (
            Section("finders", "Finders", "console:finders"),
            Section("patterns", "Patterns", "console:patterns"),
            Section("vouching", "People without mail", "console:vouching"),
        ),
    ),
    ("Releases", (Section("releases", "Releases", "console:releases"),)),
)


@dataclass(frozen=True)
class Link:
    label: str
    href: str
    current: bool


def url_or_empty(url_name: str, *args: Any) -> str:
    """As `{% url … as x %}` does: a name that is not there gives '', so that error pages can still be drawn."""
    try:
        return reverse(url_name, args=args)
    except NoReverseMatch:
        return ""


def section_links(*, challenge: Any, viewer: Any, current: str) -> tuple[Link, ...]:
    if challenge is None:
        return ()
    shown = (
        s
        for s in SECTIONS
        if (not s.role or getattr(viewer, s.role, False)) and (not s.edition or getattr(challenge, s.edition, False))
    )
    return _links(shown, challenge, current)


@dataclass(frozen=True)
class LinkGroup:
    """A part of the console: `href` leads to the first of its pages; `current` where the present page is among them."""

    label: str
    href: str
    current: bool
    links: tuple[Link, ...]


def console_links(*, challenge: Any, current: str) -> tuple[LinkGroup, ...]:
    """The console's pages in groups, for who is already in it."""
    groups = ((label, _links(sections, challenge, current)) for label, sections in CONSOLE_GROUPS)
    return tuple(
        LinkGroup(label, links[0].href, any(link.current for link in links), links) for label, links in groups if links
    )


def _links(sections: Iterable[Section], challenge: Any, current: str) -> tuple[Link, ...]:
    links = (Link(s.label, url_or_empty(s.url_name, challenge.slug), s.name == current) for s in sections)
    return tuple(link for link in links if link.href)
