"""The header's links: which there are, in which order, for whom."""

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
    links = (Link(s.label, url_or_empty(s.url_name, challenge.slug), s.name == current) for s in shown)
    return tuple(link for link in links if link.href)
