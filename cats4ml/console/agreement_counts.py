"""The answers of an edition as tallies, counted by the database: what every figure about agreement is made of."""

from __future__ import annotations

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

# A pair's final answers. An imported pair has its tally alone: nobody knows which answers were first.
_IMPORTED = """
  UNION ALL
  SELECT id, yes_ratings, no_ratings, dont_know_ratings, 0, 0, 0
  FROM submissions_pair WHERE challenge_id = %(challenge)s AND tally_source = 'imported'
"""
_ALL = """
WITH tallies AS (
  SELECT rating.pair_id,
         count(*) FILTER (WHERE answer = 'yes') AS yes,
         count(*) FILTER (WHERE answer = 'no') AS no,
         count(*) FILTER (WHERE answer = 'dont_know') AS dont_know,
         0 AS first_yes, 0 AS first_no, 0 AS first_dont_know
  FROM review_rating rating
  JOIN submissions_pair pair ON pair.id = rating.pair_id
  WHERE pair.challenge_id = %(challenge)s AND rating.state = 'final'
  GROUP BY rating.pair_id
"""
# As above, and the first two of them: the ids are in the order in which they were given.
_WITH_FIRST = """
WITH answers AS (
  SELECT rating.pair_id, rating.answer,
         row_number() OVER (PARTITION BY rating.pair_id ORDER BY rating.id) AS place
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
"""

# Pairs that were answered twice or more, by label and outcome; and the settled ones among them in the order in which
# they were settled, in batches of the same size.
_GROUPS = """
), told AS (
  SELECT tallies.*, pair.label_id, pair.outcome, pair.settled_at
  FROM tallies JOIN submissions_pair pair ON pair.id = tallies.pair_id
  WHERE yes + no + dont_know > 1
), placed AS (
  SELECT told.*,
         row_number() OVER (PARTITION BY settled_at IS NULL ORDER BY settled_at, pair_id) - 1 AS place,
         count(*) OVER (PARTITION BY settled_at IS NULL) AS number
  FROM told
), batched AS (
  SELECT placed.*, CASE WHEN settled_at IS NOT NULL
                        THEN place * greatest(1, least(%(batches)s, number / %(least)s)) / number END AS batch
  FROM placed
)
SELECT grouping(batch), label_id, outcome, batch, max(settled_at), count(*),
       yes, no, dont_know, first_yes, first_no, first_dont_know
FROM batched
GROUP BY GROUPING SETS (
  (label_id, outcome, yes, no, dont_know, first_yes, first_no, first_dont_know),
  (batch, yes, no, dont_know, first_yes, first_no, first_dont_know)
)
"""

_MOST_DIVIDED = """
), entropies AS (
  SELECT pair_id, yes + no + dont_know AS total,
         (SELECT -sum(one / (yes + no + dont_know) * ln(one / (yes + no + dont_know)))
          FROM unnest(ARRAY[yes, no, dont_know]::float[]) AS one WHERE one > 0) AS entropy
  FROM tallies WHERE greatest(yes, no, dont_know) < yes + no + dont_know
)
SELECT pair_id FROM entropies
ORDER BY round(entropy::numeric, 9) DESC, total DESC, pair_id LIMIT %(shown)s
"""


@dataclass(frozen=True)
class Group:
    """`pairs` pairs with the same answers: `first` are the first two, empty where they weren't asked for or aren't
    known."""

    tally: Tally
    first: Tally
    pairs: int


@dataclass(frozen=True)
class OfLabel(Group):
    """Of one label and outcome ('' while in review)."""

    label: int
    outcome: str


@dataclass(frozen=True)
class OfBatch(Group):
    """Of one batch of settled pairs; the last of them was settled at `settled_at`."""

    batch: int
    settled_at: datetime


@dataclass(frozen=True)
class Counts:
    """Every pair of an edition that was answered twice or more, by label; and the settled ones by batch."""

    labels: tuple[OfLabel, ...]
    batches: tuple[OfBatch, ...]


def count_groups(challenge: Challenge, *, first: bool) -> Counts:
    """`first`: whether the first two answers of each pair are wanted, which takes longer."""
    given = {"challenge": challenge.pk, "batches": MOST_BATCHES, "least": LEAST_IN_A_BATCH}
    labels, batches = [], []
    with connection.cursor() as cursor:
        cursor.execute((_WITH_FIRST if first else _ALL) + _IMPORTED + _GROUPS, given)
        for is_label, label, outcome, batch, at, pairs, *counts in cursor:
            tally, first_two = Tally(*counts[:3]), Tally(*counts[3:])
            if is_label:
                labels.append(OfLabel(tally, first_two, pairs, label, outcome))
            elif batch is not None:
                batches.append(OfBatch(tally, first_two, pairs, batch, at))
    return Counts(tuple(labels), tuple(batches))


def most_divided(challenge: Challenge) -> list[int]:
    """The ids of the pairs whose answers have the highest entropy, of equal ones those with more answers first."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL + _IMPORTED + _MOST_DIVIDED, {"challenge": challenge.pk, "shown": DIVIDED_SHOWN})
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
