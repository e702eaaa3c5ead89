"""What must hold after `benchmarks.chaos`, whatever was killed: read from the database, by its own counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q, Sum

from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.review.models import Lease, Rating, RatingState, VerdictBasis
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission

# The sweep closes leases every ten seconds.
LEASE_GRACE = timedelta(seconds=30)

# In the benchmark's own database alone: what became of each pair, and when by the database's clock.
AUDIT = """
CREATE TABLE chaos_audit (
    id bigserial PRIMARY KEY, pair bigint, what text, roster bigint, at timestamptz DEFAULT clock_timestamp()
);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.state = 'queued' AND NEW.state = 'in_review' THEN
        INSERT INTO chaos_audit (pair, what, roster) VALUES (NEW.id, 'scored', NEW.roster_id); END IF;
    IF NEW.state = 'queued' AND NEW.score_requests > OLD.score_requests THEN
        INSERT INTO chaos_audit (pair, what) VALUES (NEW.id, 'sent again'); END IF;
    IF NEW.state = 'settled' AND OLD.state <> 'settled' THEN
        INSERT INTO chaos_audit (pair, what) VALUES (NEW.id, 'settled'); END IF;
    RETURN NULL; END $$;
CREATE FUNCTION chaos_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_audit (pair, what) VALUES (NEW.id, 'claimed'); RETURN NULL; END $$;
CREATE TRIGGER chaos_note AFTER UPDATE ON submissions_pair FOR EACH ROW EXECUTE FUNCTION chaos_note();
CREATE TRIGGER chaos_new AFTER INSERT ON submissions_pair FOR EACH ROW EXECUTE FUNCTION chaos_new();
"""
_TIMES = """
SELECT extract(epoch FROM max(scored.at - claimed.at)), extract(epoch FROM max(again.at - claimed.at)), count(again.at)
FROM (SELECT pair, min(at) AS at FROM chaos_audit WHERE what = 'claimed' GROUP BY pair) claimed
LEFT JOIN (SELECT pair, min(at) AS at FROM chaos_audit WHERE what = 'scored' GROUP BY pair) scored USING (pair)
LEFT JOIN (SELECT pair, min(at) AS at FROM chaos_audit WHERE what = 'sent again' GROUP BY pair) again USING (pair)
"""
_LONGEST_SILENCE = """
SELECT extract(epoch FROM max(next - at)) FROM (
    SELECT at, lead(at) OVER (PARTITION BY pair ORDER BY id) AS next FROM chaos_audit
    WHERE what IN ('claimed', 'sent again', 'scored')
) steps
"""


@dataclass
class Findings:
    """`breaches`: what does not hold, in words; none of them is what is hoped for."""

    counts: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    def note(self, breaches: Iterator[str]) -> None:
        self.breaches += breaches


def watch_pairs() -> None:
    with connection.cursor() as cursor:
        cursor.execute(AUDIT)


def times() -> dict[str, float]:
    """Seconds: the longest wait for a score, until a pair was first sent again, and between two signs of life of it."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES)
        scored, again, number = cursor.fetchone()
        cursor.execute(_LONGEST_SILENCE)
        silence = cursor.fetchone()[0]
    return {
        "longest wait for a score": round(float(scored or 0), 1),
        "longest until first sent again": round(float(again or 0), 1),
        "longest without being sent again or scored": round(float(silence or 0), 1),
        "pairs sent again": int(number),
    }


def check(
    challenge: Challenge,
    *,
    claims: set[tuple[int, str, str]],
    answers: Mapping[tuple[int, str], str],
    shown: Mapping[int, int],
    at: datetime,
) -> Findings:
    """Hold what the site accepted, and what it shows as left of each finder's quota, against what its database has."""
    found = Findings()
    found.counts.update({f"pairs {state}": n for state, n in _states(challenge).items()})
    found.note(_lost_claims(challenge, claims))
    found.note(_unsettled(challenge))
    found.note(_scored_twice())
    found.note(_credited_twice(challenge))
    found.note(_quotas(challenge, shown))
    found.note(_lost_answers(challenge, answers))
    found.note(_miscounted(challenge))
    found.note(_open_leases(challenge, at))
    replay = replay_credits(challenge)
    found.counts.update({"credits": replay.credits, "lines of the board": replay.standings})
    if replay.first_difference is not None:
        found.breaches.append(f"the board is not its replay: {replay.first_difference['message']}")
    return found


def _states(challenge: Challenge) -> dict[str, int]:
    rows = Pair.objects.filter(challenge=challenge).order_by()
    return dict(rows.values_list("state").annotate(n=Count("pk")))


