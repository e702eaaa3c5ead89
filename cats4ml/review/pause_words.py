"""What a paused rater reads: what happened, what happens next, and that nothing is lost. Nobody is accused."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cats4ml.review.models import PauseCause, PauseDecision, RaterPause
from cats4ml.ui.words import Translated

KEPT = gettext_noop("Your answers are kept.")
NEXT = gettext_noop("An organiser looks at it and decides. Come back later: this page then goes on where you stopped.")


@dataclass(frozen=True)
class PauseWords:
    title: str
    why: str
    next: str

    def __str__(self) -> str:
        return f"{self.why} {_(KEPT)} {self.next}"


WHY = Translated(
    {
        PauseCause.TOO_FAST: gettext_noop(
            "Your last answers came faster than most people can look at a picture, so we paused here."
        ),
        PauseCause.SAME_ANSWER: gettext_noop(
            "Many answers in a row were the same. That may well be right, and we want to look at it."
        ),
        PauseCause.CONTROLS: gettext_noop(
            "Some of your answers differ from what experts see in the same pictures. "
            "The guidance may be unclear, so we want to look at it."
        ),
        PauseCause.WARM_UP: gettext_noop(
            "The warm-up questions went differently from what experts see in these pictures."
        ),
        PauseCause.ORGANISER: gettext_noop("An organiser has paused your rating for now."),
    }
)


def words_of(pause: RaterPause) -> PauseWords:
    if pause.decision == PauseDecision.ENDED:
        return PauseWords(
            title=_("Thank you for rating"),
            why=_("Your part as a rater in this challenge has come to its end."),
            next=_("You are asked no more questions here. The organisers answer if you have a question about it."),
        )
    return PauseWords(title=_("Time for a pause"), why=WHY[PauseCause(pause.cause)], next=_(NEXT))
