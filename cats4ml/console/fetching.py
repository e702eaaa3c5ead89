"""The pictures of one edition's pool: fetched, counted, and told of."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Count, QuerySet

from cats4ml.catalog.fetching.patience import Patience
from cats4ml.catalog.fetching.picture import Sources
from cats4ml.catalog.fetching.run import Tally, fetch, waiting_for_fetch
from cats4ml.catalog.fetching.sources import Bucket, Web
from cats4ml.catalog.models import FetchFailure, Image
from cats4ml.challenges.models import Challenge
from cats4ml.console.ahead import SHOWN, Trouble
from cats4ml.console.progress import Log, Progress
from cats4ml.ui.spreadsheets import harmless


@dataclass(frozen=True)
class Came:
    """What fetching a pool came to. `there`: target images with a file, `fetched` of them by this run, which tried and
    `failed` others; `left`: those that neither have a file nor a reason why not."""

    challenge: str
    images: int
    there: int
    fetched: int
    failed: int
    left: int
    bytes: int
    seconds: float
    troubles: list[Trouble]


def open_images_sources(*, parallel: int, patience: Patience | None = None) -> Sources:
    """The bucket of the settings, and the rows' own addresses."""
    patience = patience or Patience()
    bucket = Bucket(
        name=settings.OPEN_IMAGES_BUCKET,
        endpoint=settings.OPEN_IMAGES_ENDPOINT,
        connections=parallel,
        patience=patience,
    )
    return Sources(bucket=bucket, web=Web(patience), patience=patience)


def pool_images(challenge: Challenge) -> QuerySet[Image]:
    return Image.objects.filter(pk__in=challenge.pool.values("image"), hidden_at=None)


def fetch_pool(
    challenge: Challenge,
    *,
    parallel: int,
    log: Log,
    limit: int | None = None,
    retry_failed: bool = False,
    sources: Sources | None = None,
) -> Came:
    """Fetch the target images that have no file. May be interrupted at any time. Raises `FetchStopped` as `fetch`."""
    began = time.monotonic()
    images = pool_images(challenge)
    todo = waiting_for_fetch(images, retry_failed=retry_failed).count()
    total = todo if limit is None else min(todo, limit)
    with Progress(total, "Fetching", log) as bar:
        tally = fetch(
            images,
            sources=sources or open_images_sources(parallel=parallel),
            parallel=parallel,
            limit=limit,
            retry_failed=retry_failed,
            tell=lambda now: bar.to(now.done),
        )
    return _came(challenge, tally, seconds=time.monotonic() - began)


def write_report(challenge: Challenge, path: Path) -> None:
    """A CSV of the target images that could not be fetched, each with its reason. Raises `OSError`."""
    failures = FetchFailure.objects.filter(image__in=pool_images(challenge).filter(file="")).order_by("image")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "reason", "detail", "tries"])
        rows = failures.values_list("image__image_id", "reason", "detail", "tries")
        writer.writerows([image, reason, harmless(detail), tries] for image, reason, detail, tries in rows.iterator())


def _came(challenge: Challenge, tally: Tally, *, seconds: float) -> Came:
    images = pool_images(challenge)
    return Came(
        challenge=challenge.slug,
        images=images.count(),
        there=images.exclude(file="").count(),
        fetched=tally.fetched,
        failed=tally.failed,
        left=waiting_for_fetch(images, retry_failed=False).count(),
        bytes=tally.bytes,
        seconds=round(seconds, 2),
        troubles=_troubles(images.filter(file="")),
    )


def _troubles(images: QuerySet[Image]) -> list[Trouble]:
    failures = FetchFailure.objects.filter(image__in=images)
    counts = failures.order_by("reason").values_list("reason").annotate(n=Count("pk"))
    return [
        Trouble(
            reason,
            number,
            list(failures.filter(reason=reason).order_by("image").values_list("image__image_id", flat=True)[:SHOWN]),
        )
        for reason, number in counts
    ]
