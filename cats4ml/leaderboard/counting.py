"""What a board is counted from: the ledger, and the first valid claim of every pair. A few statements over the whole
edition, that give few rows.

A board can be counted as of a moment that has passed: claims, retractions, disqualifications and entries of the ledger
all carry their time. Of pairs only the last settlement does, so that a pair that was settled then, and was reopened
and settled again since, is known by the credit that was live then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.leaderboard.models import LineKey
from cats4ml.rules.diversity import Kin, effective_number
from cats4ml.rules.verdicts import ADVERSE
from cats4ml.submissions.models import Credit

# A line in one number: the participation's, or below zero the team's.
LINE = "COALESCE(-part.team_id, part.id)"

# The first valid claim of each pair, with whose line it counts for. A pair counts for that claim alone: later claims
# count nowhere, until every earlier one has fallen away.
FIRST_CLAIMS = f"""
    SELECT DISTINCT ON (claim.pair_id) claim.pair_id, {LINE} AS line
    FROM submissions_submission claim
    JOIN challenges_participation part ON part.id = claim.participation_id
    WHERE part.challenge_id = %(challenge)s AND claim.created_at <= %(until)s
        AND (claim.retracted_at IS NULL OR claim.retracted_at > %(until)s)
        AND (part.disqualified_at IS NULL OR part.disqualified_at > %(until)s)
    ORDER BY claim.pair_id, claim.id
"""  # noqa: S608 - of our own words
_SETTLED = "(pair.state = 'settled' AND pair.settled_at <= %(until)s)"
# Asked of a moment that has passed only: now, what is credited is settled.
_CREDITED_THEN = """EXISTS (
        SELECT FROM submissions_credit entry WHERE entry.pair_id = pair.id AND entry.created_at <= %(until)s
        HAVING SUM(entry.adverse) > 0
    )"""
_COUNTS = f"""
WITH first_claim AS MATERIALIZED ({FIRST_CLAIMS}), own AS (
    SELECT first_claim.line, pair.state, pair.state_changed_at <= %(until)s AS moved_before, {{settled}} AS settled
    FROM first_claim JOIN submissions_pair pair ON pair.id = first_claim.pair_id
)
SELECT line, COUNT(*), COUNT(*) FILTER (WHERE settled),
    COUNT(*) FILTER (WHERE NOT settled AND state = 'unscorable' AND moved_before),
    COUNT(*) FILTER (WHERE NOT settled AND NOT (state IN ('unscorable', 'withdrawn') AND moved_before))
FROM own GROUP BY line
"""  # noqa: S608 - of our own words
# Near-copies of a picture are one cluster with it; a picture without any is a cluster of its own.
CLUSTER = "COALESCE(-pool.copy_group, pair.image_id)"
_FINDS = f"""
WITH first_claim AS MATERIALIZED ({FIRST_CLAIMS}), find AS MATERIALIZED (
    SELECT first_claim.line, pair.label_id, {CLUSTER} AS cluster, {{outcome}} AS outcome
    FROM submissions_pair pair
    {{corrected}}
    JOIN first_claim ON first_claim.pair_id = pair.id
    JOIN challenges_poolimage pool ON pool.challenge_id = pair.challenge_id AND pool.image_id = pair.image_id
    WHERE pair.challenge_id = %(challenge)s AND {{outcome}} IN %(adverse)s AND {_SETTLED}
), cell AS (
    SELECT line, COUNT(*) AS size FROM find GROUP BY line, label_id, cluster
)
SELECT line, 0, 0, COUNT(DISTINCT label_id), COUNT(DISTINCT cluster), COUNT(DISTINCT outcome) FROM find GROUP BY line
UNION ALL
SELECT line, size, COUNT(*), 0, 0, 0 FROM cell GROUP BY line, size
"""  # noqa: S608 - of our own words
_CORRECTED = """LEFT JOIN unnest(%(corrected)s::bigint[], %(outcomes)s::text[]) AS was (pair, outcome)
        ON was.pair = pair.id"""


def _key(line: int) -> LineKey:
    return (None, -line) if line < 0 else (line, None)


def valid_at(until: datetime | None) -> dict[str, Any]:
    """The parameter of the statements: this moment, or the end of time."""
    return {"until": until or "infinity"}


def finders_of(challenge: Challenge, *, until: datetime | None) -> list[Participation]:
    """Those who have a part in the board: who joined, and was not disqualified, by then."""
    valid = Q(disqualified_at=None)
    if until is not None:
        joined = Q(created_at__lte=until) | Q(consented_at__lte=until)
        valid = (valid | Q(disqualified_at__gt=until)) & joined
    finders = Participation.objects.filter(valid, challenge=challenge, role=Role.FINDER)
    return list(finders.select_related("user", "team").order_by("pk"))


def key_of(finder: Participation) -> LineKey:
    return (None, finder.team_id) if finder.team_id else (finder.pk, None)


def points_by_participation(challenge: Challenge, *, until: datetime | None) -> dict[int, Counter[str]]:
    """Points, and adverse pairs by outcome, from the ledger."""
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    entries = Credit.objects.filter(challenge=challenge)
    if until is not None:
        entries = entries.filter(created_at__lte=until)
    rows = entries.values("participation", "outcome").order_by()
    for row in rows.annotate(points=Sum("points"), adverse=Sum("adverse")):
        counted[row["participation"]].update({"points": row["points"], row["outcome"]: row["adverse"]})
    return counted


def claims_by_line(challenge: Challenge, *, until: datetime | None) -> dict[LineKey, Counter[str]]:
    """Own pairs by line: `claims` of them, and how many are `settled`, `unscorable` and `pending`."""
    settled = _SETTLED if until is None else f"({_SETTLED} OR {_CREDITED_THEN})"
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(settled=settled), {"challenge": challenge.pk, **valid_at(until)})
        return {
            _key(line): Counter({"claims": claims, "settled": done, "unscorable": unscorable, "pending": pending})
            for line, claims, done, unscorable, pending in cursor.fetchall()
        }


def diversity_by_line(
    challenge: Challenge, *, until: datetime | None, corrected: Mapping[int, str]
) -> dict[LineKey, dict[str, float]]:
    """How different the adverse pairs of each line are, those that earn nothing as near-copies among them.

    `corrected`: by pair, another outcome to take it for.
    """
    values = {"challenge": challenge.pk, "adverse": tuple(one.value for one in ADVERSE), **valid_at(until)}
    values |= {"corrected": list(corrected), "outcomes": list(corrected.values())}
    parts = {"outcome": "pair.outcome", "corrected": ""}
    if corrected:
        parts = {"outcome": "COALESCE(was.outcome, pair.outcome)", "corrected": _CORRECTED}
    found: dict[LineKey, dict[str, float]] = defaultdict(dict)
    sizes: dict[LineKey, list[Kin]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_FINDS.format(**parts), values)
        for line, size, cells, labels, clusters, kinds in cursor.fetchall():
            if size:
                sizes[_key(line)].append(Kin(size, cells))
            else:
                found[_key(line)].update(labels=labels, clusters=clusters, kinds=kinds)
    for key, kin in sizes.items():
        found[key]["diversity"] = effective_number(kin)
    return found
