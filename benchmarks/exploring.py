"""The part of `benchmarks.explore` that needs Django set up."""

from __future__ import annotations

import argparse
import html
import io
import random
import re
import struct
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.clicks import percentile
from benchmarks.edition import new_finder
from cats4ml.catalog.actions import NewLabel, add_classifier, add_labels
from cats4ml.catalog.arrays import half_vector
from cats4ml.catalog.models import Classifier, Embedding, Image
from cats4ml.challenges.actions import add_target_labels, decide_policy, decide_roster
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolImage, TargetLabel
from cats4ml.challenges.neighbours import ensure_index, neighbours
from cats4ml.pages.explore_queries import Filters, filtered
from cats4ml.rules.policy import Policy

LABELS = 23
PAGE = 48
NEAREST = 20
HUNDREDTH = 99
QUERIES = 60

# Half of the pictures have words of everyday ("photo"), one in fifty thousand has a rare one.
_IMAGES = """
INSERT INTO catalog_image (collection, image_id, uuid, file, sha256, upright, thumbnail, subset, original_url,
    original_md5, thumbnail_url, landing_url, license, author, author_url, title, width, height, created_at)
SELECT 'benchmark', substr(md5(number::text), 1, 16), gen_random_uuid(), 'p/' || number || '.jpg', '', '', '', 'train',
    'https://example.org/o/' || number, '', '', 'https://example.org/p/' || number,
    'https://creativecommons.org/licenses/by/2.0/', 'author ' || number %% 50000,
    'https://example.org/a/' || number %% 50000,
    'Picture ' || number, 1024, 768, now()
FROM generate_series(1, %(images)s) AS number
"""
_POOL = """
INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)
SELECT %(challenge)s, id, image_id FROM catalog_image
"""
# Three labels of each picture, the first labels far more often than the last; of ten annotations five by people.
_ANNOTATIONS = """
INSERT INTO catalog_annotation (image_id, label_id, source, confidence)
SELECT image.id, (%(labels)s::bigint[])[1 + floor(power(random(), 3) * %(number)s)::int],
    CASE WHEN random() < 0.5 THEN 1 ELSE 3 END, CASE WHEN random() < 0.3 THEN 0 ELSE 1 END
FROM catalog_image image CROSS JOIN generate_series(1, 3)
ON CONFLICT DO NOTHING
"""
_WORDS = """
INSERT INTO catalog_imagewords (image_id, words)
SELECT image.id, to_tsvector('english',
    'Picture ' || CASE WHEN random() < 0.5 THEN 'photo ' ELSE '' END
    || CASE WHEN random() < 0.01 THEN 'harbour ' ELSE '' END
    || CASE WHEN image.id %% 50000 = 7 THEN 'axolotl ' ELSE '' END
    || 'w' || floor(random() * 20000)::int || ' w' || floor(random() * random() * 2000)::int
    || ' ' || coalesce((SELECT string_agg(label.name, ' ') FROM catalog_annotation a JOIN catalog_label label
        ON label.id = a.label_id WHERE a.image_id = image.id), ''))
FROM catalog_image image
"""


_COUNT = re.compile(r'<p role="status">([^<]*)')
_NEXT = re.compile(r'href="([^"]*)" id="page-next"')


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace) -> dict[str, object]:
    settings.ALLOWED_HOSTS = ["testserver"]
    challenge = _edition(options)
    figures: dict[str, object] = {"images": options.images, "pages": _pages(challenge, options)}
    if options.vectors:
        figures["like"] = _like(challenge, options)
    return figures


