"""How long it takes to learn every rater's skill anew, and to choose the next control question.

    python -m tests.with_servers python -m benchmarks.controls --ratings 1000000 --raters 500 --controls 1000

The rows are written straight into the database of the environment, which must be a throw-away one.
"""

# ruff: noqa: E402 - Django is set up before the models are imported
from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
django.setup()

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from cats4ml.challenges.models import Participation, Role
from cats4ml.review.controls import due_control
from cats4ml.review.models import EditionSkill, RaterSkill
from cats4ml.review.skills import rebuild_skills
from cats4ml.review.trust import look_at
from cats4ml.rules.policy import Policy
from tests.factories import World, make_world

PER_PAIR = 5
# Raters answer settled pairs in turn, right nine times of ten; every thirtieth of their questions was a control.
ROWS = """
INSERT INTO catalog_image (collection, image_id, uuid, file, sha256, upright, thumbnail, subset, original_url,
    original_md5, thumbnail_url, landing_url, license, author, author_url, title, created_at)
SELECT 'many', 'm' || n, gen_random_uuid(), '', '', '', '', '', '', '', '', '', '', '', '', '', now()
FROM generate_series(1, %(images)s) n;
INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)
SELECT %(challenge)s, id, image_id FROM catalog_image WHERE collection = 'many';
INSERT INTO submissions_pair (challenge_id, image_id, label_id, state, state_changed_at, created_at, split,
    score_requests, unscorable_reason, machine_mean, machine_yes, tally_source, yes_ratings, no_ratings,
    dont_know_ratings, verdict, outcome, settled_at, uncredited, least_ratings, reopened_reason, adjudicated_reason,
    withdrawn_reason, is_example)
SELECT %(challenge)s, id, %(label)s, 'settled', now(), now(), 'public', 1, '', 0.2, false, 'ratings', 0, 5, 0, 'no',
    'agreement', now(), '', 0, '', '', '', false
FROM catalog_image WHERE collection = 'many' ORDER BY id LIMIT %(pairs)s;
INSERT INTO review_controlquestion (challenge_id, image_id, label_id, truth, use, explanation, created_at)
SELECT %(challenge)s, id, %(label)s, CASE id %% 2 WHEN 0 THEN 'yes' ELSE 'no' END, 'mixed', '', now()
FROM catalog_image WHERE collection = 'many' ORDER BY id DESC LIMIT %(controls)s;
CREATE TEMPORARY TABLE who AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
FROM challenges_participation WHERE challenge_id = %(challenge)s AND role = 'rater';
INSERT INTO review_lease (pair_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
SELECT pair.id, who.id, gen_random_uuid(), now(), now(), now() + interval '1 minute', now(), 'answered'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM submissions_pair) pair
CROSS JOIN generate_series(0, %(per_pair)s - 1) turn
JOIN who ON who.place = (pair.place * %(per_pair)s + turn) %% %(raters)s;
INSERT INTO review_lease (control_id, rater_id, token, created_at, shown_at, expires_at, closed_at, ended)
SELECT control.id, who.id, gen_random_uuid(), now(), now(), now() + interval '1 minute', now(), 'answered'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM review_controlquestion) control
JOIN who ON (control.place + who.place) %% 15 = 0;
INSERT INTO review_rating (pair_id, control_id, rater_id, lease_id, answer, state, created_at, final_at, seconds,
    device)
SELECT pair_id, control_id, rater_id, lease.id,
    CASE WHEN (COALESCE(control.truth, 'no') = 'yes') <> (lease.id %% 10 = 0) THEN 'yes' ELSE 'no' END,
    'final', now(), now(), 2 + lease.id %% 5, 'desktop'
FROM review_lease lease LEFT JOIN review_controlquestion control ON control.id = lease.control_id;
ANALYZE;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=100_000)
    parser.add_argument("--raters", type=int, default=500)
    parser.add_argument("--controls", type=int, default=1_000)
    parser.add_argument("--questions", type=int, default=500, help="how often a next control is asked for")
    options = parser.parse_args()
    call_command("migrate", interactive=False, verbosity=0)
    world = make_world(policy=Policy(warm_up=0))
    _fill(world, options)
    raters = list(world.challenge.participations.filter(role=Role.RATER).select_related("challenge__policy")[:50])
    print(json.dumps({"settings": vars(options), "rebuild": _rebuild(world), **_choose(raters, options.questions)}))


def _fill(world: World, options: argparse.Namespace) -> None:
    world.raters(options.raters)
    pairs = options.ratings // PER_PAIR
    values = {
        "challenge": world.challenge.pk,
        "label": world.challenge.target_labels.first().label_id,
        "images": pairs + options.controls,
        "pairs": pairs,
        "controls": options.controls,
        "raters": options.raters,
        "per_pair": PER_PAIR,
    }
    with connection.cursor() as cursor:
        for statement in ROWS.split(";\n"):
            if statement.strip():
                cursor.execute(statement, values)


def _rebuild(world: World) -> dict[str, float]:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        rebuild_skills(challenge=world.challenge, at=timezone.now())
        seconds.append(time.perf_counter() - began)
    skill = EditionSkill.objects.get()
    return {
        "seconds": statistics.median(seconds),
        "raters": RaterSkill.objects.count(),
        "yes": skill.pooled["if_yes"][0],
    }


def _choose(raters: list[Participation], questions: int) -> dict[str, object]:
    """Milliseconds to choose the next question's control, where one came and where none did, and to look at a rater."""
    chosen: dict[bool, list[float]] = {True: [], False: []}
    looks = []
    for place in range(questions):
        rater = raters[place % len(raters)]
        with transaction.atomic():
            # Another last question for each time, as it would be.
            rater.leases.create(
                pair_id=rater.leases.filter(pair__isnull=False).values_list("pair", flat=True)[place // len(raters)],
                created_at=timezone.now(),
                expires_at=timezone.now() + timedelta(minutes=1),
                closed_at=timezone.now(),
                ended="expired",
            )
            began = time.perf_counter()
            control = due_control(rater=rater, at=timezone.now())
            chosen[control is not None].append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        look_at(rater=rater, at=timezone.now())
        looks.append(1000 * (time.perf_counter() - began))
    named = {"control": chosen[True], "no_control": chosen[False], "look": looks}
    return {name: {"n": len(one), **_summary(one)} for name, one in named.items()}


def _summary(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    return {"p50_ms": statistics.median(values), "p95_ms": statistics.quantiles(values, n=20)[-1]}


if __name__ == "__main__":
    main()
