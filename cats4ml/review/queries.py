"""Who may rate what, as one queryset that both the queue and the action use; and what a rater's page shows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.db.models import Count, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from cats4ml.challenges.models import Participation
from cats4ml.challenges.queries import team_mates
from cats4ml.review.models import Lease, PictureReport, Rating, RatingState
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair, Submission


def open_to(rater: Participation) -> QuerySet[Pair]:
    """The pairs in review that this person may rate at all.

    Never one that they or a team-mate claimed, retracted claims included; never one that they rated or reported.
    """
    return _open_to(rater.challenge_id, rater.pk, rater.user_id).all()


@lru_cache(maxsize=1024)
def _open_to(challenge_id: int, rater_id: int, user_id: int) -> QuerySet[Pair]:
    """The question alone, never its answer: it is kept because composing it takes longer than asking it."""
    ours = Q(participation__user=user_id) | Q(participation__user__in=team_mates(user_id))
    return Pair.objects.filter(
        ~Exists(Submission.objects.filter(ours, pair=OuterRef("pk"))),
        ~Exists(Rating.objects.filter(pair=OuterRef("pk"), rater=rater_id)),
        ~Exists(Lease.objects.filter(pair=OuterRef("pk"), rater=rater_id, ended="skipped")),
        ~Exists(PictureReport.objects.filter(pair=OuterRef("pk"), rater=rater_id)),
        challenge=challenge_id,
        state=PairState.IN_REVIEW,
    )


def counted_ratings() -> QuerySet[Rating]:
    """Ratings that take a place in a pair's quorum: final ones, and provisional ones that may become final."""
    return Rating.objects.filter(state__in=[RatingState.PROVISIONAL, RatingState.FINAL])


def _count_of(rows: QuerySet[Rating] | QuerySet[Lease]) -> Subquery:
    """How many of these rows a pair has. A plain COUNT in a subquery of its own: it needs no GROUP BY, and says 0."""
    count = Func("pk", function="COUNT", output_field=IntegerField())
    return Subquery(rows.filter(pair=OuterRef("pk")).order_by().values(n=count))


def live_leases(at: datetime) -> QuerySet[Lease]:
    return Lease.objects.filter(closed_at=None, expires_at__gt=at)


def waiting_for(rater: Participation, at: datetime) -> QuerySet[Pair]:
    """The pairs that this person may be given now, in the order in which they are given: nearest to their quorum
    first, then oldest. A pair whose places are all taken by answers or leases is not among them."""
    quorum = rater.challenge.rules.quorum
    return (
        open_to(rater)
        .exclude(Exists(live_leases(at).filter(pair=OuterRef("pk"), rater=rater)))
        .annotate(answers=_count_of(counted_ratings()), held=_count_of(live_leases(at)))
        .filter(answers__lt=Greatest(F("least_ratings"), quorum) - F("held"))
        .order_by("-answers", "created_at", "pk")
    )


def free_places(pair: Pair, at: datetime, *, among: QuerySet[Pair] | None = None) -> int:
    """How many more raters the pair may be given to. Exact while the caller holds the pair's lock.

    0 where the pair is not `among` these, which costs no further query.
    """
    pairs = Pair.objects.all() if among is None else among
    counted = pairs.filter(pk=pair.pk).annotate(answers=_count_of(counted_ratings()), held=_count_of(live_leases(at)))
    for answers, held in counted.values_list("answers", "held"):
        return max(0, max(pair.challenge.rules.quorum, pair.least_ratings) - int(answers) - int(held))
    return 0


def final_tally(pair: Pair) -> tuple[Tally, list[int]]:
    """The count of a pair's final ratings, and their ids."""
    rows = list(Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("pk").values_list("pk", "answer"))
    return Tally.of(answer for _, answer in rows), [pk for pk, _ in rows]


def last_rating(rater: Participation) -> Rating | None:
    return Rating.objects.filter(rater=rater).order_by("-pk").first()


def rating_count(rater: Participation) -> int:
    return Rating.objects.filter(rater=rater).count()


def due_ratings(at: datetime) -> QuerySet[Rating]:
    """Provisional ratings of editions whose time for undoing may be over; the action looks at each policy."""
    return (
        Rating.objects.filter(state=RatingState.PROVISIONAL, created_at__lte=at)
        .select_related("rater__challenge__policy")
        .order_by("pk")
    )


def people_so_far(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    """Pairs with `people`: how many raters have answered for good, and never which way."""
    return pairs.annotate(people=Count("ratings", filter=Q(ratings__state=RatingState.FINAL)))