def _edition(options: argparse.Namespace) -> Challenge:
    began = time.monotonic()
    challenge = Challenge.objects.create(slug="large", title="Large", vocabulary="benchmark", consent_text="Yes.")
    labels = add_labels(
        vocabulary="benchmark", labels=[NewLabel(f"/m/{number:03}", f"Label{number}") for number in range(LABELS)]
    )
    add_target_labels(challenge=challenge, labels=labels)
    decide_policy(challenge=challenge, policy=Policy(base_quota=1_000))
    card = {"digest": "net", "name": "net", "vocabulary": "benchmark", "labels": [label.key for label in labels]}
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card)])
    challenge.status = ChallengeStatus.OPEN
    challenge.save(update_fields=["status"])
    values = {
        "images": options.images, "challenge": challenge.pk, "labels": [one.pk for one in labels], "number": LABELS
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in (_IMAGES, _POOL, _ANNOTATIONS, _WORDS):
            cursor.execute(statement, values)
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SELECT count(*) FROM catalog_annotation")
        say(f"{options.images:,} pictures, {cursor.fetchone()[0]:,} annotations: {time.monotonic() - began:.0f} s")
    return challenge


FILTERS = {
    "no filter": "",
    "people said yes, frequent label": "label=/m/000&annotation=yes",
    "people said no, rare label": "label=/m/022&annotation=no",
    "machine, middling label": "label=/m/010&annotation=machine",
    "any annotation, frequent label": "label=/m/000",
    "unannotated": "label=/m/000&annotation=none",
    "id prefix, 1 in 16": "id=a",
    "id prefix, 1 in 4096": "id=abc",
    "word in half of all": "words=photo",
    "word in 1 of 100": "words=harbour",
    "rare word": "words=axolotl",
    "two frequent words": "words=photo+label0",
    "not claimed by me": "unclaimed=1",
    "label, word and not claimed": "label=/m/000&annotation=yes&words=harbour&unclaimed=1",
    "nothing fits": "label=/m/022&annotation=no&words=axolotl+photo+harbour",
}


def _pages(challenge: Challenge, options: argparse.Namespace) -> dict[str, object]:
    """Milliseconds of the first page and of the hundredth (the last one, where there are fewer)."""
    client = Client()
    client.force_login(_finder_with_claims(challenge))
    base = f"/challenges/{challenge.slug}/explore/"
    figures = {}
    for name, query in FILTERS.items():
        first = base + (f"?{query}" if query else "")
        page, number = client.get(first).content.decode(), 1
        found = _COUNT.search(page)
        deep = first
        while (following := _NEXT.search(page)) and number <= HUNDREDTH:
            deep = base + html.unescape(following[1])
            page, number = client.get(deep).content.decode(), number + 1
        figures[name] = {
            "found": found[1] if found else "",
            "first page": _looks(client, first, options.looks),
            f"page {number}": _looks(client, deep, options.looks),
        }
        say(f"{name}: {figures[name]}")
        if options.plans:
            _plans(client, first)
    return figures


def _finder_with_claims(challenge: Challenge) -> object:
    finder = new_finder(challenge, "looker")
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH made AS (INSERT INTO submissions_pair (challenge_id, image_id, label_id, state, state_changed_at,"
            " created_at, split, score_requests, unscorable_reason, tally_source, yes_ratings, no_ratings,"
            " dont_know_ratings, verdict, outcome, uncredited, least_ratings, reopened_reason,"
            " adjudicated_reason, withdrawn_reason, is_example)"
            " SELECT %(c)s, pool.image_id, target.label_id, 'queued', now(), now(), 'public', 1, '', 'ratings', 0, 0,"
            " 0, '', '', '', 0, '', '', '', false FROM challenges_poolimage pool, (SELECT min(label_id) AS label_id"
            " FROM challenges_targetlabel) target WHERE pool.image_id %% 1000 = 3 RETURNING id)"
            " INSERT INTO submissions_submission (pair_id, participation_id, rationale, charged, after_settlement,"
            " created_at) SELECT id, %(p)s, '', true, false, now() FROM made",
            {"c": challenge.pk, "p": finder.pk},
        )
    return finder.user


def _looks(client: Client, address: str, looks: int) -> dict[str, float]:
    seconds = []
    for _ in range(looks):
        began = time.perf_counter()
        assert client.get(address).status_code == 200
        seconds.append(time.perf_counter() - began)
    return {"p50 ms": round(median(seconds) * 1000, 1), "p95 ms": round(percentile(seconds, 95) * 1000, 1)}


def _plans(client: Client, address: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    slow = max(queries.captured_queries, key=lambda one: float(one["time"]))
    say(f"  slowest of {len(queries)} queries: {slow['time']} s\n  {slow['sql'][:600]}")
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + slow["sql"])
        say("\n".join(f"    {row[0]}" for row in cursor.fetchall()))


def _clustered(number: int, dimensions: int) -> Iterator[np.ndarray]:
    """Unit vectors (n, dimensions) of float16 in blocks: clusters whose sizes fall off, each wide in 64 directions."""
    rng = np.random.default_rng(1)
    clusters = max(2, number // 400)
    centres = rng.normal(size=(clusters, dimensions)).astype(np.float32)
    spread = rng.normal(size=(64, dimensions)).astype(np.float32) / 8
    share = 1 / np.arange(1, clusters + 1) ** 0.7
    for start in range(0, number, 10_000):
        size = min(10_000, number - start)
        own = centres[rng.choice(clusters, size, p=share / share.sum())]
        vectors = own + rng.normal(size=(size, 64)).astype(np.float32) @ spread
        vectors += 0.3 * rng.normal(size=vectors.shape).astype(np.float32)
        yield (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def _like(challenge: Challenge, options: argparse.Namespace) -> dict[str, object]:
    """By the index against one scan over all vectors: in the whole pool, and among the pictures of a filter."""
    [classifier] = Classifier.objects.all()
    images = list(Image.objects.order_by("pk").values_list("pk", flat=True)[: options.vectors])
    _copy_vectors(images, classifier, options.dimensions)
    began = time.monotonic()
    ensure_index(classifier.pk, options.dimensions)
    index_seconds = round(time.monotonic() - began, 1)
    say(f"index: {index_seconds} s")
    chosen = random.Random(2).sample(images, min(QUERIES, len(images)))
    vectors = dict(Embedding.objects.filter(image__in=chosen).values_list("image_id", "vector"))
    [label] = TargetLabel.objects.filter(label__key="/m/000")
    filters = Filters(label=label, annotation="yes")
    asked = [(classifier.pk, vectors[image]) for image in chosen]
    return {
        "vectors": options.vectors,
        "dimensions": options.dimensions,
        "index seconds": index_seconds,
        "in the whole pool": _against_brute_force(challenge, asked, PoolImage.objects.filter(challenge=challenge)),
        "with a filter": _against_brute_force(challenge, asked, filtered(challenge, filters, None)),
        "whole page": _like_pages(challenge, chosen),
    }


def _against_brute_force(
    challenge: Challenge, asked: list[tuple[int, list[float]]], among: QuerySet[PoolImage]
) -> dict[str, object]:
    def nearest(classifier: int, vector: list[float], offset: int = 0) -> list[int]:
        found = neighbours(
            challenge, classifier_id=classifier, vector=vector, limit=NEAREST, offset=offset, among=among
        )
        return [one.image for one in found]

    by_index: list[float] = []
    deep: list[float] = []
    brute: list[float] = []
    recall = []
    for classifier, vector in asked:
        found = _timed(by_index, partial(nearest, classifier, vector))
        _timed(deep, partial(nearest, classifier, vector, PAGE * 9))
        true = _timed(brute, partial(_brute_force, classifier, vector, among))
        recall.append(len(set(found) & set(true)) / max(1, len(true)))
    return {
        "by index": _milliseconds(by_index),
        "by index, from the 433rd on": _milliseconds(deep),
        "brute force": _milliseconds(brute),
        "brute force / index": round(median(brute) / median(by_index), 1),
        f"recall@{NEAREST}": {"mean": round(sum(recall) / len(recall), 4), "worst": round(min(recall), 2)},
    }


def _like_pages(challenge: Challenge, images: list[int]) -> dict[str, float]:
    client = Client()
    seconds: list[float] = []
    for uuid in Image.objects.filter(pk__in=images).values_list("uuid", flat=True):
        _timed(seconds, partial(client.get, f"/challenges/{challenge.slug}/explore/like/{uuid}/"))
    return _milliseconds(seconds)


def _timed(seconds: list[float], work: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    answer = work()
    seconds.append(time.perf_counter() - began)
    return answer


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    return {"p50 ms": round(median(seconds) * 1000, 1), "p95 ms": round(percentile(seconds, 95) * 1000, 1)}


def _brute_force(classifier: int, vector: list[float], among: QuerySet[PoolImage]) -> list[int]:
    """The true neighbours: every vector is compared, then those of the pool are kept."""
    pool, values = among.values("image_id").order_by().query.sql_with_params()
    kind = f"halfvec({len(vector)})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH near AS MATERIALIZED (SELECT image_id, vector::{kind} <=> %s::{kind} AS distance"
            f" FROM catalog_embedding WHERE classifier_id = %s AND image_id IN ({pool}))"
            " SELECT image_id FROM near ORDER BY distance, image_id LIMIT %s",
            [str(vector), classifier, *values, NEAREST],
        )
        return [row[0] for row in cursor.fetchall()]


def _copy_vectors(images: list[int], classifier: Classifier, dimensions: int) -> None:
    header = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
    now = struct.pack("!iq", 8, int((timezone.now().timestamp() - 946_684_800) * 1_000_000))
    ids = iter(images)
    with connection.cursor() as cursor:
        for block in _clustered(len(images), dimensions):
            body = io.BytesIO()
            body.write(header)
            for one in block:
                packed = half_vector(one)
                body.write(struct.pack("!hiqiqi", 4, 8, next(ids), 8, classifier.pk, len(packed)) + packed + now)
            body.write(struct.pack("!h", -1))
            body.seek(0)
            cursor.copy_expert(
                "COPY catalog_embedding (image_id, classifier_id, vector, created_at) FROM STDIN (FORMAT binary)", body
            )
        cursor.execute("ANALYZE catalog_embedding")
