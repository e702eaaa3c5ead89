"""What notices say. The sentence of a `what` is filled with the notice's values, in the language of who reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import Notice, NoticeKind
from cats4ml.ui.templatetags.ui import when
from cats4ml.ui.words import date_text

# The title, which is a mail's subject too, and the text.
WORDS: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "password_changed": (
        _("Your password was changed"),
        _("From the address %(address)s. All other sessions are ended. Was it not you? Set a new password at once."),
    ),
    "password_set": (
        _("A password was set for your account"),
        _("From the address %(address)s. Was it not you? Set a new password at once."),
    ),
    "password_reset": (
        _("Your password was set anew by a link from a mail"),
        _("From the address %(address)s. All sessions are ended. Was it not you? Somebody may read your mail."),
    ),
    "address_changed": (
        _("The email address of your account is now %(after)s"),
        _("It was %(before)s until now. Changed from the address %(address)s."),
    ),
    "address_removed": (
        _("An email address was removed from your account"),
        _("From the address %(address)s."),
    ),
    "second_factor_added": (
        _("Signing in now asks for a code of your app"),
        _("Switched on from the address %(address)s. Keep the recovery codes where you find them without your phone."),
    ),
    "second_factor_removed": (
        _("Signing in no longer asks for a code of your app"),
        _("Switched off from the address %(address)s. Was it not you? Change your password at once."),
    ),
    "passkey_added": (
        _("A passkey was added to your account"),
        _("From the address %(address)s. Was it not you? Remove it and change your password."),
    ),
    "passkey_removed": (
        _("A passkey was removed from your account"),
        _("From the address %(address)s. Was it not you? Change your password at once."),
    ),
    "recovery_codes_made": (
        _("New recovery codes were made for your account"),
        _("From the address %(address)s. The old ones no longer work."),
    ),
    "provider_connected": (
        _("Your account can be signed in to by %(provider)s"),
        _("Connected from the address %(address)s. Was it not you? Remove the connection and change your password."),
    ),
    "provider_disconnected": (
        _("Your account can no longer be signed in to by %(provider)s"),
        _("Removed from the address %(address)s."),
    ),
    "signed_in_after_failures": (
        _("Somebody signed in to your account after %(failures)s wrong passwords"),
        _("From the address %(address)s. Was it not you? Change your password at once and switch on a second factor."),
    ),
    "token_made": (
        _("An API token was made: %(name)s"),
        _("Whoever has it can act for you until %(ends)s. Was it not you? Revoke it and change your password."),
    ),
    "token_ends_soon": (
        _("Your API token %(name)s ends on %(ends)s"),
        _("Make another one in time, if a program of yours uses it."),
    ),
    "vouched_for": (
        _("You can take part now"),
        _(
            "An organiser of %(edition)s vouched for you. Confirm your email address when you can: it is where a new "
            "password is sent."
        ),
    ),
    "picture_reported": (
        _("A picture of %(edition)s was reported"),
        _("Somebody reported a picture: %(kind)s. Look at it, and take it down if something is wrong with it."),
    ),
    "picture_taken_down": (
        _("A picture of %(edition)s was taken down"),
        _("An organiser took a picture down that is in this challenge too. The page says what followed from it."),
    ),
    "announcement": (_("%(edition)s: %(title)s"), _("%(text)s")),
    "team_invitation": (
        _("%(by)s asks you into the team “%(team)s”"),
        _("Say yes or no on the page of your teams, within two weeks."),
    ),
    "team_joined": (_("%(by)s is in the team “%(team)s” now"), _("They came by an invitation of yours.")),
    "team_left": (
        _("%(by)s left the team “%(team)s”"),
        _("What they found goes with them where a challenge still runs."),
    ),
    "team_removed": (
        _("You are no longer in the team “%(team)s”"),
        _("%(by)s, its captain, took you out. What you found yourself goes with you where a challenge still runs."),
    ),
    "team_captain": (
        _("You are the captain of the team “%(team)s” now"),
        _("You can invite people, take members out and hand your place on. It was %(by)s before."),
    ),
    "organiser_added": (
        _("You organise “%(edition)s” now"),
        _("%(by)s made you an organiser: the console is open to you. You can’t rate there."),
    ),
    "organiser_removed": (
        _("You no longer organise “%(edition)s”"),
        _("%(by)s took you out of its organisers."),
    ),
    "consent_changed": (
        _("The text that you agreed to in “%(edition)s” has changed"),
        _("Read version %(version)s and agree to it before you go on. Nothing that you did is lost."),
    ),
    "dispute_answered": (
        _("Your dispute in “%(edition)s” is answered"),
        _("It was about %(label)s in picture %(image)s. The organisers say: %(answer)s"),
    ),
    "pairs_settled": (
        ngettext_lazy(
            "%(settled)d of your pairs in “%(edition)s” is settled: %(adverse)d adverse",
            "%(settled)d of your pairs in “%(edition)s” are settled: %(adverse)d adverse",
            "settled",
        ),
        _("Your submissions say how each of them ended."),
    ),
    "disqualified": (
        _("You were disqualified from “%(edition)s”"),
        _("The organisers say why: %(reason)s"),
    ),
    "reinstated": (
        _("Your disqualification from “%(edition)s” was taken back"),
        _("Your claims count again, each at its place. The organisers say why: %(reason)s"),
    ),
    "rater_paused": (
        _("Your rating in “%(edition)s” is paused"),
        _("An organiser looks at it and decides. Your answers are kept, and you are told."),
    ),
    "pause_resumed": (_("You can go on rating in “%(edition)s”"), _("An organiser looked at your answers.")),
    "pause_ended": (
        _("Your rating in “%(edition)s” has ended"),
        _("An organiser looked at your answers. Write to the organisers if you think that is wrong."),
    ),
    "release_published": (
        _("Release %(version)s of “%(edition)s” is published"),
        _("The data that you helped to make can be downloaded by everybody."),
    ),
    "own_data_ready": (
        _("The file with your data is ready"),
        _("You can fetch it for a week on the page “Your data”."),
    ),
    # Work that stands still, for organisers: what, since when, and what to do. The console shows the same texts.
    "stalled_clock": (
        _("The clock stands still"),
        _(
            "The clock has not ticked since %(since)s: nothing is sent again, closed or counted by itself. The web "
            "server rings the most urgent in its place. Start celery beat again (one only)."
        ),
    ),
    "stalled_web": (
        _("No web worker answers"),
        _(
            "No web worker has done anything since %(since)s: scores are not recorded, answers don’t become final and "
            "boards are not counted. Look whether a Celery worker of the queue “web” runs, and start it again."
        ),
    ),
    "stalled_scoring": (
        _("No scoring worker answers"),
        _(
            "No scoring worker of the queue “%(queue)s” has answered since %(since)s, and %(number)s pairs wait for a "
            "score. They are sent again by themselves and count against nobody. Look whether a scoring worker runs, "
            "and start it again."
        ),
    ),
    "stalled_scores": (
        _("Pairs get no score"),
        _(
            "%(number)s pairs of the queue “%(queue)s” wait for a score, the oldest since %(since)s, and none got one "
            "for 2 minutes. They are sent again by themselves. Read the log of the scoring worker: it runs, and can’t "
            "do its work."
        ),
    ),
    "stalled_policy": (
        _("A policy is not put in force"),
        _("It was ordered %(since)s and no worker is at it. It is rung for every 20 seconds: look at the web workers."),
    ),
    "stalled_release": (
        _("A release is not built"),
        _("It was ordered %(since)s and no worker is at it. It is rung for every 20 seconds: look at the web workers."),
    ),
    "stalled_data_file": (
        _("A data file is not written"),
        _("It was ordered %(since)s and no worker is at it. It is rung for every 20 seconds: look at the web workers."),
    ),
    "stalled_evaluation": (
        _("An evaluation stands still"),
        _("It was ordered %(since)s and no worker is at it. It is rung for every 10 seconds: look at the web workers."),
    ),
    "stalled_pool": (
        _("A pool is not drawn"),
        _("It was ordered %(since)s and no worker is at it. It is rung for every 20 seconds: look at the web workers."),
    ),
    "stalled_board": (
        _("A board is not counted"),
        _(
            "Its last count was %(since)s, though boards are counted twice a minute. Look at the web workers and their "
            "log."
        ),
    ),
    "stalled_mail": (
        _("Mails are not sent"),
        _(
            "Mails that wait to be sent: %(number)s, the oldest since %(since)s. Look at the mail server and the web "
            "workers."
        ),
    ),
}


# Values that are a day or a moment, as ISO has them, and how they are written; values that are words of the catalogue.
MOMENTS: Mapping[str, str] = {"since": "full", "ends": "day"}
TRANSLATED = ("kind",)


def words_of(notice: Notice) -> tuple[str, str]:
    """The title and the text of a notice, in the language and the time zone in force. A value that it lacks is left
    out."""
    title, text = _sentences(notice)
    values = _values(notice.values, _in_text)
    return str(title % values), str(text % values)


def shown(notice: Notice) -> tuple[SafeString, SafeString]:
    """The title and the text for a page, which writes each moment in the browser's own zone."""
    title, text = _sentences(notice)
    values = _values(notice.values, _in_a_page)
    return mark_safe(title % values), mark_safe(text % values)  # noqa: S308  # the values are escaped


