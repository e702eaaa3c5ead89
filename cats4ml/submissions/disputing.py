"""Who may dispute how a pair ended, which disputes wait, and what their finders read of them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.challenges.models import Challenge
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import is_adverse
from cats4ml.submissions.models import Dispute, DisputeState, Pair, Submission, TallySource
from cats4ml.submissions.queries import valid_claims

LEAST_WORDS, MOST_WORDS = 10, 1_000
# Lazy, for each claim of a page is asked about, and few have an objection that anybody reads.
_TAKEN_BACK = gettext_lazy("You took this claim back.")
_ENDED = gettext_lazy("Your part in this challenge has ended.")
_AFTER_SETTLEMENT = gettext_lazy("It was settled before you claimed it: how it ended is told with the release.")
_TAKEN_DOWN = gettext_lazy("Its picture was taken down, so that nobody can look at it again.")
_NOT_SETTLED = gettext_lazy("It is not settled yet.")
_NOT_TAKEN = gettext_lazy("By this challenge’s rules outcomes aren’t disputed.")
_CLOSED = gettext_lazy("Ratings have closed, so that outcomes can no longer be disputed.")
_IMPORTED = gettext_lazy("Its tally was imported from a release, and stands as it was published.")
_EARNED = gettext_lazy("It has earned you its points as it ended.")


def why_not_disputed(claim: Submission, *, points: int, at: datetime) -> str:
    """Why this claim's pair can't be disputed now, in a sentence; empty where it can. `points`: what the claim has
    earned. Whether it was disputed before is another question.

    Only as long as ratings are taken: after that nobody could be asked again. Whoever claimed a pair after it was
    settled is not told how it ended, and can't dispute it either, lest the answer tell.
    """
    pair, edition = claim.pair, claim.pair.challenge
    objections = (
        (claim.retracted_at is not None, _TAKEN_BACK),
        (claim.participation.disqualified_at is not None, _ENDED),
        (claim.after_settlement, _AFTER_SETTLEMENT),
        (pair.image.hidden_at is not None, _TAKEN_DOWN),
        (pair.state != PairState.SETTLED, _NOT_SETTLED),
        (not edition.rules.takes_disputes, _NOT_TAKEN),
        (not edition.takes_ratings(at), _CLOSED),
        (pair.tally_source == TallySource.IMPORTED, _IMPORTED),
        (is_adverse(pair.outcome) and points > 0, _EARNED),
    )
    return next((str(words) for holds, words in objections if holds), "")


def waiting_disputes(challenge: Challenge) -> QuerySet[Dispute]:
    """The disputes that an organiser has to decide, by claims that still count, oldest first."""
    claims = Submission.objects.filter(valid_claims(), pair__challenge=challenge)
    return Dispute.objects.filter(state=DisputeState.OPEN, submission__in=claims).order_by("pk")


def is_disputed() -> Exists:
    """For pairs: whether a dispute about it waits."""
    claims = Submission.objects.filter(valid_claims(), pair=OuterRef(OuterRef("pk")))
    return Exists(Dispute.objects.filter(state=DisputeState.OPEN, submission__in=claims))


def dispute_in_words(dispute: Dispute, pair: Pair) -> str:
    """How a dispute stands, for whoever made it: "The outcome stands." or "More raters look at it now."."""
    if pair.withdrawn_reason:
        return _("You disputed how this ended. The organisers have taken the pair out.")
    if dispute.state in (DisputeState.OPEN, DisputeState.DECLINED):
        looked = _("You disputed how this ended. An organiser looked at it: it stands.")
        return (
            _("You disputed how this ended. An organiser will look at it.")
            if dispute.state == DisputeState.OPEN
            else looked
        )
    if dispute.state == DisputeState.REOPENED:
        if pair.state != PairState.SETTLED:
            return _("You disputed how this ended. More raters look at it now.")
        return _("You disputed how this ended before. More raters were asked, and it was settled again.")
    if pair.adjudicated_reason or pair.state != PairState.SETTLED:
        return _("You disputed how this ended. An expert decided.")
    return _("You disputed how this ended. An expert’s decision was taken back: the raters’ verdict counts again.")
