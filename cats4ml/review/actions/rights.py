"""Who may rate at all, and the words in which an answer is refused."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from cats4ml.challenges.consents import why_asked_anew
from cats4ml.challenges.models import Participation, Role
from cats4ml.review.models import PauseDecision, RaterPause
from cats4ml.review.queries import standing_pause


class RatingRefused(Exception):
    """Why an answer can't be taken, in a sentence that says what to do. Nothing was written."""


class AlreadyRated(RatingRefused):
    """The rater has given another answer to this pair before."""


class RaterPaused(RatingRefused):
    """The rater is asked nothing until an organiser has decided, or at all. `pause` says why."""

    def __init__(self, pause: RaterPause) -> None:
        ended = pause.decision == PauseDecision.ENDED
        super().__init__(
            _("The organisers have ended your rating in this challenge. Write to them if you think that is wrong.")
            if ended
            else _("Your rating is paused until an organiser has looked at it. Your answers are kept; come back later.")
        )
        self.pause = pause


def check_may_rate(rater: Participation, at: datetime) -> None:
    """Raises `RatingRefused` unless this person may rate in this edition now; `RaterPaused` while a pause stands."""
    if rater.role != Role.RATER:
        raise RatingRefused(_("You don’t take part in this challenge as a rater."))
    if rater.disqualified_at is not None:
        raise RatingRefused(_("Your part in this challenge has ended."))
    asked_anew = why_asked_anew(rater)
    if asked_anew:
        raise RatingRefused(asked_anew)
    if not rater.challenge.takes_ratings(at):
        raise RatingRefused(_("This challenge takes no ratings now."))
    pause = standing_pause(rater)
    if pause is not None:
        raise RaterPaused(pause)
