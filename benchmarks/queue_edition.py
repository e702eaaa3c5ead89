"""Editions with many pairs in review, made by SQL, for the benchmarks of the rater queue. Needs Django set up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from benchmarks.edition import new_finder
from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.actions import add_target_labels, decide_policy, decide_roster, join_challenge
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.review.queue import fill
from cats4ml.rules.policy import Policy

LABELS = 20

_IMAGES = """
INSERT INTO catalog_image (collection, image_id, uuid, file, sha256, upright, thumbnail, subset, original_url,
    original_md5, thumbnail_url, landing_url, license, author, author_url, title, width, height, created_at)
SELECT %(slug)s, substr(md5(number::text), 1, 16), gen_random_uuid(), %(file)s, '', '', '', '', '', '', '', '', '', '',
    '', '', 1024, 768, now()
FROM generate_series(1, %(images)s) AS number
"""
_POOL = """
INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)
SELECT %(challenge)s, id, image_id FROM catalog_image WHERE collection = %(slug)s
"""
# The first of the finders claimed half of all pairs, the others share the rest evenly; %(waiting)s of them are in
# review, the rest is settled.
_PAIRS = """
WITH chosen AS (
    SELECT pool.image_id, target.label_id, row_number() OVER (ORDER BY md5(pool.id || ' ' || target.id)) AS place
    FROM challenges_poolimage pool JOIN challenges_targetlabel target ON target.challenge_id = pool.challenge_id
    WHERE pool.challenge_id = %(challenge)s
), made AS (
    INSERT INTO submissions_pair (challenge_id, image_id, label_id, state, state_changed_at, created_at, split,
        score_requests, unscorable_reason, machine_mean, machine_yes, scored_at, tally_source, yes_ratings, no_ratings,
        dont_know_ratings, verdict, outcome, uncredited, least_ratings, reopened_reason, adjudicated_reason,
        withdrawn_reason, is_example, settled_at)
    SELECT %(challenge)s, image_id, label_id, CASE WHEN waits THEN 'in_review' ELSE 'settled' END, now(), now(),
        'public', 1, '', 0.1, false, now(), 'ratings', 0, 0, 0, CASE WHEN waits THEN '' ELSE 'no' END,
        CASE WHEN waits THEN '' ELSE 'agreement' END, '', 0, '', '', '', false, CASE WHEN waits THEN NULL ELSE now() END
    FROM (SELECT chosen.*, place <= %(waiting)s AS waits FROM chosen WHERE place <= %(waiting)s + %(settled)s) one
    ORDER BY place
    RETURNING id
)
INSERT INTO submissions_submission (pair_id, participation_id, rationale, charged, after_settlement, created_at)
SELECT id, CASE WHEN id %% 2 = 0 THEN (%(finders)s::bigint[])[1]
    ELSE (%(finders)s::bigint[])[2 + (id / 2) %% (cardinality(%(finders)s::bigint[]) - 1)] END, '', true, false, now()
FROM made
"""
_HISTORY = """
WITH old AS (
    (SELECT pair_id FROM review_waiting WHERE challenge_id = %(challenge)s
        ORDER BY turn, shuffle, pair_id LIMIT %(begun)s)
    UNION ALL
    (SELECT id FROM submissions_pair WHERE challenge_id = %(challenge)s AND state = 'settled' ORDER BY id
        LIMIT %(ended)s)
), held AS (
    INSERT INTO review_lease (pair_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
    SELECT pair_id, %(rater)s, gen_random_uuid(), now() - interval '2 days', now() - interval '2 days',
        now() - interval '1 day', now() - interval '2 days', 'answered'
    FROM old RETURNING id, pair_id
)
INSERT INTO review_rating (pair_id, rater_id, lease_id, answer, state, created_at, final_at, seconds, device)
SELECT pair_id, %(rater)s, id, 'no', 'final', now() - interval '2 days', now() - interval '2 days', 3, 'desktop'
FROM held
"""
_BEGUN = """
UPDATE review_waiting SET answers = 1, missing = %(quorum)s - 1, places = %(quorum)s - 1
WHERE pair_id IN (SELECT pair_id FROM review_rating WHERE rater_id = %(rater)s)
"""


# In the queue alone: what a rater is given is decided by its rows.
_SENSITIVE = """
UPDATE review_waiting SET sensitive = ARRAY[%(kind)s]::varchar[]
WHERE pair_id IN (SELECT pair_id FROM review_waiting WHERE challenge_id = %(challenge)s AND (answers > 0) = %(begun)s
    ORDER BY missing, turn, shuffle, pair_id
    LIMIT %(share)s * (SELECT count(*) FROM review_waiting
        WHERE challenge_id = %(challenge)s AND (answers > 0) = %(begun)s))
"""


@dataclass(frozen=True)
class QueueEdition:
    challenge: Challenge
    finders: Sequence[Participation]


def make_queue_edition(
    slug: str,
    *,
    waiting: int,
    policy: Policy,
    finders: int = 50,
    settled: int = 0,
    spare: int = 0,
    file: str = "none.jpg",
) -> QueueEdition:
    """An open edition in which so many pairs wait for raters, with their rows of the queue, and so many are settled.
    `spare`: pictures more than these take."""
    challenge = Challenge.objects.create(slug=slug, title=slug, vocabulary=slug, consent_text="A benchmark.")
    labels = add_labels(vocabulary=slug, labels=[NewLabel(f"label-{one:02}", f"Label {one}") for one in range(LABELS)])
    add_target_labels(challenge=challenge, labels=labels)
    decide_policy(challenge=challenge, policy=policy)
    card = {"digest": slug, "name": slug, "vocabulary": slug, "labels": [label.key for label in labels]}
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card)])
    challenge.status = ChallengeStatus.OPEN
    challenge.save(update_fields=["status"])
    people = [new_finder(challenge, f"{slug}-finder-{number}") for number in range(finders)]
    values = {
        "slug": slug,
        "file": file,
        "challenge": challenge.pk,
        "images": (waiting + settled) // LABELS + 1 + spare,
        "waiting": waiting,
        "settled": settled,
        "finders": [one.pk for one in people],
    }
    with connection.cursor() as cursor:
        for statement in (_IMAGES, _POOL, _PAIRS):
            cursor.execute(statement, values)
    fill(challenge, at=timezone.now())
    return QueueEdition(challenge, people)


def new_rater(challenge: Challenge, name: str) -> Participation:
    return join_challenge(
        challenge=challenge,
        user=User.objects.create_user(name, is_simulated=True),
        role=Role.RATER,
        consent_version=challenge.consent_version,
        at=timezone.now(),
    )


def give_history(rater: Participation, *, begun: int, ended: int) -> None:
    """Final answers of this rater to the first pairs of the queue, which are begun by them alone, and to settled
    ones. The edition's rule is a majority of a quorum, whose rows are counted by one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, {"challenge": rater.challenge_id, "rater": rater.pk, "begun": begun, "ended": ended})
        cursor.execute(_BEGUN, {"rater": rater.pk, "quorum": rater.challenge.rules.quorum})


def make_sensitive(challenge: Challenge, share: float) -> None:
    """Mark this share of the queue's head, of what is begun and of what is fresh, as of one sensitive kind."""
    with connection.cursor() as cursor:
        for begun in (True, False):
            values = {"kind": SensitiveKind.values[0], "challenge": challenge.pk, "begun": begun, "share": share}
            cursor.execute(_SENSITIVE, values)


def vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
