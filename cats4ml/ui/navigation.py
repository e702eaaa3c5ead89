"""The header's links: which there are, in which order, for whom."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_ANY = UUID(int=0)


@dataclass(frozen=True)
class Section:
    """`role` is the attribute of `viewer`, and `edition` the one of the edition, that must be true for the link to
    show; '' shows it to everybody. `counted`: which of the edition's `waiting`, where it has them, stands behind it."""

    name: str
    english: str
    url_name: str
    role: str = ""
    edition: str = ""
    counted: str = ""

    @property
    def label(self) -> str:
        return _(self.english)


SECTIONS = (
    Section("challenge", gettext_noop("Challenge"), "pages:challenge"),
    Section("data", gettext_noop("Data"), "pages:data"),
    Section("explore", gettext_noop("Explore"), "pages:explore"),
    Section("submit", gettext_noop("Submit"), "submissions:submit", "is_finder"),
    Section("mine", gettext_noop("My submissions"), "pages:mine", "is_finder"),
    Section("review", gettext_noop("Review"), "review:review", "is_rater"),
    Section("queue", gettext_noop("Queue"), "submissions:queue"),
    Section("leaderboard", gettext_noop("Leaderboard"), "leaderboard:board"),
    Section("releases", gettext_noop("Releases"), "pages:releases", edition="is_released"),
    Section("console", gettext_noop("Console"), "console:overview", "is_organiser"),
)

# The console's own pages, by what they are about. A group's name leads to its first page.
CONSOLE_GROUPS: tuple[tuple[str, tuple[Section, ...]], ...] = (
    (gettext_noop("Overview"), (Section("overview", gettext_noop("Overview"), "console:overview"),)),
    (
        gettext_noop("Edition"),
        (
            Section("edition", gettext_noop("Edition"), "console:edition"),
            Section("rule", gettext_noop("Policy"), "console:verdict_rule"),
            Section("classifiers", gettext_noop("Classifiers"), "console:classifiers"),
            Section("announcements", gettext_noop("Announcements"), "console:announcements"),
            Section("acts", gettext_noop("What was done"), "console:acts"),
        ),
    ),
    (
        gettext_noop("Pairs"),
        (
            Section("pairs", gettext_noop("Pairs"), "console:pairs"),
            Section("adjudicate", gettext_noop("Ambiguous pairs"), "console:adjudicate"),
            Section("disputes", gettext_noop("Disputes"), "console:disputes"),
            Section("reports", gettext_noop("Reports"), "console:reports", counted="reports"),
            Section("takedowns", gettext_noop("Taken down"), "console:takedowns"),
            Section("sensitive", gettext_noop("Sensitive pictures"), "console:sensitive"),
            Section("near-copies", gettext_noop("Near-copies"), "console:near_copies"),
        ),
    ),
    (
        gettext_noop("Raters"),
        (
            Section("raters", gettext_noop("Raters"), "console:raters"),
            Section("agreement", gettext_noop("Agreement"), "console:agreement"),
            Section("controls", gettext_noop("Control questions"), "console:controls"),
            Section("studies", gettext_noop("Studies"), "console:studies"),
        ),
    ),
    (
        gettext_noop("Finders"),
        (
            Section("finders", gettext_noop("Finders"), "console:finders"),
            Section("patterns", gettext_noop("Patterns"), "console:patterns"),
            Section("vouching", gettext_noop("People without mail"), "console:vouching"),
        ),
    ),
    (gettext_noop("Releases"), (Section("releases", gettext_noop("Releases"), "console:releases"),)),
)


@dataclass(frozen=True)
class Link:
    label: str
    href: str
    current: bool
    count: int = 0


def url_or_empty(url_name: str, *args: Any) -> str:
    """As `{% url … as x %}` does: a name that is not there gives '', so that error pages can still be drawn."""
    try:
        return reverse(url_name, args=args)
    except NoReverseMatch:
        return ""


def urls_by_uuid(url_name: str, *args: Any) -> Callable[[UUID], str]:
    """`reverse(url_name, args=[*args, uuid])` by uuid, for many of them: Django looks for the pattern once."""
    before, after = reverse(url_name, args=[*args, _ANY]).rsplit(str(_ANY), 1)
    return lambda uuid: f"{before}{uuid}{after}"


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

    @property
    def count(self) -> int:
        return sum(link.count for link in self.links)


def console_links(*, challenge: Any, current: str) -> tuple[LinkGroup, ...]:
    """The console's pages in groups, for who is already in it."""
    groups = ((label, _links(sections, challenge, current)) for label, sections in CONSOLE_GROUPS)
    return tuple(
        LinkGroup(_(label), links[0].href, any(link.current for link in links), links)
        for label, links in groups
        if links
    )


def _links(sections: Iterable[Section], challenge: Any, current: str) -> tuple[Link, ...]:
    waiting: dict[str, int] = getattr(challenge, "waiting", {})
    links = (
        Link(s.label, url_or_empty(s.url_name, challenge.slug), s.name == current, waiting.get(s.counted, 0))
        for s in sections
    )
    return tuple(link for link in links if link.href)
