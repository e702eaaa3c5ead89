"""What the queue should hold, counted afresh from pairs, ratings and leases."""

from __future__ import annotations

from cats4ml.challenges.models import Challenge
from cats4ml.review.actions.settling import reading_of
from cats4ml.review.models import Lease, Rating, Waiting
from cats4ml.submissions.models import Pair

Counts = tuple[int, int, int]


def truth(challenge: Challenge) -> dict[int, Counts]:
    """Of each pair in review: answers, missing, places."""
    return {pair.pk: _counts(pair, challenge) for pair in Pair.objects.filter(challenge=challenge, state="in_review")}


def _counts(pair: Pair, challenge: Challenge) -> Counts:
    missing = reading_of(pair, challenge.rules).missing
    ratings = Rating.objects.filter(pair=pair)
    provisional = ratings.filter(state="provisional").count()
    held = Lease.objects.filter(pair=pair, closed_at=None).count()
    return ratings.filter(state__in=["final", "provisional"]).count(), missing, max(0, missing - provisional - held)


def wrong_rows(challenge: Challenge, *, may_lack: bool = False) -> dict[int, tuple[Counts | None, Counts | None]]:
    """By pair: what its row says and what it should say, where they differ. `may_lack`: pairs that nobody has touched
    may have no row yet."""
    expected = truth(challenge)
    rows = Waiting.objects.filter(challenge=challenge).values_list("pair", "answers", "missing", "places")
    found = {pk: counts for pk, *counts in rows}
    wrong = {}
    for pk in expected.keys() | found.keys():
        said = tuple(found[pk]) if pk in found else None
        if said != expected.get(pk) and not (may_lack and said is None and expected[pk][0] == 0):
            wrong[pk] = (said, expected.get(pk))
    return wrong
