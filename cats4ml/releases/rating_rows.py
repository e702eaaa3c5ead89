"""Every answer of an edition as a row that crowd-kit reads as it is, and from which nobody can be told."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from django.conf import settings

from cats4ml.challenges.models import Challenge
from cats4ml.releases.rows import ROWS_AT_A_TIME
from cats4ml.review.models import Rating, RatingState

# crowd-kit's own names: its aggregations take a table with these three columns.
RATING_COLUMNS = ("task", "worker", "label")
DETAIL_COLUMNS = ("image_id", "label_id", "control", "seconds", "device", "created_at", "state")
# 64 bits: of a million workers no two are the same but once in 37 million editions.
WORKER_DIGITS = 16

Cells = tuple[object, ...]


@dataclass(frozen=True)
class Wanted:
    """`final`: only answers that count. `controls`: those to control questions too. `details`: with the further columns
    of `DETAIL_COLUMNS`."""

    final: bool = True
    controls: bool = False
    details: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (*RATING_COLUMNS, *DETAIL_COLUMNS) if self.details else RATING_COLUMNS


def rating_rows(challenge: Challenge, wanted: Wanted) -> Iterator[Cells]:
    """The rows, in the order in which the answers were given, read through a cursor of the database's.

    `task` is `image_id:label_id`, so that the rows join with the export of pairs. `worker` is the same for all
    answers of one rater in the edition, another in another edition, and tells nothing of who it is. `label` is yes, no
    or dont_know; `created_at` is in UTC, to the second.
    """
    worker = cache(worker_names(challenge))
    ratings = Rating.objects.filter(rater__challenge=challenge).order_by("pk")
    if wanted.final:
        ratings = ratings.filter(state=RatingState.FINAL)
    if not wanted.controls:
        ratings = ratings.filter(pair__isnull=False)
    found = ratings.values_list(
        "rater_id", "answer", "pair__image__image_id", "pair__label__key",
        "control__image__image_id", "control__label__key", "seconds", "device", "created_at", "state",
    )  # fmt: skip
    for rater, answer, *subject, seconds, device, at, state in found.iterator(chunk_size=ROWS_AT_A_TIME):
        image, label, control_image, control_label = subject
        is_control = image is None
        image_id, label_id = (control_image, control_label) if is_control else (image, label)
        row = (f"{image_id}:{label_id}", worker(rater), answer)
        if wanted.details:
            stamp = f"{at:%Y-%m-%dT%H:%M:%SZ}"
            yield (*row, image_id, label_id, int(is_control), f"{seconds:.3f}", device, stamp, state)
        else:
            yield row


def worker_names(challenge: Challenge) -> Callable[[int], str]:
    """By rater's id, their name in an edition's tables: by a key of the edition's own, derived from the site's secret.
    With another secret all names are others."""
    purpose = f"cats4ml.releases.rating_rows:{challenge.pk}"
    key = hmac.new(settings.SECRET_KEY.encode(), purpose.encode(), sha256).digest()

    def name(rater: int) -> str:
        return hmac.new(key, str(rater).encode(), sha256).hexdigest()[:WORKER_DIGITS]

    return name