def _lost_claims(challenge: Challenge, claims: set[tuple[int, str, str]]) -> Iterator[str]:
    rows = Submission.objects.filter(pair__challenge=challenge, retracted_at=None)
    kept = set(rows.values_list("participation", "pair__image__image_id", "pair__label__key"))
    for finder, image, label in sorted(claims - kept):
        yield f"the claim of {image} × {label} by finder {finder} was accepted and is lost"


def _unsettled(challenge: Challenge) -> Iterator[str]:
    """Every pair is settled, or a reason says why not. In review it waits for raters, and more are asked."""
    for pair in Pair.objects.filter(challenge=challenge, submissions__retracted_at=None).distinct():
        if pair.state == PairState.QUEUED:
            yield f"pair {pair.pk} still waits for a score after {pair.score_requests} requests"
        if pair.state == PairState.UNSCORABLE and not pair.unscorable_reason:
            yield f"pair {pair.pk} is unscorable without a reason"
        if pair.state == PairState.IN_REVIEW:
            final = pair.ratings.filter(state=RatingState.FINAL).count()
            if final >= challenge.rules.quorum:
                yield f"pair {pair.pk} has {final} final answers and is not settled"


def _scored_twice() -> Iterator[str]:
    sql = (
        "SELECT pair, count(*) FROM chaos_audit WHERE what = 'scored' GROUP BY pair, roster HAVING count(*) > 1"
        " ORDER BY pair"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for pair, number in cursor.fetchall():
            yield f"pair {pair} was scored {number} times by one roster"


def _credited_twice(challenge: Challenge) -> Iterator[str]:
    entries = Credit.objects.filter(challenge=challenge).order_by().values("pair")
    given = entries.annotate(n=Sum("adverse"), given=Count("pk", filter=Q(kind=CreditKind.GIVEN)))
    for row in given.order_by("pair"):
        if row["n"] > 1:
            yield f"pair {row['pair']} is credited {row['n']} times"


def _quotas(challenge: Challenge, shown: Mapping[int, int]) -> Iterator[str]:
    """Base + bonus − used, counted row by row here."""
    policy = challenge.rules
    for finder in Participation.objects.filter(challenge=challenge, role=Role.FINDER).order_by("pk"):
        adverse = sum(Credit.objects.filter(participation=finder).values_list("adverse", flat=True))
        claims = Submission.objects.filter(participation=finder, charged=True, retracted_at=None)
        states = claims.values_list("pair__state", flat=True)
        used = sum(state not in (PairState.UNSCORABLE, PairState.WITHDRAWN) for state in states)
        left = max(0, policy.base_quota + policy.bonus_per_adverse * adverse - used)
        if finder.pk in shown and shown[finder.pk] != left:
            yield f"finder {finder.pk} has {left} claims left by counting, and is shown {shown[finder.pk]}"


def _lost_answers(challenge: Challenge, answers: Mapping[tuple[int, str], str]) -> Iterator[str]:
    rows = Rating.objects.filter(rater__challenge=challenge).values_list("rater", "lease__token", "answer")
    kept = {(rater, str(token)): answer for rater, token, answer in rows}
    for (rater, token), answer in sorted(answers.items()):
        if (rater, token) not in kept:
            yield f"an answer of rater {rater} was accepted and is lost"
        elif kept[rater, token] != answer:
            yield f"an answer of rater {rater} was {answer!r} and is kept as {kept[rater, token]!r}"


def _miscounted(challenge: Challenge) -> Iterator[str]:
    """A verdict rests on final answers to its own pair, each once, and its tally is their number."""
    finals: dict[int, set[int]] = {}
    for pk, pair in Rating.objects.filter(pair__challenge=challenge, state=RatingState.FINAL).values_list("pk", "pair"):
        finals.setdefault(pair, set()).add(pk)
    settled = Pair.objects.filter(challenge=challenge, state=PairState.SETTLED).in_bulk()
    bases = VerdictBasis.objects.filter(pair__in=settled).order_by("pk").values_list("pair", "votes")
    for pk, votes in dict(bases).items():
        ratings = [vote["rating"] for vote in votes]
        if len(set(ratings)) != len(ratings):
            yield f"the verdict of pair {pk} counts an answer twice"
        if not set(ratings) <= finals.get(pk, set()):
            yield f"the verdict of pair {pk} counts answers that are not final, or of another pair"
        if settled[pk].tally.total != len(ratings):
            yield f"the tally of pair {pk} is {settled[pk].tally.total}, its verdict rests on {len(ratings)} answers"


def _open_leases(challenge: Challenge, at: datetime) -> Iterator[str]:
    for lease in Lease.objects.filter(rater__challenge=challenge, closed_at=None, expires_at__lt=at - LEASE_GRACE):
        yield f"lease {lease.pk} ran out at {lease.expires_at} and is still open"
