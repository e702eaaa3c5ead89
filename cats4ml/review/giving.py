"""Finding and locking the next pair for a rater: `queries.waiting_for`, in one statement that looks at few rows.

`near` looks at the first pairs of each number of missing answers, for a rater who is ahead of the others has answered
most pairs that are begun. `fresh` walks along the fresh ones by their index and stops at the first that is open. Only
where neither gives one, `rest` looks at every pair that is begun. What a rater may not have is asked row by row
(`OFFSET 0` keeps the planner from reading whole tables instead, and `rater_id + 0` from reading all that one rater
ever did), so that neither the length of the queue nor the rater's history matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from cats4ml.challenges.models import Participation
from cats4ml.review.queries import people_like

# So many pairs of each number of missing answers are looked at first.
LOOK = 24
# So many rows are waited for at most, each of which somebody else may have filled by then.
WAITS = 3

SKIP_LOCKED = "FOR NO KEY UPDATE OF row SKIP LOCKED"
_ONE = """
SELECT row.pair_id FROM review_waiting row WHERE row.pair_id = %(pair)s AND row.places > 0 FOR NO KEY UPDATE OF row
"""

_OPEN = """
    NOT EXISTS (SELECT 1 FROM review_rating mine
        WHERE mine.pair_id = row.pair_id AND mine.rater_id + 0 = %(rater)s OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM review_lease mine
        WHERE mine.pair_id = row.pair_id AND mine.rater_id + 0 = %(rater)s AND mine.closed_at IS NULL OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM review_lease mine
        WHERE mine.pair_id = row.pair_id AND mine.rater_id + 0 = %(rater)s AND mine.ended = 'skipped' OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM review_picturereport mine
        WHERE mine.pair_id = row.pair_id AND mine.rater_id + 0 = %(rater)s OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM submissions_submission claim
        JOIN challenges_participation finder ON finder.id = claim.participation_id
        WHERE claim.pair_id = row.pair_id AND finder.user_id = ANY(%(people)s) OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM submissions_pair pair
        JOIN review_controlquestion control ON control.challenge_id = pair.challenge_id
            AND control.image_id = pair.image_id AND control.label_id = pair.label_id
        JOIN review_lease mine ON mine.control_id = control.id AND mine.rater_id + 0 = %(rater)s
        WHERE pair.id = row.pair_id OFFSET 0)
"""
# Of no kind that this rater doesn't want to see: asked first, for it needs nothing but the row. Most raters see none of
# them, and what is not sensitive has indexes of its own, which pass over no row; they are used where this stands as it
# does in their condition.
_OF_NO_KIND = "row.sensitive = '{}'"
_OF_THESE_KINDS = "row.sensitive <@ %(kinds)s::varchar[]"
_STARTED = "row.challenge_id = %(challenge)s AND row.places > 0 AND row.answers > 0 AND {wanted}"
_FRESH = "row.challenge_id = %(challenge)s AND row.places > 0 AND row.answers = 0 AND {wanted}"
_NEXT = f"""
WITH near AS (
    SELECT row.pair_id FROM (
        SELECT ahead.*
        FROM generate_series(1, (SELECT max(row.missing) FROM review_waiting row WHERE {_STARTED})) missed
        CROSS JOIN LATERAL (
            SELECT row.pair_id, row.missing, row.turn, row.shuffle FROM review_waiting row
            WHERE {_STARTED} AND row.missing = missed ORDER BY row.turn, row.shuffle, row.pair_id LIMIT {{look}}
        ) ahead
    ) ahead
    JOIN review_waiting row ON row.pair_id = ahead.pair_id
    WHERE row.places > 0 AND {_OPEN}
    ORDER BY ahead.missing, ahead.turn, ahead.shuffle, ahead.pair_id LIMIT 1 {{lock}}
), fresh AS (
    SELECT row.pair_id FROM review_waiting row
    WHERE NOT EXISTS (SELECT 1 FROM near) AND {_FRESH} AND {_OPEN}
    ORDER BY row.turn, row.shuffle, row.pair_id LIMIT 1 {{lock}}
), rest AS (
    SELECT row.pair_id FROM review_waiting row
    WHERE NOT EXISTS (SELECT 1 FROM near) AND NOT EXISTS (SELECT 1 FROM fresh) AND {_STARTED} AND {_OPEN}
    ORDER BY row.missing, row.turn, row.shuffle, row.pair_id LIMIT 1 {{lock}}
)
SELECT pair_id FROM near UNION ALL SELECT pair_id FROM fresh UNION ALL SELECT pair_id FROM rest
"""  # noqa: S608 - our own words
_NEXT_OF_THESE = f"""
SELECT row.pair_id FROM review_waiting row
WHERE row.challenge_id = %(challenge)s AND row.places > 0 AND row.pair_id = ANY(%(only)s) AND {{wanted}} AND {_OPEN}
ORDER BY row.answers = 0, CASE WHEN row.answers = 0 THEN 0 ELSE row.missing END, row.turn, row.shuffle, row.pair_id
LIMIT 1 {{lock}}
"""  # noqa: S608 - our own words


def lock_next(
    rater: Participation, *, only: Sequence[int] | None = None, wait: bool = False, look: int = LOOK
) -> int | None:
    """The id of the next pair for this person, whose row of `Waiting` is locked by then; None where nothing is open.

    Rows that somebody has locked are passed over, unless the caller, who holds no such lock, is ready to `wait`.
    """
    found = _first(*statement(rater, only=only, look=look))
    return _wait_for_next(rater, only=only, look=look) if found is None and wait else found


def _wait_for_next(rater: Participation, *, only: Sequence[int] | None, look: int) -> int | None:
    """One row at a time: who waits holds no other row's lock, so that no two wait for each other. A row that was filled
    meanwhile is let go of before the next one is tried."""
    for _ in range(WAITS):
        sql, arguments = statement(rater, only=only, look=look, lock="")
        pk = _first(sql, arguments)
        if pk is None:
            return None
        with transaction.atomic():
            if _first(_ONE, {"pair": pk}) is not None:
                return pk
            transaction.set_rollback(True)
    return None


def _first(sql: str, arguments: dict[str, Any]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def statement(
    rater: Participation, *, only: Sequence[int] | None = None, look: int = LOOK, lock: str = SKIP_LOCKED
) -> tuple[str, dict[str, Any]]:
    """What `lock_next` asks the database, with its arguments."""
    sql = _NEXT if only is None else _NEXT_OF_THESE
    arguments = {
        "rater": rater.pk,
        "challenge": rater.challenge_id,
        "people": people_like(rater),
        "only": only,
        "kinds": rater.sensitive_kinds or [],
    }
    wanted = _OF_THESE_KINDS if rater.sensitive_kinds else _OF_NO_KIND
    return sql.format(lock=lock, look=look, wanted=wanted), arguments
