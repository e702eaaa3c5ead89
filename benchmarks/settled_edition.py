"""An edition with many settled pairs, each with five answers, what they were worth, and the predictions of two
classifiers; made by SQL. Needs Django set up."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from benchmarks.queue_edition import _IMAGES, _POOL, LABELS, vacuum
from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.challenges.actions import add_target_labels, decide_policy, decide_roster
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.rules.policy import Policy

ANSWERS = 5
LICENCE = "https://creativecommons.org/licenses/by/2.0/"

_CREDITS = """
UPDATE catalog_image SET license = %(licence)s, author = 'Author ' || id %% 997, title = 'Picture ' || id,
    author_url = 'https://pictures.example/people/' || id %% 997,
    landing_url = 'https://pictures.example/' || id, original_url = 'https://pictures.example/' || id || '.jpg'
WHERE collection = %(slug)s
"""
_PREDICTIONS = """
INSERT INTO catalog_prediction (image_id, classifier_id, probabilities, created_at)
SELECT image.id, classifier, ARRAY(
    SELECT (abs(hashint8(image.id * 31 + classifier * 7 + place)) %% 10007 / 10007.0)::real
    FROM generate_series(1, %(labels)s) AS place), now()
FROM catalog_image image, unnest(%(classifiers)s::bigint[]) AS classifier WHERE image.collection = %(slug)s
"""
_PAIRS = """
WITH chosen AS (
    SELECT pool.image_id, target.label_id, target.position + 1 AS place,
        row_number() OVER (ORDER BY md5(pool.id || ' ' || target.id)) AS turn
    FROM challenges_poolimage pool JOIN challenges_targetlabel target ON target.challenge_id = pool.challenge_id
    WHERE pool.challenge_id = %(challenge)s
), scored AS (
    SELECT chosen.*, one.probabilities[place]::float8 AS a, two.probabilities[place]::float8 AS b
    FROM chosen
    JOIN catalog_prediction one ON one.image_id = chosen.image_id AND one.classifier_id = %(first)s
    JOIN catalog_prediction two ON two.image_id = chosen.image_id AND two.classifier_id = %(second)s
    WHERE turn <= %(pairs)s
), counted AS (
    SELECT scored.*, (a + b) / 2 AS mean, turn %% 7 AS yes FROM scored
)
INSERT INTO submissions_pair (challenge_id, image_id, label_id, state, state_changed_at, created_at, split,
    score_requests, unscorable_reason, machine_mean, machine_spread, machine_voices, machine_yes, roster_id, scored_at,
    tally_source, yes_ratings, no_ratings, dont_know_ratings, verdict, outcome, uncredited, least_ratings,
    reopened_reason, adjudicated_reason, withdrawn_reason, is_example, policy_id, settled_at)
SELECT %(challenge)s, image_id, label_id, 'settled', now(), now(),
    CASE WHEN turn %% 5 < 2 THEN 'heldout' ELSE 'public' END, 1, '', mean, abs(a - b) / 2, 2, mean >= 0.5, %(roster)s,
    now(), 'ratings', least(yes, 5), 5 - least(yes, 5), 0, CASE WHEN yes > 2 THEN 'yes' ELSE 'no' END,
    CASE WHEN (yes > 2) = (mean >= 0.5) THEN 'agreement' WHEN yes > 2 THEN 'false_negative' ELSE 'false_positive' END,
    '', 0, '', '', '', false, %(policy)s, now()
