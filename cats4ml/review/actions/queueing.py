"""Keeping the queue true, whatever happened to pairs elsewhere: the sweep that mends it."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.review.actions.leasing import withdraw_leases
from cats4ml.review.actions.settling import reading_of, settle_if_ready
from cats4ml.review.models import Waiting
from cats4ml.review.queries import barred_with_leases
from cats4ml.review.queue import fill, recount_fresh, refresh
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.moves import lock_pair

logger = logging.getLogger(__name__)

# What got its score since then is looked for at every sweep, by an index.
RECENT = timedelta(minutes=10)
# The whole queue is compared only so often that it takes a twentieth of the time, and at most this seldom.
REST_TIMES, REST_SECONDS = 20, 300
# Rows that are mended in one sweep, rows whose answers are read again by the rule, and rows locked at a time.
MENDED, READ_AGAIN, BATCH = 2_000, 200, 1_000

_DIFFERENT = """
SELECT row.pair_id FROM review_waiting row
JOIN submissions_pair pair ON pair.id = row.pair_id
LEFT JOIN (
    SELECT pair_id, count(*) AS answers, count(*) FILTER (WHERE state = 'provisional') AS provisional
    FROM review_rating WHERE state IN ('final', 'provisional') AND pair_id IS NOT NULL GROUP BY pair_id
) given ON given.pair_id = row.pair_id
LEFT JOIN (
    SELECT pair_id, count(*) AS leases FROM review_lease
    WHERE closed_at IS NULL AND pair_id IS NOT NULL GROUP BY pair_id
) held ON held.pair_id = row.pair_id
WHERE row.challenge_id = %(challenge)s AND (
    pair.state <> 'in_review'
    OR row.answers <> COALESCE(given.answers, 0)
    OR row.places <> GREATEST(0, row.missing - COALESCE(given.provisional, 0) - COALESCE(held.leases, 0))
)
LIMIT %(limit)s
"""


def sweep_queues(*, at: datetime) -> int:
    """Make every edition's queue true: see `sweep_queue`. Leases of raters who may not rate any more are taken back.
    Returns how many rows were made or mended."""
    for rater in barred_with_leases():
        withdraw_leases(rater=rater, at=at)
    live = Challenge.objects.exclude(status__in=[ChallengeStatus.DRAFT, ChallengeStatus.FINAL])
    return sum(sweep_queue(challenge, at=at) for challenge in live.select_related("policy").order_by("pk"))


def sweep_queue(challenge: Challenge, *, at: datetime) -> int:
    """Make the rows that are missing, count those anew that were counted by another policy, and mend those that
    differ from a fresh count; pairs that have enough answers are settled. Twice is once.

    Newly scored pairs and another policy are seen at once. The rest is compared as often as the size of the queue
    allows, every five minutes at least. Returns how many rows were made or mended.
    """
    done = fill(challenge, at=at, scored_since=at - RECENT) + _follow_policy(challenge, at)
    key = f"queue-compared-{challenge.pk}"
    if cache.get(key) is not None:
        return done
    began = time.monotonic()
    done += _follow_pictures(challenge)
    done += fill(challenge, at=at) + _mend_different(challenge, at) + _read_again(challenge, at)
    rest = min(REST_SECONDS, (time.monotonic() - began) * REST_TIMES)
    if rest >= 1:
        cache.set(key, 1, timeout=rest)
    return done


_SENSITIVE = """
UPDATE review_waiting row SET sensitive = image.sensitive
FROM submissions_pair pair JOIN catalog_image image ON image.id = pair.image_id
WHERE pair.id = row.pair_id AND row.challenge_id = %(challenge)s AND row.sensitive <> image.sensitive
"""


def _follow_pictures(challenge: Challenge) -> int:
    """What is sensitive of a picture may have been said in the moment in which its pair came to the queue."""
    with connection.cursor() as cursor:
        cursor.execute(_SENSITIVE, {"challenge": challenge.pk})
        return int(cursor.rowcount)


def _follow_policy(challenge: Challenge, at: datetime) -> int:
    """Count the rows anew that were counted by another policy: fresh ones many at a time, the others by their
    answers."""
    # Two ranges of an index, for `not equal` would read every row.
    policy = challenge.policy_id or 0
    other = Waiting.objects.filter(Q(policy__lt=policy) | Q(policy__gt=policy), challenge=challenge)
    done = 0
    while batch := _follow_fresh(challenge, other.filter(answers=0, pair__least_ratings=0), at):
        done += batch
    for pk in list(other.order_by("missing", "pk").values_list("pk", flat=True)[:MENDED]):
        mend(pk, at=at)
        done += 1
    if done:
        logger.info("%s: %d waiting pairs counted anew by policy %s", challenge.slug, done, challenge.policy_id)
    return done


def _follow_fresh(challenge: Challenge, rows: QuerySet[Waiting], at: datetime) -> int:
    with transaction.atomic():
        locked = rows.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("pk")
        found = list(locked.values_list("pk", flat=True)[:BATCH])
        recount_fresh(challenge, found, at=at)
    return len(found)


def _mend_different(challenge: Challenge, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENT, {"challenge": challenge.pk, "limit": MENDED})
        found = [pk for (pk,) in cursor.fetchall()]
    for pk in found:
        mend(pk, at=at)
    return len(found)


def _read_again(challenge: Challenge, at: datetime) -> int:
    """Read some of the begun pairs by the rule again, the next ones at the next sweep: what is known of raters may have
    changed what their answers are worth."""
    key = f"queue-read-{challenge.pk}"
    after = cache.get(key, 0)
    begun = Waiting.objects.filter(challenge=challenge, answers__gt=0, pk__gt=after).order_by("pk")
    found = list(begun.values_list("pk", "missing", "places")[:READ_AGAIN])
    cache.set(key, found[-1][0] if len(found) == READ_AGAIN else 0, timeout=None)
    changed = 0
    for pk, missing, places in found:
        mend(pk, at=at)
        changed += not Waiting.objects.filter(pk=pk, missing=missing, places=places).exists()
    return changed


def mend(pair_id: int, *, at: datetime) -> None:
    """Settle a pair in review whose answers are enough by the policy in force, and count its row anew."""
    with transaction.atomic():
        pair = lock_pair(pair_id)
        policy = pair.challenge.policy
        open_ = pair.state == PairState.IN_REVIEW and not pair.challenge.is_final
        reading = reading_of(pair, policy.value, at) if open_ and policy is not None else None
        if reading is not None and reading.settled:
            settle_if_ready(pair, at)
        refresh(pair, at=at, reading=reading)
