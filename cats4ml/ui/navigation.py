"""The header's links: which there are, in which order, for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Section:
    """`role` is the attribute of `viewer` that must be true for the link to show; '' shows it to everybody."""

    name: str
    label: str
    url_name: str
    role: str = ""


SECTIONS = (
    Section("challenge", "Challenge", "pages:challenge"),
    Section("data", "Data", "pages:data"),
    Section("explore", "Explore", "pages:explore"),
    Section("submit", "Submit", "submissions:submit", "is_finder"),
    Section("mine", "My submissions", "pages:mine", "is_finder"),
    Section("review", "Review", "review:review", "is_rater"),
    Section("queue", "Queue", "submissions:queue"),
    Section("leaderboard", "Leaderboard", "leaderboard:board"),
    Section("console", "Console", "console:overview", "is_organiser"),
)

# The console's own pages, in the order of its sub-navigation.
CONSOLE_SECTIONS = (
    Section("overview", "Overview", "console:overview"),
    Section("pairs", "Pairs", "console:pairs"),
    Section("raters", "Raters", "console:raters"),
    Section("agreement", "Agreement", "console:agreement"),
    Section("rule", "Verdict rule", "console:verdict_rule"),
    Section("controls", "Control questions", "console:controls"),
    Section("adjudicate", "Ambiguous pairs", "console:adjudicate"),
    Section("disputes", "Disputes", "console:disputes"),
    Section("reports", "Reports", "console:reports"),
    Section("studies", "Studies", "console:studies"),
    Section("classifiers", "Classifiers", "console:classifiers"),
    Section("near-copies", "Near-copies", "console:near_copies"),
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
    shown = (s for s in SECTIONS if not s.role or getattr(viewer, s.role, False))
    return _links(shown, challenge, current)


def console_links(*, challenge: Any, current: str) -> tuple[Link, ...]:
    """The console's pages, for who is already in it."""
    return _links(CONSOLE_SECTIONS, challenge, current)


def _links(sections: Iterable[Section], challenge: Any, current: str) -> tuple[Link, ...]:
    links = (Link(s.label, url_or_empty(s.url_name, challenge.slug), s.name == current) for s in sections)
    return tuple(link for link in links if link.href)