def filled(what: str, values: Mapping[str, object]) -> tuple[str, str]:
    """The title and the text of `what`, for where these values are told besides in a notice."""
    title, text = WORDS[what]
    written = _values(values, _in_text)
    return str(title % written), str(text % written)


def _sentences(notice: Notice) -> tuple[str | Promise, str | Promise]:
    return WORDS.get(notice.what, (NoticeKind(notice.kind).label, ""))


def _values(values: Mapping[str, object], written: Callable[[str, object], object]) -> Mapping[str, object]:
    return defaultdict(str, {name: written(name, value) for name, value in values.items()})


def _in_text(name: str, value: object) -> object:
    moment = _moment(value) if name in MOMENTS else None
    if moment is None:
        return gettext(str(value)) if name in TRANSLATED and value else value
    if not isinstance(moment, datetime):
        return date_text(moment, "day")
    there = timezone.localtime(moment)
    return date_text(there, MOMENTS[name]) + ("" if MOMENTS[name] == "day" else f" {there.tzname()}")


def _in_a_page(name: str, value: object) -> object:
    moment = _moment(value) if name in MOMENTS else None
    if moment is not None:
        return when(moment, MOMENTS[name])
    return value if isinstance(value, int) else conditional_escape(str(_in_text(name, value)))


def _moment(value: object) -> date | datetime | None:
    """The day or the moment of a value; None where it is neither, as for a token without an end."""
    text = str(value).removesuffix(" UTC")  # as moments were kept before
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            found = read(text)
        except ValueError:
            continue
        naive = isinstance(found, datetime) and found.tzinfo is None
        return found.replace(tzinfo=UTC) if naive else found  # type: ignore[call-arg]  # a datetime
    return None
