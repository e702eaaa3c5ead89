"""The rater queue: which pairs wait, in what order, and for how many more raters each.

A row of `Waiting` is exact at every moment: whoever changes a pair's answers or leases counts them anew under the row's
lock, in the same transaction and after their own change. So the last one to get the lock has seen all the others.

Fair turns are those of start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queueing", SIGCOMM 1996): a
finder's pairs take one turn after the other, and who comes anew joins behind the turn that is being served. No pair
joins a turn that is being served, so that the oldest can't be overtaken for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from cats4ml.challenges.models import Challenge
from cats4ml.locking import Lock, hold
from cats4ml.review.actions.settling import reading_of
from cats4ml.review.models import Waiting
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Reading
from cats4ml.submissions.models import Pair

# So many pairs of one finder share a turn: within it the keyed hash decides, and the order of claims can't be seen.
PAIRS_A_TURN = 20

_ABSENT = """
WITH absent AS (
    SELECT pair.id, pair.state_changed_at, claim.finder, image.sensitive,
        pair.least_ratings = 0
            AND NOT EXISTS (SELECT 1 FROM review_rating one WHERE one.pair_id = pair.id)
            AND NOT EXISTS (SELECT 1 FROM review_lease one WHERE one.pair_id = pair.id AND one.closed_at IS NULL)
            AS untouched,
        row_number() OVER (PARTITION BY claim.finder ORDER BY pair.id) - 1 AS place
    FROM submissions_pair pair JOIN catalog_image image ON image.id = pair.image_id
    LEFT JOIN LATERAL (
        SELECT participation_id AS finder FROM submissions_submission
        WHERE pair_id = pair.id ORDER BY retracted_at IS NOT NULL, id LIMIT 1
    ) claim ON TRUE
    WHERE pair.challenge_id = %(challenge)s AND pair.state = 'in_review' AND {which}
        AND NOT EXISTS (SELECT 1 FROM review_waiting row WHERE row.pair_id = pair.id)
), served AS (
    SELECT COALESCE(
        (SELECT min(turn) FROM review_waiting WHERE challenge_id = %(challenge)s AND places > 0 AND answers = 0),
        (SELECT max(turn) FROM review_waiting WHERE challenge_id = %(challenge)s),
        -1
    ) + 1 AS next
), last AS MATERIALIZED (
    SELECT finder.finder, turns.turn, turns.pairs
    FROM (SELECT DISTINCT finder FROM absent WHERE finder IS NOT NULL) finder
    CROSS JOIN LATERAL (
        SELECT turn, count(*) AS pairs FROM review_waiting
        WHERE challenge_id = %(challenge)s AND finder_id = finder.finder GROUP BY turn ORDER BY turn DESC LIMIT 1
    ) turns
)"""
_INSERT = """
INSERT INTO review_waiting
    (pair_id, challenge_id, finder_id, turn, shuffle, answers, missing, places, policy_id, since, sensitive)
SELECT absent.id, %(challenge)s, absent.finder,
    CASE WHEN last.turn >= served.next THEN last.turn + (last.pairs + absent.place) / %(a_turn)s
        ELSE served.next + absent.place / %(a_turn)s END,
    ('x' || encode(substr(
        sha256(%(outer)s || sha256(%(inner)s || convert_to('queue ' || absent.id, 'UTF8'))), 1, 4), 'hex')
    )::bit(32)::int,
    0, CASE WHEN untouched THEN %(missing)s ELSE 0 END, CASE WHEN untouched THEN %(missing)s ELSE 0 END,
    %(policy)s, absent.state_changed_at, absent.sensitive
FROM absent CROSS JOIN served LEFT JOIN last USING (finder)
ON CONFLICT DO NOTHING
RETURNING pair_id, missing
"""
_COUNT = """
UPDATE review_waiting row SET answers = given.answers, missing = {missing}, policy_id = {policy},
    places = GREATEST(0, {missing} - given.provisional - held.leases)
FROM
    (SELECT wanted.pair_id, count(one.id) AS answers, count(one.id) FILTER (WHERE one.state = 'provisional')
        AS provisional
    FROM unnest(%(pairs)s::bigint[]) AS wanted (pair_id)
    LEFT JOIN review_rating one ON one.pair_id = wanted.pair_id AND one.state IN ('final', 'provisional')
    GROUP BY wanted.pair_id) given
JOIN
    (SELECT wanted.pair_id, count(one.id) AS leases
    FROM unnest(%(pairs)s::bigint[]) AS wanted (pair_id)
    LEFT JOIN review_lease one ON one.pair_id = wanted.pair_id AND one.closed_at IS NULL
    GROUP BY wanted.pair_id) held USING (pair_id)
