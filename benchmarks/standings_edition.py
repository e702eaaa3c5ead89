"""A large edition with settled pairs, their answers and its ledger, made by SQL. Needs Django set up."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from benchmarks.edition import new_finder
from benchmarks.queue_edition import new_rater, vacuum
from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.challenges.actions import add_target_labels, decide_policy, decide_roster
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.review.skills import rebuild_skills
from cats4ml.rules.policy import Policy

LABELS = 20

# Made quickly: nothing refers to what isn't there, and so nothing is looked up for it.
_TRUSTED = "SET session_replication_role = replica"
_IMAGES = """
INSERT INTO catalog_image (collection, image_id, uuid, file, sha256, upright, thumbnail, subset, original_url,
    original_md5, thumbnail_url, landing_url, license, author, author_url, title, width, height, created_at)
SELECT %(slug)s, substr(md5(number::text), 1, 16), gen_random_uuid(), 'none.jpg', '', '', '', '', '', '', '', '', '',
    '', '', '', 1024, 768, now()
FROM generate_series(1, %(images)s) AS number
"""
# One picture of ten has near-copies: groups of four.
_POOL = """
INSERT INTO challenges_poolimage (challenge_id, image_id, image_key, copy_group)
SELECT %(challenge)s, id, image_id, CASE WHEN id %% 40 < 4 THEN id / 40 + 1 END
FROM catalog_image WHERE collection = %(slug)s
"""
# Five answers of raters of whom four in five are right, to pairs of which two in five contradict the machines.
_MADE = """
CREATE TEMPORARY TABLE made AS
WITH chosen AS (
    SELECT pool.image_id, target.label_id, pool.copy_group,
        row_number() OVER (ORDER BY md5(pool.id || target.id::text)) AS place
    FROM challenges_poolimage pool JOIN challenges_targetlabel target ON target.challenge_id = pool.challenge_id
    WHERE pool.challenge_id = %(challenge)s
), scored AS (
    SELECT *, random() AS mean, random() < 0.4 AS contradicts,
        (%(finders)s::bigint[])[1 + floor(cardinality(%(finders)s::bigint[]) * power(random(), 1.5))::int] AS finder,
        place <= %(settled)s AS done
    FROM chosen WHERE place <= %(settled)s + %(waiting)s
), answered AS (
    SELECT *, mean >= 0.5 AS machine_yes, (mean >= 0.5) <> contradicts AS truth,
        (SELECT count(*) FROM generate_series(1, 5) nth WHERE random() < 0.8 AND scored.place > 0) AS right_answers
    FROM scored
)
SELECT *, CASE WHEN truth THEN right_answers ELSE 5 - right_answers END AS yes,
    nextval(pg_get_serial_sequence('submissions_pair', 'id')) AS pair
FROM answered ORDER BY place
"""
_PAIRS = """
INSERT INTO submissions_pair (id, challenge_id, image_id, label_id, state, state_changed_at, created_at, split,
    score_requests, unscorable_reason, machine_mean, machine_yes, roster_id, scored_at, tally_source, yes_ratings,
    no_ratings, dont_know_ratings, verdict, outcome, uncredited, policy_id, settled_at, least_ratings, reopened_reason,
    adjudicated_reason, withdrawn_reason, is_example)
SELECT pair, %(challenge)s, image_id, label_id, CASE WHEN done THEN 'settled' ELSE 'in_review' END, at, at, 'public',
    1, '', mean, machine_yes, %(roster)s, at, 'ratings', CASE WHEN done THEN yes ELSE 0 END,
    CASE WHEN done THEN 5 - yes ELSE 0 END, 0, CASE WHEN NOT done THEN '' WHEN yes > 2 THEN 'yes' ELSE 'no' END,
    CASE WHEN NOT done THEN '' WHEN (yes > 2) = machine_yes THEN 'agreement'
        WHEN yes > 2 THEN 'false_negative' ELSE 'false_positive' END,
    CASE WHEN done AND (yes > 2) <> machine_yes AND copy_group IS NOT NULL AND place %% 2 = 0 THEN 'near_copy'
        ELSE '' END,
    CASE WHEN done THEN %(policy)s END, CASE WHEN done THEN at END, 0, '', '', '', false
