"""The answers of an edition as tallies, counted by the database: what every figure about agreement is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Max

from cats4ml.challenges.models import Challenge
from cats4ml.review.models import RaterDiscount, Rating, RatingState
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair

MOST_BATCHES = 12
LEAST_IN_A_BATCH = 20
DIVIDED_SHOWN = 12

# A pair's final answers, and the first two of them. An imported pair has its tally alone: nobody knows which were
# first.
_TALLIES = """
WITH answers AS (
  SELECT rating.pair_id, rating.answer,
         row_number() OVER (PARTITION BY rating.pair_id ORDER BY rating.created_at, rating.id) AS place
  FROM review_rating rating
  JOIN submissions_pair pair ON pair.id = rating.pair_id
  WHERE pair.challenge_id = %(challenge)s AND rating.state = 'final'
), tallies AS (
  SELECT pair_id,
         count(*) FILTER (WHERE answer = 'yes') AS yes,
         count(*) FILTER (WHERE answer = 'no') AS no,
         count(*) FILTER (WHERE answer = 'dont_know') AS dont_know,
         count(*) FILTER (WHERE answer = 'yes' AND place <= 2) AS first_yes,
         count(*) FILTER (WHERE answer = 'no' AND place <= 2) AS first_no,
         count(*) FILTER (WHERE answer = 'dont_know' AND place <= 2) AS first_dont_know
  FROM answers GROUP BY pair_id
  UNION ALL
  SELECT id, yes_ratings, no_ratings, dont_know_ratings, 0, 0, 0
  FROM submissions_pair WHERE challenge_id = %(challenge)s AND tally_source = 'imported'
), told AS (
  SELECT tallies.*, pair.label_id, pair.outcome, pair.settled_at
  FROM tallies JOIN submissions_pair pair ON pair.id = tallies.pair_id
  WHERE yes + no + dont_know > 1
)
"""

# Settled pairs in the order in which they were settled, in batches of the same size.
_GROUPS = """
, placed AS (
  SELECT told.*,
         row_number() OVER (PARTITION BY settled_at IS NULL ORDER BY settled_at, pair_id) - 1 AS place,
         count(*) OVER (PARTITION BY settled_at IS NULL) AS number
  FROM told
), batched AS (
  SELECT placed.*, CASE WHEN settled_at IS NOT NULL
                        THEN place * greatest(1, least(%(batches)s, number / %(least)s)) / number END AS batch
  FROM placed
)
SELECT label_id, outcome, batch, yes, no, dont_know, first_yes, first_no, first_dont_know, count(*), max(settled_at)
FROM batched
GROUP BY label_id, outcome, batch, yes, no, dont_know, first_yes, first_no, first_dont_know
ORDER BY label_id, batch NULLS LAST, outcome, yes, no, dont_know, first_yes, first_no
"""

_MOST_DIVIDED = """
, shares AS (
  SELECT pair_id, yes + no + dont_know AS total,
         ARRAY[yes, no, dont_know]::float[] AS counts
  FROM told
), entropies AS (
  SELECT pair_id, total,
         (SELECT -sum(one / total * ln(one / total)) FROM unnest(counts) AS one WHERE one > 0) AS entropy
  FROM shares
)
SELECT pair_id FROM entropies WHERE entropy > 1e-9
ORDER BY round(entropy::numeric, 9) DESC, total DESC, pair_id LIMIT %(shown)s
"""


@dataclass(frozen=True)
class Group:
    """`pairs` pairs of one label, outcome ('' while in review) and batch (None while in review) with the same answers.
    `first`: the first two answers, empty for imported pairs. `settled_at`: when the last of them was settled."""

    label: int
    outcome: str
    batch: int | None
    tally: Tally
    first: Tally
    pairs: int
    settled_at: datetime | None


def count_groups(challenge: Challenge) -> list[Group]:
    """Every pair of the edition that was answered twice or more, counted."""
    return list(_groups(challenge))


def _groups(challenge: Challenge) -> Iterator[Group]:
    given = {"challenge": challenge.pk, "batches": MOST_BATCHES, "least": LEAST_IN_A_BATCH}
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES + _GROUPS, given)
        for label, outcome, batch, yes, no, unknown, first_yes, first_no, first_unknown, pairs, at in cursor:
            yield Group(
                label=label,
                outcome=outcome,
                batch=batch,
                tally=Tally(yes, no, unknown),
                first=Tally(first_yes, first_no, first_unknown),
                pairs=pairs,
                settled_at=at,
            )


def most_divided(challenge: Challenge) -> list[int]:
    """The ids of the pairs whose answers have the highest entropy, of equal ones those with more answers first."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES + _MOST_DIVIDED, {"challenge": challenge.pk, "shown": DIVIDED_SHOWN})
        return [pair for (pair,) in cursor]


def stamp(challenge: Challenge) -> tuple[object, ...]:
    """Changes whenever a figure about agreement may: an answer became final, a pair was settled or opened again, a
    rater was discounted, the policy changed."""
    final = Rating.objects.filter(rater__challenge=challenge, state=RatingState.FINAL)
    settled = Pair.objects.filter(challenge=challenge, state=PairState.SETTLED)
    discounts = RaterDiscount.objects.filter(rater__challenge=challenge)
    return (
        challenge.pk,
        challenge.policy_id,
        *final.aggregate(n=Count("pk"), last=Max("pk")).values(),
        *settled.aggregate(n=Count("pk"), last=Max("settled_at")).values(),
        *discounts.aggregate(n=Count("pk"), last=Max("lifted_at")).values(),
    )
