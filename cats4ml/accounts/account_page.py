"""What stands on the page “Account”. A part of the site adds its entry here; without its page it is left out."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Entry:
    label: str | Promise
    url_name: str
    sentence: str | Promise


@dataclass(frozen=True)
class Group:
    label: str | Promise
    entries: tuple[Entry, ...]


GROUPS = (
    Group(
        _("Signing in"),
        (
            Entry(
                _("Email address"),
                "account_email",
                _("Where mails reach you. Another one counts once it is confirmed."),
            ),
            Entry(
                _("Password"),
                "account_change_password",
                _("A new one ends all other sessions; API tokens go on working."),
            ),
            Entry(
                _("Second factor"),
                "mfa_index",
                _("A code of your phone, or a passkey, beside the password or in its place."),
            ),
            Entry(
                _("Other sign-ins"),
                "socialaccount_connections",
                _("Accounts at other sites with which you sign in here."),
            ),
            Entry(_("Sessions"), "usersessions_list", _("Where you are signed in, and a button that ends all others.")),
        ),
    ),
    Group(
        _("Programs"),
        (Entry(_("API tokens"), "accounts:tokens", _("Keys for programs that act for you, each within its limits.")),),
    ),
    Group(
        _("What you are told, and how"),
        (
            Entry(
                _("Notices"),
                "accounts:notices",
                _("What you were told, in the site and by mail, and what you want to be told."),
            ),
            Entry(_("Language and time zone"), "accounts:preferences", _("Of the pages and of the mails.")),
        ),
    ),
    Group(
        _("Your data"),
        (
            Entry(_("What you agreed to"), "pages:consents", _("The consents you gave, and how to leave a challenge.")),
            Entry(_("Teams"), "pages:teams", _("Who plays with you, and invitations.")),
            Entry(_("Download or delete"), "pages:own_data", _("Everything that we have about you, or an end to it.")),
        ),
    ),
)


@dataclass(frozen=True)
class Shown:
    label: str | Promise
    href: str
    sentence: str | Promise


def shown_groups(*, without: frozenset[str] = frozenset()) -> list[tuple[str | Promise, list[Shown]]]:
    """The groups with those entries whose pages exist."""
    groups = []
    for group in GROUPS:
        entries = [
            Shown(entry.label, href, entry.sentence)
            for entry in group.entries
            if entry.url_name not in without and (href := _href(entry.url_name))
        ]
        if entries:
            groups.append((group.label, entries))
    return groups


def _href(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""
