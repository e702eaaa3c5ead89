"""Who may rate at all, and the words in which an answer is refused."""

from __future__ import annotations

from datetime import datetime

from cats4ml.challenges.models import Participation, Role
from cats4ml.review.models import PauseDecision, RaterPause


class RatingRefused(Exception):
    """Why an answer can't be taken, in a sentence that says what to do. Nothing was written."""


class AlreadyRated(RatingRefused):
    """The rater has given another answer to this pair before."""


class RaterPaused(RatingRefused):
    """The rater is asked nothing until an organiser decides, or no more. `pause` says why."""

    def __init__(self, pause: RaterPause) -> None:
        super().__init__("Your rating is paused until an organiser has looked at it. Your answers are kept.")
        self.pause = pause


def check_may_rate(rater: Participation, at: datetime) -> None:
    """Raises `RatingRefused` unless this person may rate in this edition now."""
    if rater.role != Role.RATER:
        raise RatingRefused("You don’t take part in this challenge as a rater.")
    if rater.disqualified_at is not None:
        raise RatingRefused("Your part in this challenge has ended.")
    if not rater.challenge.takes_ratings(at):
        raise RatingRefused("This challenge takes no ratings now.")
    pause = RaterPause.objects.filter(rater=rater).exclude(decision=PauseDecision.RESUMED).first()
    if pause is not None:
        raise RaterPaused(pause)
