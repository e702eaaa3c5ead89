"""``python -m benchmarks.watching``: how long the console's figures take in a large edition, and by which plans.

Makes an edition of its own by SQL: pairs claimed over 30 days by many finders, nine in ten of them rated and
settled. Prints seconds for each count (twice: cold and warm), for what every look at the overview costs beyond it, and
with ``--explain`` the plans.

    python -m tests.with_servers python -m benchmarks.watching --pairs 1000000 --ratings 5
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.queue_edition import make_queue_edition, new_rater, vacuum  # noqa: E402
from cats4ml.accounts.models import User  # noqa: E402
from cats4ml.console import pattern_queries, queue_course, watching  # noqa: E402
from cats4ml.console.agreement import agreement_of  # noqa: E402
from cats4ml.console.finder_lines import count_finders  # noqa: E402
from cats4ml.console.needs import needs_of  # noqa: E402
from cats4ml.console.patterns import count_patterns  # noqa: E402
from cats4ml.rules.policy import Policy  # noqa: E402

SLUG = "watching"

# A month of claims, scores over the whole axis, and a verdict for nine in ten.
_PAST = """
UPDATE submissions_pair pair SET
    created_at = told.at, scored_at = told.at + interval '1 minute', machine_mean = told.mean,
    machine_yes = told.mean >= 0.5, state_changed_at = told.at + interval '1 minute' + told.took,
    settled_at = CASE WHEN state = 'settled' THEN told.at + interval '1 minute' + told.took END,
    yes_ratings = told.yes, no_ratings = %(each)s - told.yes,
    verdict = CASE WHEN state <> 'settled' THEN '' WHEN 2 * told.yes > %(each)s THEN 'yes' ELSE 'no' END,
    outcome = CASE WHEN state <> 'settled' THEN ''
                   WHEN (2 * told.yes > %(each)s) = (told.mean >= 0.5) THEN 'agreement'
                   WHEN told.mean >= 0.5 THEN 'false_positive' ELSE 'false_negative' END
FROM (SELECT id, now() - random() * interval '30 days' AS at, random() AS mean, random() * interval '2 days' AS took,
             floor(random() * (%(each)s + 1))::int AS yes
      FROM submissions_pair WHERE challenge_id = %(challenge)s) told
WHERE pair.id = told.id
"""
_WORDS = """
UPDATE submissions_submission
SET rationale = 'The shadow number ' || id || ' looks like one and is only part of a fence'
WHERE participation_id = ANY(%(finders)s)
"""
_LEASES = """
INSERT INTO review_lease (pair_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
SELECT pair.id, (%(raters)s::bigint[])[1 + (pair.id + step * 7) %% cardinality(%(raters)s::bigint[])],
       gen_random_uuid(), pair.scored_at, pair.scored_at, pair.scored_at + interval '1 hour',
       pair.scored_at + interval '1 minute', 'answered'
FROM submissions_pair pair CROSS JOIN generate_series(1, %(each)s) AS step
WHERE pair.challenge_id = %(challenge)s AND pair.state = 'settled'
"""
_RATINGS = """
INSERT INTO review_rating (pair_id, rater_id, lease_id, answer, state, created_at, final_at, seconds, device)
SELECT lease.pair_id, lease.rater_id, lease.id, CASE WHEN random() < 0.5 THEN 'yes' ELSE 'no' END, 'final',
       lease.created_at, lease.created_at + interval '30 seconds', 3, 'desktop'
FROM review_lease lease JOIN submissions_pair pair ON pair.id = lease.pair_id WHERE pair.challenge_id = %(challenge)s
"""
_BASES = """
INSERT INTO review_verdictbasis (pair_id, policy_id, votes, prior_yes, posterior, created_at)
SELECT id, %(policy)s, '[]', 0.5, 0.9, settled_at FROM submissions_pair
WHERE challenge_id = %(challenge)s AND state = 'settled'
"""


def _timed(name: str, call: Callable[[], object]) -> None:
    took = []
    for _ in range(2):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    print(f"{name:<44}{took[0]:>9.3f} s cold {took[1]:>9.3f} s warm", flush=True)


def _explain(statement: str, given: dict[str, object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement, given)
        print("\n".join(f"    {line}" for (line,) in cursor), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--ratings", type=int, default=5, help="for each settled pair")
    parser.add_argument("--people", type=int, default=500, help="finders, and as many raters")
    parser.add_argument("--explain", action="store_true")
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    settled = asked.pairs * 9 // 10
    edition = make_queue_edition(
        SLUG, waiting=asked.pairs - settled, settled=settled, policy=Policy(quorum=asked.ratings), finders=asked.people
    )
    challenge = edition.challenge
    raters = [new_rater(challenge, f"{SLUG}-rater-{number}").pk for number in range(asked.people)]
    given = {
        "challenge": challenge.pk,
        "raters": raters,
        "finders": [one.pk for one in edition.finders],
        "each": asked.ratings,
        "policy": challenge.policy_id,
    }
    with connection.cursor() as cursor:
        for statement in (_PAST, _WORDS, _LEASES, _RATINGS, _BASES):
            cursor.execute(statement, given)
    vacuum()
    print(f"{asked.pairs:,} pairs, {settled * asked.ratings:,} ratings, {asked.people:,} finders and raters")
    organiser, at = User.objects.create_user(f"{SLUG}-organiser"), timezone.now()
    _timed("the overview, without agreement:", lambda: watching._count_pairs(challenge))  # noqa: SLF001 - the same query
    _timed("  the course of the queue:", lambda: queue_course.course_of(challenge, at))
    _timed("  agreement (kept until something changes):", lambda: agreement_of(challenge))
    _timed("the overview, all of it:", lambda: watching.count_overview(challenge, at))
    _timed("finders:", lambda: count_finders(challenge, at))
    _timed("patterns:", lambda: count_patterns(challenge, at))
    _timed("each look: what needs an organiser:", lambda: needs_of(challenge, organiser, at))
    if asked.explain:
        _explain(watching._PAIRS, {"challenge": challenge.pk, "bins": watching.BINS})  # noqa: SLF001
        whole = queue_course._STAYS + queue_course._BUCKETS_AND_TIMES  # noqa: SLF001
        _explain(whole, {"challenge": challenge.pk, "rescored": at, "moments": [at]})
        _explain(pattern_queries.FAVOURS, {"challenge": challenge.pk, "least": 10})
        _explain(
            pattern_queries.FOLLOWERS, {"challenge": challenge.pk, "least": 5, "alike": 0.7, "shown": 20}
        )  # fmt: skip


if __name__ == "__main__":
    main()