FROM counted ORDER BY turn
"""
_CLAIMS = """
INSERT INTO submissions_submission (pair_id, participation_id, rationale, charged, after_settlement, created_at)
SELECT id, (%(finders)s::bigint[])[1 + id %% cardinality(%(finders)s::bigint[])], '', true, false, now()
FROM submissions_pair WHERE challenge_id = %(challenge)s ORDER BY id
"""
_RATINGS = """
WITH slots AS (
    SELECT pair.id AS pair, slot, pair.yes_ratings AS yes,
        (%(raters)s::bigint[])[1 + (pair.id * 5 + slot) %% cardinality(%(raters)s::bigint[])] AS rater
    FROM submissions_pair pair, generate_series(0, 4) AS slot WHERE pair.challenge_id = %(challenge)s
), held AS (
    INSERT INTO review_lease (pair_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
    SELECT pair, rater, gen_random_uuid(), now() - interval '2 days', now() - interval '2 days',
        now() - interval '1 day', now() - interval '2 days', 'answered' FROM slots RETURNING id, pair_id, rater_id
)
INSERT INTO review_rating (pair_id, rater_id, lease_id, answer, state, created_at, final_at, seconds, device)
SELECT held.pair_id, held.rater_id, held.id, CASE WHEN slots.slot < slots.yes THEN 'yes' ELSE 'no' END, 'final',
    now() - interval '2 days', now() - interval '2 days', 1.0 + held.id %% 977 / 100.0, 'desktop'
FROM held JOIN slots ON slots.pair = held.pair_id AND slots.rater = held.rater_id
"""
_BASES = """
INSERT INTO review_verdictbasis (pair_id, policy_id, votes, prior_yes, posterior, created_at)
SELECT pair_id, %(policy)s, jsonb_agg(jsonb_build_object('rating', id, 'answer', answer,
    'if_yes', '[0.74, 0.18, 0.08]'::jsonb, 'if_no', '[0.18, 0.74, 0.08]'::jsonb) ORDER BY id), 0.5, 0.5, now()
FROM review_rating WHERE pair_id IN (SELECT id FROM submissions_pair WHERE challenge_id = %(challenge)s)
GROUP BY pair_id
"""


def make_settled_edition(slug: str, *, pairs: int, finders: int = 200, raters: int = 800) -> Challenge:
    """An edition in which so many pairs are settled by a majority of five answers each."""
    challenge = Challenge.objects.create(slug=slug, title=slug, vocabulary=slug, consent_text="A benchmark.")
    labels = add_labels(vocabulary=slug, labels=[NewLabel(f"label-{one:02}", f"Label {one}") for one in range(LABELS)])
    add_target_labels(challenge=challenge, labels=labels)
    decide_policy(challenge=challenge, policy=Policy())
    keys = [label.key for label in labels]
    classifiers = [
        add_classifier(card={"digest": f"{slug}-{name}", "name": name, "vocabulary": slug, "labels": keys})
        for name in ("one", "two")
    ]
    decide_roster(challenge=challenge, classifiers=classifiers)
    challenge.status = ChallengeStatus.CLOSED
    challenge.save(update_fields=["status"])
    challenge.refresh_from_db()
    values = {
        "slug": slug,
        "file": "none.jpg",
        "licence": LICENCE,
        "challenge": challenge.pk,
        "policy": challenge.policy_id,
        "roster": challenge.roster_id,
        "images": pairs // LABELS + 1,
        "labels": LABELS,
        "pairs": pairs,
        "classifiers": [one.pk for one in classifiers],
        "first": classifiers[0].pk,
        "second": classifiers[1].pk,
        "finders": _people(challenge, Role.FINDER, finders),
        "raters": _people(challenge, Role.RATER, raters),
    }
    with connection.cursor() as cursor:
        for statement in (_IMAGES, _CREDITS, _POOL, _PREDICTIONS, _PAIRS, _CLAIMS, _RATINGS, _BASES):
            cursor.execute(statement, values)
    vacuum()
    return challenge


def _people(challenge: Challenge, role: Role, number: int) -> list[int]:
    """Ids of so many new people in this role. They have no password to hash."""
    users = User.objects.bulk_create(
        User(username=f"{challenge.slug}-{role}-{one}", is_simulated=True) for one in range(number)
    )
    at = timezone.now()
    made = Participation.objects.bulk_create(
        Participation(challenge=challenge, user=user, role=role, consented_at=at, consent_version=1) for user in users
    )
    return [one.pk for one in made]
