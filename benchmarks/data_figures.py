"""The part of `benchmarks.data_files` that needs Django set up."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from cats4ml.challenges.data_contents import Snapshot, forget_pool_state
from cats4ml.challenges.data_files import ask_for, build
from cats4ml.challenges.editions import create_edition
from cats4ml.challenges.models import Challenge, DataFileKind
from cats4ml.challenges.pool_counts import count_pool
from cats4ml.challenges.pools import PoolChoice, draw_pool
from cats4ml.rules.policy import Policy

ANNOTATIONS_A_PICTURE = 3
LABELS = 600
# The rows of our files without their order, their quotes and their addresses.
BARE = {
    DataFileKind.IMAGES: (
        "SELECT pool.image_key, subset, original_url, landing_url, license, author_url, author, title, original_bytes,"
        " original_md5, thumbnail_url, rotation, uuid"
        " FROM challenges_poolimage pool JOIN catalog_image image ON image.id = pool.image_id"
    ),
    DataFileKind.ANNOTATIONS: (
        "SELECT pool.image_key, source, label.key, confidence FROM challenges_poolimage pool"
        " JOIN catalog_annotation said ON said.image_id = pool.image_id"
        " JOIN catalog_label label ON label.id = label_id"
    ),
}


def fill(images: int, annotations: int) -> None:
    """A catalogue as the importers leave it: rows as long as Open Images' are, ids in no order, many authors."""

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_label (vocabulary, key, name, description)"
            " SELECT 'openimages', '/m/' || lpad(to_hex(n), 5, '0'), 'Label ' || n, '' FROM generate_series(1, %s) n",
            [LABELS],
        )
        cursor.execute(
            """
            INSERT INTO catalog_image (collection, image_id, uuid, file, sha256, upright, thumbnail, subset,
                original_url, original_bytes, original_md5, thumbnail_url, landing_url, license, author,
                author_url, title, rotation,
                created_at)
            SELECT 'openimages', left(md5(n::text), 16), gen_random_uuid(), '', '', '', '', 'train',
                'https://farm3.staticflickr.com/5310/' || n || '_51085e157c_o.jpg', 1000000 + n,
                left(md5(n::text), 22) || '==',
                'https://c1.staticflickr.com/6/5310/' || n || '_00643a940c_z.jpg',
                'https://www.flickr.com/photos/somebody/' || n, 'https://creativecommons.org/licenses/by/2.0/',
                'Author ' || n %% 10000, 'https://www.flickr.com/people/author-' || n %% 10000,
                'A title of picture ' || n, 0, now()
            FROM generate_series(1, %s) n
            """,
            [images],
        )
        each = annotations // images
        cursor.execute(
            """
            INSERT INTO catalog_annotation (image_id, label_id, source, confidence)
            SELECT image.id, label.id, CASE WHEN place %% 3 = 0 THEN 1 ELSE 3 END,
                CASE WHEN place %% 3 = 0 THEN 1 ELSE 0.7 END
            FROM catalog_image image
            CROSS JOIN generate_series(1, %s) place
            JOIN catalog_label label
                ON label.key = '/m/' || lpad(to_hex(1 + (image.id * 7 + place * 101) %% %s), 5, '0')
            ON CONFLICT DO NOTHING
            """,
            [each, LABELS],
        )
        cursor.execute("ANALYZE")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_files(pictures: int) -> dict[str, Any]:

    fill(pictures, ANNOTATIONS_A_PICTURE * pictures)
    challenge = draft("files")
    choice = PoolChoice(collection="openimages", labels=("/m/00001",), annotations=("any", "none"))
    draw_pool(challenge=challenge, choice=choice, seed="s", at=timezone.now())
    figures: dict[str, Any] = {"pictures": pictures}
    for kind, query in BARE.items():
        rows = pictures * (1 if kind == DataFileKind.IMAGES else ANNOTATIONS_A_PICTURE)
        seconds = min(timed(lambda query=query: copy(query))[0] for _ in range(3))
        row = ask_for(challenge=challenge, kind=kind, at=timezone.now())
        before = peak_mb()
        ours, _ = timed(lambda row=row: build(data_file=row.pk, at=timezone.now()))
        row.refresh_from_db()
        figures[kind.value] = {
            "state": row.state,
            "mb": round((row.bytes or 0) / 1e6, 1),
            "rows_per_second": round(rows / ours),
            "bare_copy_rows_per_second": round(rows / seconds),
            "times_as_long_as_bare": round(ours / seconds, 2),
            "peak_memory_grew_mb": round(peak_mb() - before, 1),
        }
    return figures | {"peak_memory_mb": round(peak_mb())}


def copy(query: str) -> None:

    with tempfile.TemporaryFile() as file, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv)", file)


def draft(slug: str) -> Any:

    return create_edition(slug=slug, title=slug, summary="", vocabulary="openimages", policy=Policy())


def measure_pool(images: int, annotations: int) -> dict[str, Any]:

    fill(images, annotations)
    keys = tuple(f"/m/{number:05x}" for number in range(1, 24))
    some = PoolChoice(collection="openimages", labels=keys, subset="train", size=12_000)
    each = PoolChoice(collection="openimages", labels=keys, subset="train", per_label=500)
    every = PoolChoice(collection="openimages", labels=keys, subset="train", annotations=("any", "none"))
    figures: dict[str, Any] = {"images": images, "annotations": annotations}
    for name, choice in (("12,000 of 23 labels", some), ("500 of each of 23 labels", each), ("all pictures", every)):
        challenge = draft(f"pool-{len(figures)}")
        for again in ("", ", again"):
            seconds, drawn = timed(
                lambda challenge=challenge, choice=choice: draw_pool(
                    challenge=challenge, choice=choice, seed="s", at=timezone.now()
                )
            )
            figures[name + again] = {"seconds": round(seconds, 2), "matching": drawn.matching, "added": drawn.added}
    forget_pool_state(challenge)
    figures["state of the largest pool, seconds"] = round(timed(lambda: Snapshot(challenge).counts())[0], 3)
    figures["counting it, seconds"] = round(
        timed(lambda: count_pool(challenge_id=challenge.pk, at=timezone.now()))[0], 2
    )
    Challenge.objects.update(status="open")
    client, address = Client(HTTP_HOST="localhost"), f"/challenges/{challenge.slug}/data/"
    looks = [timed(lambda: client.get(address))[0] for _ in range(21)]
    figures["data page, first and median of 20, seconds"] = [round(looks[0], 3), round(sorted(looks[1:])[10], 3)]
    return figures
