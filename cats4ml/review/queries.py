"""Who may rate what, as one queryset that both the queue and the action use; and what a rater's page shows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, When

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.challenges.queries import team_mates
from cats4ml.review.models import (
    Lease,
    LeaseEnd,
    PauseDecision,
    PictureReport,
    RaterPause,
    Rating,
    RatingState,
)
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair, Submission


def open_to(rater: Participation) -> QuerySet[Pair]:
    """The pairs in review that this person may rate at all.

    Never one that they or a team-mate claimed, retracted claims included; never one that they rated, skipped or
    reported; never one whose picture and label were a control question of theirs.
    """
    return _open_to(rater.challenge_id, rater.pk, rater.user_id).all()


@lru_cache(maxsize=1024)
def _open_to(challenge_id: int, rater_id: int, user_id: int) -> QuerySet[Pair]:
    """The question alone, never its answer: it is kept because composing it takes longer than asking it."""
    ours = Q(participation__user=user_id) | Q(participation__user__in=team_mates(user_id))
    mine = Lease.objects.filter(rater=rater_id)
    same_as_control = mine.filter(
        control__challenge=OuterRef("challenge"), control__image=OuterRef("image"), control__label=OuterRef("label")
    )
    return Pair.objects.filter(
        ~Exists(Submission.objects.filter(ours, pair=OuterRef("pk"))),
        ~Exists(Rating.objects.filter(pair=OuterRef("pk"), rater=rater_id)),
        ~Exists(PictureReport.objects.filter(pair=OuterRef("pk"), rater=rater_id)),
        ~Exists(mine.filter(pair=OuterRef("pk"), ended=LeaseEnd.SKIPPED)),
        ~Exists(same_as_control),
        challenge=challenge_id,
        state=PairState.IN_REVIEW,
    )


def waiting_for(rater: Participation) -> QuerySet[Pair]:
    """The pairs that this person may be given now, of kinds that they chose to see, in the order in which they are
    given: those that somebody has answered, nearest to their verdict first; then fresh ones; each by turn.

    This says what the queue promises. `review.giving` finds the first of them without looking at all.
    """
    held = Lease.objects.filter(pair=OuterRef("pk"), rater=rater, closed_at=None)
    fresh = Case(When(waiting__answers=0, then=1), default=0, output_field=IntegerField())
    missing = Case(When(waiting__answers=0, then=0), default=F("waiting__missing"), output_field=IntegerField())
    return (
        open_to(rater)
        .filter(~Exists(held), waiting__places__gt=0, waiting__sensitive__contained_by=rater.sensitive_kinds or [])
        .order_by(fresh, missing, "waiting__turn", "waiting__shuffle", "pk")
    )


def people_like(rater: Participation) -> list[int]:
    """Ids of the rater and of those who share a team with them."""
    return [rater.user_id, *team_mates(rater.user_id)]


def open_leases(rater: Participation, at: datetime) -> QuerySet[Lease]:
    """The questions that this person has now, oldest first, with what their cards show."""
    in_review = Q(pair__state=PairState.IN_REVIEW) | Q(control__isnull=False)
    return (
        Lease.objects.filter(in_review, rater=rater, closed_at=None, expires_at__gt=at)
        .select_related("pair__image", "pair__label", "control__image", "control__label", "rater__challenge__policy")
        .order_by("pk")
    )


def leases_that_ran_out(at: datetime) -> QuerySet[Lease]:
    return Lease.objects.filter(closed_at=None, expires_at__lte=at).order_by("expires_at")


def final_tally(pair: Pair) -> tuple[Tally, list[int]]:
    """The count of a pair's final ratings, and their ids."""
    rows = list(Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("pk").values_list("pk", "answer"))
    return Tally.of(answer for _, answer in rows), [pk for pk, _ in rows]


def last_rating(rater: Participation) -> Rating | None:
    return Rating.objects.filter(rater=rater).order_by("-pk").first()


def rating_count(rater: Participation) -> int:
    return Rating.objects.filter(rater=rater).count()


def provisional_before(rating: Rating) -> list[Rating]:
    """The rater's answers before this one that may still be undone."""
    earlier = Rating.objects.filter(rater=rating.rater_id, state=RatingState.PROVISIONAL, pk__lt=rating.pk)
    return list(earlier.select_related("rater__challenge__policy").order_by("pk"))


def due_ratings(at: datetime) -> QuerySet[Rating]:
    """Provisional ratings of editions whose time for undoing may be over; the action looks at each policy."""
    return (
        Rating.objects.filter(state=RatingState.PROVISIONAL, created_at__lte=at)
        .select_related("rater__challenge__policy")
        .order_by("pk")
    )


def standing_pause(rater: Participation) -> RaterPause | None:
    """The pause that keeps this person from rating: one that nobody has decided, or that was decided against them."""
    return RaterPause.objects.filter(~Q(decision=PauseDecision.RESUMED), rater=rater).first()


def people_so_far(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    """Pairs with `people`: how many raters have answered for good, and never which way."""
    return pairs.annotate(people=Count("ratings", filter=Q(ratings__state=RatingState.FINAL)))


def ended_among_last(rater: Participation, questions: int, *how: LeaseEnd) -> int:
    """How many of the last questions that this person saw ended in one of these ways."""
    seen = Lease.objects.filter(rater=rater, shown_at__isnull=False).order_by("-pk")[:questions]
    return sum(ended in how for ended in seen.values_list("ended", flat=True))


def barred_with_leases() -> QuerySet[Participation]:
    """People who may not rate any more and still hold questions."""
    paused = RaterPause.objects.filter(~Q(decision=PauseDecision.RESUMED), rater=OuterRef("pk"))
    held = Lease.objects.filter(closed_at=None).values("rater")
    gone = Q(disqualified_at__isnull=False) | Q(left_at__isnull=False)
    return Participation.objects.filter(Exists(paused) | gone, pk__in=held)


def reports_of(challenge: Challenge) -> QuerySet[PictureReport]:
    """What raters of an edition reported, of pairs and of control questions."""
    return PictureReport.objects.filter(rater__challenge=challenge)
