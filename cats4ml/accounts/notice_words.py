"""What notices say. The sentence of a `what` is filled with the notice's values, in the language of who reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cats4ml.accounts.models import Notice, NoticeKind

# The title, which is a mail's subject too, and the text.
WORDS: Mapping[str, tuple[str | Promise, str | Promise]] = {
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
}


def words_of(notice: Notice) -> tuple[str, str]:
    """The title and the text of a notice, in the language in force. A value that it lacks is left out."""
    title, text = WORDS.get(notice.what, (NoticeKind(notice.kind).label, ""))
    values = defaultdict(str, notice.values)
    return str(title % values), str(text % values)