WHERE row.pair_id = given.pair_id
RETURNING row.places
"""
_COUNT_AGAIN = _COUNT.format(missing="row.missing", policy="row.policy_id")
_COUNT_BY_POLICY = _COUNT.format(missing="%(missing)s", policy="%(policy)s")


def enter(pair: Pair, *, at: datetime) -> None:
    """Make the row of a pair that came to review. Twice is once; for a pair that is not in review nothing is done."""
    with transaction.atomic(savepoint=False):
        _insert(pair.challenge, "pair.id = %(pair)s", at, pair=pair.pk)


def fill(challenge: Challenge, *, at: datetime, scored_since: datetime | None = None) -> int:
    """Make the rows that are missing, in a few statements however many there are. Returns how many were made.

    `scored_since`: only those of pairs that got their score since then, which is soon looked up.
    """
    which = "TRUE" if scored_since is None else "pair.scored_at >= %(since)s"
    with transaction.atomic(savepoint=False):
        return _insert(challenge, which, at, since=scored_since)


def _insert(challenge: Challenge, which: str, at: datetime, **arguments: Any) -> int:
    if challenge.policy is None:
        return 0
    inner, outer = hmac_pads(challenge.split_seed)
    arguments |= {
        "challenge": challenge.pk,
        "a_turn": PAIRS_A_TURN,
        "policy": challenge.policy.pk,
        "missing": missing_of_fresh(challenge, at),
        "inner": inner,
        "outer": outer,
    }
    hold(Lock.TURNS, challenge.pk)  # two at once would give out the same turns
    with connection.cursor() as cursor:
        cursor.execute(_ABSENT.format(which=which) + _INSERT, arguments)
        made = cursor.fetchall()
    for pk in [pk for pk, missing in made if not missing]:  # answered before, or reopened: few
        refresh(Pair(pk=pk), at=at)
    return len(made)


def hmac_pads(secret: str) -> tuple[bytes, bytes]:
    """The two keys of HMAC-SHA256 (RFC 2104), so that SQL can make the hash of many rows: inner and outer."""
    key = secret.encode()
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)


def missing_of_fresh(challenge: Challenge, at: datetime) -> int:
    """The fewest answers that settle a pair which nobody has answered."""
    nobody_answered = Pair(pk=0, challenge=challenge, machine_yes=False)
    return reading_of(nobody_answered, challenge.rules, at).missing


def refresh(pair: Pair, *, at: datetime, reading: Reading | None = None) -> int:
    """Count a pair's answers, leases and missing answers anew; its row goes once it has left review. Twice is once.

    `reading`: what the policy in force makes of its final answers, where the caller has just read them. The caller
    holds the pair's lock, or no lock of a pair or a row at all. Returns how many more raters it may be given to.
    """
    with transaction.atomic(savepoint=False):
        row = _locked(pair.pk)
        if row is None:
            there = Pair.objects.select_related("challenge__policy").get(pk=pair.pk)
            if there.state != PairState.IN_REVIEW:
                return 0
            enter(there, at=at)
            row = _locked(pair.pk)
            if row is None:
                return 0
        if row.pair.state != PairState.IN_REVIEW:
            row.delete()
            return 0
        policy = row.pair.challenge.policy
        assert policy is not None, "pairs exist only in an edition with a policy"
        missing = (reading or reading_of(row.pair, policy.value, at)).missing
        return _count(_COUNT_BY_POLICY, [pair.pk], missing=missing, policy=policy.pk)


def _locked(pk: int) -> Waiting | None:
    rows = Waiting.objects.select_for_update(of=("self",), no_key=True).select_related("pair__challenge__policy")
    return rows.filter(pk=pk).first()


def lock_places(pair: Pair, *, at: datetime) -> int:
    """How many more raters the pair may be given to: it stays so until the transaction ends. The caller holds the
    pair's lock."""
    places = Waiting.objects.select_for_update(no_key=True).filter(pk=pair.pk).values_list("places", flat=True)
    for number in places:
        return number
    return refresh(pair, at=at)


def recount(pairs: Iterable[int]) -> None:
    """Count answers and leases of these pairs anew, where nothing became final: then `missing` stays what it is.

    The locks of their rows are taken in the order of ids, and by this transaction only afterwards the figures are read.
    """
    wanted = sorted(set(pairs))
    if wanted:
        with transaction.atomic(savepoint=False):
            rows = Waiting.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
            recount_locked(list(rows.values_list("pk", flat=True)))


def recount_locked(pairs: Sequence[int]) -> None:
    """As `recount`, where this transaction has the locks of the rows already."""
    if pairs:
        _count(_COUNT_AGAIN, pairs)


def recount_fresh(challenge: Challenge, pairs: Sequence[int], *, at: datetime) -> None:
    """Count pairs anew that nobody has answered, by the policy in force. This transaction has the locks of the rows."""
    assert challenge.policy is not None, "pairs exist only in an edition with a policy"
    if pairs:
        _count(_COUNT_BY_POLICY, pairs, missing=missing_of_fresh(challenge, at), policy=challenge.policy.pk)


def _count(sql: str, pairs: Sequence[int], **arguments: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"pairs": list(pairs), **arguments})
        found = cursor.fetchone()
    return int(found[0]) if found else 0