FROM (SELECT *, now() - interval '20 days' * (1 - place::float8 / (%(settled)s + 1)) AS at FROM made) one
ORDER BY place
"""
# One pair of twenty was claimed a second time.
_CLAIMS = """
INSERT INTO submissions_submission (pair_id, participation_id, rationale, charged, after_settlement, created_at)
SELECT pair, finder, '', true, false, now() - interval '21 days' FROM made
UNION ALL
SELECT pair, (%(finders)s::bigint[])[1 + pair %% cardinality(%(finders)s::bigint[])], '', false, false, now()
FROM made WHERE place %% 20 = 0 AND finder <> (%(finders)s::bigint[])[1 + pair %% cardinality(%(finders)s::bigint[])]
"""
_CREDITS = """
INSERT INTO submissions_credit (challenge_id, pair_id, submission_id, participation_id, kind, points, adverse, outcome,
    policy_id, roster_id, machine_mean, ratings, reason, created_at)
SELECT %(challenge)s, pair.id, claim.id, claim.participation_id, 'given', 1, 1, pair.outcome, %(policy)s, %(roster)s,
    pair.machine_mean, '{}', '', pair.settled_at
FROM submissions_pair pair JOIN submissions_submission claim ON claim.pair_id = pair.id AND claim.charged
WHERE pair.challenge_id = %(challenge)s AND pair.outcome IN ('false_negative', 'false_positive')
    AND pair.uncredited = '' ORDER BY pair.settled_at
"""
_ANSWERS = """
CREATE TEMPORARY TABLE given AS
SELECT pair, (%(raters)s::bigint[])[1 + (pair * 7 + nth) %% cardinality(%(raters)s::bigint[])] AS rater,
    CASE WHEN nth <= yes THEN 'yes' ELSE 'no' END AS answer,
    nextval(pg_get_serial_sequence('review_rating', 'id')) AS rating,
    nextval(pg_get_serial_sequence('review_lease', 'id')) AS lease
FROM made CROSS JOIN generate_series(1, 5) nth WHERE done
"""
_LEASES = """
INSERT INTO review_lease (id, pair_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
SELECT lease, pair, rater, gen_random_uuid(), now() - interval '2 days', now() - interval '2 days',
    now() - interval '1 day', now() - interval '2 days', 'answered' FROM given
"""
_RATINGS = """
INSERT INTO review_rating (id, pair_id, rater_id, lease_id, answer, state, created_at, final_at, seconds, device)
SELECT rating, pair, rater, lease, answer, 'final', now() - interval '2 days', now() - interval '2 days', 3, 'desktop'
FROM given
"""
_BASES = """
INSERT INTO review_verdictbasis (pair_id, policy_id, votes, prior_yes, posterior, created_at)
SELECT pair, %(policy)s, jsonb_agg(jsonb_build_object('rating', rating, 'answer', answer,
    'if_yes', '[0.74, 0.18, 0.08]'::jsonb, 'if_no', '[0.18, 0.74, 0.08]'::jsonb) ORDER BY rating), 0.5, 0.9, now()
FROM given GROUP BY pair ORDER BY pair
"""
_END = "SET session_replication_role = DEFAULT; DROP TABLE made, given"
STEPS = (
    _TRUSTED, _IMAGES, _POOL, _MADE, _PAIRS, _CLAIMS, _CREDITS, _ANSWERS, _LEASES, _RATINGS, _BASES, _END,
)  # fmt: skip


def make_standings_edition(slug: str, *, pairs: int, finders: int, raters: int) -> Challenge:
    """An open edition with so many settled pairs, five answers each, and 6% more pairs in review."""
    challenge = Challenge.objects.create(slug=slug, title=slug, vocabulary=slug, consent_text="A benchmark.")
    labels = add_labels(vocabulary=slug, labels=[NewLabel(f"label-{one:02}", f"Label {one}") for one in range(LABELS)])
    add_target_labels(challenge=challenge, labels=labels)
    policy = decide_policy(challenge=challenge, policy=Policy())
    card = {"digest": slug, "name": slug, "vocabulary": slug, "labels": [label.key for label in labels]}
    roster = decide_roster(challenge=challenge, classifiers=[add_classifier(card=card)])
    challenge.status = ChallengeStatus.OPEN
    challenge.save(update_fields=["status"])
    waiting = pairs * 6 // 100
    values = {
        "slug": slug,
        "challenge": challenge.pk,
        "policy": policy.pk,
        "roster": roster.pk,
        "images": (pairs + waiting) // LABELS + 1,
        "settled": pairs,
        "waiting": waiting,
        "finders": [new_finder(challenge, f"{slug}-finder-{number:04}").pk for number in range(finders)],
        "raters": [new_rater(challenge, f"{slug}-rater-{number:04}").pk for number in range(raters)],
    }
    with connection.cursor() as cursor:
        for statement in STEPS:
            cursor.execute(statement, values)
    vacuum()
    rebuild_skills(challenge=challenge, at=timezone.now())
    return challenge
