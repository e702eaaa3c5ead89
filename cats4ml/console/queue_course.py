"""How deep the raters' queue was, and how old, at moments of the past: from what is written of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from cats4ml.challenges.models import Challenge, RosterDecision
from cats4ml.rules.forecast import LEAST_DAYS, Day

MOST_DAYS = 28
FINE_STEPS = 24
DAY = timedelta(days=1)

# One row for each time that a pair was in review: when it came and, unless it is still there, when it left.
#
# It came with its score. A new roster writes that moment anew, so that pairs claimed before it count from their claim,
# minutes before their first score. It left with its first verdict, which `VerdictBasis` keeps whatever a policy or a
# discount changes later; where nothing was kept, with the last one. A pair that was opened again came a second time
# when its state changed. What is not known: how long one that was opened and settled again was in review in between.
_STAYS = """
WITH first AS (
    SELECT basis.pair_id, min(basis.created_at) AS at
    FROM review_verdictbasis basis JOIN submissions_pair pair ON pair.id = basis.pair_id
    WHERE pair.challenge_id = %(challenge)s GROUP BY basis.pair_id
), ended AS (
    SELECT pair.created_at, pair.scored_at, pair.state, pair.state_changed_at,
           coalesce(first.at, pair.settled_at) AS verdict_at, first.at IS NOT NULL AND pair.state = 'in_review' AS again
    FROM submissions_pair pair LEFT JOIN first ON first.pair_id = pair.id
    WHERE pair.challenge_id = %(challenge)s AND pair.scored_at IS NOT NULL AND pair.tally_source = 'ratings'
), told AS MATERIALIZED (
    SELECT CASE WHEN verdict_at < scored_at OR scored_at >= %(rescored)s AND created_at < %(rescored)s
                THEN created_at ELSE scored_at END AS came,
           coalesce(verdict_at, CASE WHEN state NOT IN ('in_review', 'settled') THEN state_changed_at END) AS gone,
           CASE WHEN again THEN state_changed_at END AS came_again,
           created_at, verdict_at
    FROM ended
), stays AS (
    SELECT came, gone FROM told UNION ALL SELECT came_again, NULL FROM told WHERE came_again IS NOT NULL
)
"""
_FIRST = "SELECT min(scored_at) FROM submissions_pair WHERE challenge_id = %(challenge)s AND tally_source = 'ratings'"
# Both in one statement, so that the pairs are read once.
_BUCKETS_AND_TIMES = """
SELECT width_bucket(came, %(moments)s::timestamptz[]) AS came_in,
       width_bucket(coalesce(gone, 'infinity'), %(moments)s::timestamptz[]) AS gone_in,
       count(*), min(came), NULL::float[]
FROM stays GROUP BY came_in, gone_in
UNION ALL
SELECT NULL, NULL, NULL, NULL,
       percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM verdict_at - created_at)::float)
FROM told WHERE verdict_at > created_at
"""


@dataclass(frozen=True)
class Moment:
    """So many pairs were in review at `at`; the oldest of them had been there since `oldest`. `came` and `left` count
    those of the step that ends here."""

    at: datetime
    pairs: int
    oldest: datetime | None
    came: int
    left: int


@dataclass(frozen=True)
class Course:
    """`moments` at even steps, the last of them now. `median`: seconds from claim to first verdict; nine pairs in ten
    take `nine_in_ten` at most."""

    moments: tuple[Moment, ...]
    step: timedelta
    median: float | None
    nine_in_ten: float | None

    @property
    def days(self) -> list[Day]:
        """The whole days among the steps; none where the steps are shorter."""
        return [Day(one.came, one.left) for one in self.moments[1:]] if self.step == DAY else []


def course_of(challenge: Challenge, at: datetime) -> Course:
    """Three queries, of two passes over the edition's pairs, however long the past is."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, {"challenge": challenge.pk})
        (first,) = cursor.fetchone()
        if first is None or first >= at:
            return Course((), DAY, None, None)
        moments, step = _moments(first, at)
        given: dict[str, Any] = {"challenge": challenge.pk, "rescored": _last_rescoring(challenge), "moments": moments}
        cursor.execute(_STAYS + _BUCKETS_AND_TIMES, given)
        rows = cursor.fetchall()
    median, most = next((times for *_, times in rows if times is not None), None) or (None, None)
    buckets = [row[:4] for row in rows if row[0] is not None]
    return Course(tuple(_moments_of(moments, buckets)), step, median, most)


def _last_rescoring(challenge: Challenge) -> datetime:
    """When another roster came in force, infinitely far ahead where the first one still is."""
    decided = RosterDecision.objects.filter(challenge=challenge).order_by("-created_at", "-pk")
    times = list(decided.values_list("created_at", flat=True)[:2])
    return times[0] if len(times) > 1 else datetime.max.replace(tzinfo=UTC)


def _moments(first: datetime, at: datetime) -> tuple[list[datetime], timedelta]:
    """Whole days up to now, four weeks at most; of a queue younger than that can be forecast, shorter steps."""
    if at - first >= LEAST_DAYS * DAY:
        number, step = min(MOST_DAYS, (at - first) // DAY), DAY
    else:
        number, step = FINE_STEPS, (at - first) / FINE_STEPS
    return [at - step * place for place in range(number, -1, -1)], step


def _moments_of(moments: Sequence[datetime], buckets: Sequence[tuple[int, int, int, datetime]]) -> list[Moment]:
    """Bucket k holds what is at or after moment k and before the next one; 0 is before all of them. So a stay was open
    at moment k where it came in a bucket before k and left in k or later."""
    found = []
    for place, at in enumerate(moments, start=1):
        # What came at this very moment is there, too.
        last = place == len(moments)
        open_now = [
            (number, came_at)
            for came, gone, number, came_at in buckets
            if (came < place or (last and came_at <= at)) and gone >= place
        ]
        found.append(
            Moment(
                at=at,
                pairs=sum(number for number, _ in open_now),
                oldest=min((came_at for _, came_at in open_now), default=None),
                came=sum(number for came, _, number, _ in buckets if came == place - 1),
                left=sum(number for _, gone, number, _ in buckets if gone == place - 1),
            )
        )
    return found
