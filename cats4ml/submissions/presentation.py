"""What a claimant may see of a pair, as the policy allows it: for the page and for the API alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from cats4ml.rules.credit import NoCredit
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import REVEAL_SCORED
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.submissions.disputing import dispute_in_words, why_not_disputed
from cats4ml.submissions.endings import near_threshold
from cats4ml.submissions.models import Credit, Dispute, Pair, Submission
from cats4ml.submissions.released import is_as_released
from cats4ml.submissions.voices import NamedVoice, named_voices
from cats4ml.submissions.waits import NO_WAITS, Waits
from cats4ml.ui.reasons import adjudicated_reason, points_in_words, settled_reason
from cats4ml.ui.words import about
from scoring.ensemble import sureness


@dataclass(frozen=True)
class Late:
    """A pair whose score should have come: how often it was sent again, when last, and since when no scoring worker has
    been heard; `again` is 0 where it waits for a worker and was not sent again yet."""

    again: int
    sent_at: datetime | None
    silent_since: datetime | None


@dataclass(frozen=True)
class ClaimView:
    """One claim as its claimant sees it. `mean` is None as long as the policy hides it; `people` is how many raters
    have answered so far, never which way; the votes are shown once the pair is settled. `position` is its place in line
    for a score; `late` says where that should have come by now. `dispute` is the one that the claimant made;
    `may_dispute` says that they could make one now. Whoever took a claim back sees nothing more of the pair."""

    submission: Submission
    pair: Pair
    mean: float | None
    people: int | None
    reason: str
    points: int
    position: int | None
    wait_seconds: int | None
    first_claimant: str
    late: Late | None = None
    dispute: Dispute | None = None
    may_dispute: bool = False

    @property
    def dispute_words(self) -> str:
        """How the claimant's dispute stands; empty where they made none."""
        return dispute_in_words(self.dispute, self.pair) if self.dispute else ""

    @property
    def wait(self) -> str:
        """About how long until a score while queued, until a verdict while in review; empty where nobody can tell."""
        return "" if self.wait_seconds is None else about(self.wait_seconds)

    @property
    def settled(self) -> bool:
        """Whether this claimant is told how the pair ended."""
        return is_told(self.submission)

    @property
    def classifiers(self) -> list[NamedVoice]:
        """What each classifier said, once this claimant is told how the pair ended. Asks the database."""
        return named_voices(self.pair) if self.settled else []


def is_told(claim: Submission) -> bool:
    """Whether a claimant is told how the pair ended: once it is settled, and unless that was before they claimed it.

    A claim of a settled pair costs nothing; if it told the outcome, anybody could ask for every outcome before the
    release. Once a release has told everybody, it is told here too: of claims read `with_details`. Whoever took a
    claim back is told nothing.
    """
    if claim.pair.state != PairState.SETTLED or claim.retracted_at is not None:
        return False
    return not claim.after_settlement or getattr(claim, "is_as_released", False)


def with_details(claims: QuerySet[Submission]) -> QuerySet[Submission]:
    """Claims with what `claim_view` shows, in one query: people so far, points, pairs before it in
    review."""
    final = (
        Pair.objects.filter(pk=OuterRef("pair"), ratings__state="final")
        .order_by()
        .values("pk")
        .annotate(n=Count("ratings"))
        .values("n")
    )
    points = Credit.objects.filter(submission=OuterRef("pk")).order_by().values("submission").annotate(n=Sum("points"))
    ahead = (
        Pair.objects.filter(
            challenge=OuterRef("pair__challenge"),
            state=PairState.IN_REVIEW,
            created_at__lt=OuterRef("pair__created_at"),
        )
        .order_by()
        .values("challenge")
        .annotate(n=Count("pk"))
        .values("n")
    )
    in_review = When(pair__state=PairState.IN_REVIEW, then=Subquery(ahead))
    return claims.annotate(
        people=Coalesce(Subquery(final), 0),
        points=Coalesce(Subquery(points.values("n")), 0),
        is_as_released=is_as_released("pair"),
        review_ahead=Coalesce(Case(in_review, output_field=IntegerField()), 0),
    )


def claim_views(
    claims: Iterable[Submission],
    first_names: dict[int, str],
    waits: Waits = NO_WAITS,
    *,
    at: datetime | None = None,
) -> list[ClaimView]:
    """The views of claims read `with_details`. `first_names`: by pair, who holds its first valid claim. `at`: what time
    it is, without which none may be disputed."""
    views = []
    for claim in claims:
        claim.pair.challenge = claim.participation.challenge  # one object for all: its policy is read once
        views.append(_claim_view(claim, first_names.get(claim.pair_id, ""), waits, at))
    return views


def _claim_view(claim: Submission, first_claimant: str, waits: Waits, at: datetime | None) -> ClaimView:
    pair = claim.pair
    standing = claim.retracted_at is None
    settled = is_told(claim)
    by_score = pair.state != PairState.SETTLED and pair.machine_mean is not None
    revealed = settled or (by_score and pair.challenge.rules.reveal_score == REVEAL_SCORED)
    points = getattr(claim, "points", 0)
    dispute = getattr(claim, "dispute", None) if standing else None
    may_dispute = dispute is None and at is not None and not why_not_disputed(claim, points=points, at=at)
    return ClaimView(
        submission=claim,
        pair=pair,
        mean=pair.machine_mean if standing and revealed else None,
        people=getattr(claim, "people", 0) if standing and pair.state == PairState.IN_REVIEW else None,
        reason=_reason(claim, points),
        points=points,
        position=waits.places.get(pair.pk) if standing and pair.state == PairState.QUEUED else None,
        wait_seconds=waits.seconds.get(pair.pk) if standing else None,
        first_claimant=first_claimant if settled else "",
        late=_late(pair, waits) if standing and pair.state == PairState.QUEUED else None,
        dispute=dispute,
        may_dispute=may_dispute,
    )


def _late(pair: Pair, waits: Waits) -> Late | None:
    again = max(0, pair.score_requests - 1)
    if not again and waits.silent_since is None:
        return None
    return Late(again, pair.score_requested_at if again else None, waits.silent_since)


@dataclass(frozen=True)
class Certainty:
    """How sure the machines were of a pair, 0 to 1, and what an error of theirs is there."""

    sureness: float
    kind: str


KNOWN_UNKNOWN = "known_unknown"
CANDIDATE_UNKNOWN_UNKNOWN = "candidate_unknown_unknown"


def certainty_of(pair: Pair) -> Certainty | None:
    """By the policy that settled the pair, else by the one in force; None where the machines' mean is not known."""
    if pair.machine_mean is None:
        return None
    policy = pair.policy.value if pair.policy is not None else pair.challenge.rules
    near = near_threshold(pair.machine_mean, policy)
    return Certainty(
        sureness=sureness(pair.machine_mean, threshold=policy.threshold),
        kind=KNOWN_UNKNOWN if near else CANDIDATE_UNKNOWN_UNKNOWN,
    )


def reason_of(pair: Pair) -> str:
    """Why a settled pair ended as it did, in words; empty for any other."""
    if pair.state != PairState.SETTLED:
        return ""
    verdict, outcome = Verdict(pair.verdict), Outcome(pair.outcome)
    uncredited = NoCredit(pair.uncredited) if pair.uncredited else None
    if pair.adjudicated_reason:
        return adjudicated_reason(
            verdict=verdict,
            reason=pair.adjudicated_reason,
            outcome=outcome,
            mean=pair.machine_mean,
            machine_yes=bool(pair.machine_yes),
            uncredited=uncredited,
        )
    return settled_reason(
        tally=pair.tally,
        verdict=verdict,
        outcome=outcome,
        mean=pair.machine_mean,
        machine_yes=bool(pair.machine_yes),
        uncredited=uncredited,
    )


def _reason(claim: Submission, points: int) -> str:
    if claim.retracted_at is not None:
        return _("You took this claim back.")
    if claim.pair.withdrawn_reason:
        return _("The organisers took this pair out: %(withdrawn_reason)s. It costs you nothing.") % {
            "withdrawn_reason": claim.pair.withdrawn_reason.rstrip(".")
        }
    if claim.pair.state == PairState.UNSCORABLE:
        return _("%(unscorable_reason)s It costs you nothing.") % {"unscorable_reason": claim.pair.unscorable_reason}
    if claim.pair.state != PairState.SETTLED:
        return ""
    if not is_told(claim):
        return _("It was settled before you claimed it. How it ended is told with the release.")
    # A reason that says that it earns nothing needs no figure after it.
    earned = "" if claim.pair.uncredited else points_in_words(points)
    return f"{reason_of(claim.pair)} {earned}".strip()
